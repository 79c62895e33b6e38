"""Recurrent networks that guess the next character: written as a loop of Python, and with the library's layer.

Our layer is a `tg.scan`; PyTorch's is written in C++. JAX's program is a `lax.scan` beside both.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from suite.program import Program, linear

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


class Recurrent(Program):
    """Characters through a table, a recurrent layer and a linear one."""

    kind = "LSTM"
    length, batch, characters, width = 50, 32, 65, 128
    tiny = {"length": 4, "batch": 2, "characters": 5, "width": 4}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        rows, w = GATES[self.kind] * self.width, self.width
        layer = {"weight_ih_l0": (rows, w), "weight_hh_l0": (rows, w), "bias_ih_l0": (rows,), "bias_hh_l0": (rows,)}
        inside = {f"layer.{name}": shape for name, shape in layer.items()}
        return {"table.weight": (self.characters, w)} | inside | linear("head", w, self.characters)

    def data(self) -> tuple[np.ndarray, ...]:
        """Characters (length, batch), and those that follow."""
        text = self.random.integers(0, self.characters, (self.length + 1, self.batch))
        return text[:-1], text[1:]

    def network(self, nn: Any) -> Any:
        return nn.ModuleDict(
            {
                "table": nn.Embedding(self.characters, self.width),
                "layer": getattr(nn, self.kind)(self.width, self.width),
                "head": nn.Linear(self.width, self.characters),
            }
        )

    def outputs(self, lib: Any, model: Any, x: Any) -> Any:
        return model["layer"](x)[0]

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, y = data
        logits = model["head"](self.outputs(lib, model, model["table"](x)))
        return lib.nn.functional.cross_entropy(logits.reshape(-1, self.characters), y.reshape(-1))

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax
        import jax.numpy as jnp

        from suite import in_jax

        def once(state, x):
            return in_jax.cell(self.kind, state, x, weights["layer.weight_hh_l0"], weights["layer.bias_hh_l0"])

        x, y = data
        projected = weights["table.weight"][x] @ weights["layer.weight_ih_l0"].T + weights["layer.bias_ih_l0"]
        state = (jnp.zeros((self.batch, self.width)),) * (2 if self.kind == "LSTM" else 1)
        _, outputs = jax.lax.scan(once, state, projected)
        return in_jax.cross_entropy(in_jax.linear(weights, "head", outputs), y)


class ByHand(Recurrent):
    """The same as a loop over time steps, whose gates are slices."""

    def outputs(self, lib: Any, model: Any, x: Any) -> Any:
        layer, w, made = model["layer"], self.width, []
        h = c = lib.zeros((self.batch, w))
        from_input = x @ layer.weight_ih_l0.T + layer.bias_ih_l0
        for t in range(self.length):
            z, inside = from_input[t], h @ layer.weight_hh_l0.T + layer.bias_hh_l0
            if self.kind == "RNN":
                h = lib.tanh(z + inside)
            elif self.kind == "LSTM":
                z = z + inside
                i, f, g, o = z[:, :w], z[:, w : 2 * w], z[:, 2 * w : 3 * w], z[:, 3 * w :]
                c = lib.sigmoid(f) * c + lib.sigmoid(i) * lib.tanh(g)
                h = lib.sigmoid(o) * lib.tanh(c)
            else:
                r = lib.sigmoid(z[:, :w] + inside[:, :w])
                u = lib.sigmoid(z[:, w : 2 * w] + inside[:, w : 2 * w])
                n = lib.tanh(z[:, 2 * w :] + r * inside[:, 2 * w :])
                h = (1 - u) * n + u * h
            made.append(h)
        return lib.stack(made)


class LSTM50(Recurrent):
    title = "LSTM, 50 steps"


class LSTM200(Recurrent):
    title, length = "LSTM, 200 steps", 200


class LSTM50ByHand(ByHand):
    title = "LSTM, 50 steps by hand"


class LSTM200ByHand(ByHand):
    title, length = "LSTM, 200 steps by hand", 200


class GRU40(Recurrent):
    title, kind, length = "GRU, 40 steps", "GRU", 40


class GRU40ByHand(ByHand):
    title, kind, length = "GRU, 40 steps by hand", "GRU", 40


class RNN50(Recurrent):
    title, kind = "RNN, 50 steps", "RNN"


class RNN50ByHand(ByHand):
    title, kind = "RNN, 50 steps by hand", "RNN"
