"""Programs whose sums have a structure: over the edges of a graph, over all ways to align a text, over many examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_ml as tg
from suite.program import Arrays, Program, Step, linear, torch_parameters


class GraphConvolution(Program):
    """Two layers; what a node hears is the sum over its edges."""

    title = "graph convolution"
    nodes, edges, features, hidden, kinds = 2_000, 10_000, 64, 32, 7
    options = {"lr": 0.01}
    tiny = {"nodes": 10, "edges": 30, "features": 4, "hidden": 3}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return linear("first", self.features, self.hidden) | linear("second", self.hidden, self.kinds)

    def data(self) -> tuple[np.ndarray, ...]:
        """Features, where edges begin and end, their weights 1/√(degree · degree), and labels."""
        x = self.random.standard_normal((self.nodes, self.features), np.float32)
        begin, end = self.random.integers(0, self.nodes, (2, self.edges))
        degree = 1 + np.bincount(end, minlength=self.nodes)
        scale = (degree[begin] * degree[end]) ** -0.5
        return x, begin, end, scale[:, None].astype(np.float32), self.random.integers(0, self.kinds, self.nodes)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, begin, end, scale, labels = data
        F = lib.nn.functional

        def heard(x):
            messages = x[begin] * scale
            nothing = lib.zeros((self.nodes, x.shape[1]))
            return nothing.index_add(0, end, messages)

        h = F.relu(heard(F.linear(x, model["first.weight"])) + model["first.bias"])
        return F.cross_entropy(heard(F.linear(h, model["second.weight"])) + model["second.bias"], labels)

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax

        from suite import in_jax

        x, begin, end, scale, labels = data

        def heard(x):
            return jax.ops.segment_sum(x[begin] * scale, end, self.nodes)

        h = jax.nn.relu(heard(x @ weights["first.weight"].T) + weights["first.bias"])
        return in_jax.cross_entropy(heard(h @ weights["second.weight"].T) + weights["second.bias"], labels)


class CTC(Program):
    """-ln of the probability that 60 places spell a text, by a recursion over places; a linear layer below.

    Source: A. Graves et al., "Connectionist temporal classification" (2006).
    """

    title = "CTC by hand"
    length, batch, features, letters, text = 60, 8, 32, 20, 12
    tiny = {"length": 6, "batch": 2, "features": 3, "letters": 5, "text": 2}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return linear("head", self.features, self.letters)

    def data(self) -> tuple[np.ndarray, ...]:
        """Features (length, batch, features); texts without the blank, 0."""
        x = self.random.standard_normal((self.length, self.batch, self.features), np.float32)
        return x, self.random.integers(1, self.letters, (self.batch, self.text))

    def targets(self, xp: Any, texts: Any) -> Any:
        """Blanks around all letters (batch, 2 · text + 1)."""
        rows = xp.stack([xp.zeros_like(texts), texts], -1).reshape(self.batch, 2 * self.text)
        return rows, rows[:, :1]

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, texts = data
        F, far = lib.nn.functional, -1e30
        logits = F.log_softmax(F.linear(x, model["head.weight"], model["head.bias"]), -1)
        join = lib.concat
        letters = join(self.targets(lib, texts), 1)
        size = 2 * self.text + 1
        places = letters[None].broadcast_to((self.length, self.batch, size))
        scores = lib.take_along_axis(logits, places, -1) if lib is tg else logits.gather(-1, places)
        skip = join([letters[:, :2] > self.letters, (letters[:, 2:] != 0) & (letters[:, 2:] != letters[:, :-2])], 1)
        nothing = lib.full((self.batch, 2), far)
        alpha = join([scores[0, :, :2], lib.full((self.batch, size - 2), far)], 1)
        for t in range(1, self.length):
            one = join([nothing[:, :1], alpha[:, :-1]], 1)
            two = lib.where(skip, join([nothing, alpha[:, :-2]], 1), far)
            alpha = lib.logsumexp(lib.stack([alpha, one, two]), 0) + scores[t]
        return -lib.logsumexp(alpha[:, -2:], 1).mean()

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        import jax
        import jax.numpy as jnp

        from suite import in_jax

        x, texts = data
        logits = jax.nn.log_softmax(in_jax.linear(weights, "head", x))
        letters = jnp.concatenate(self.targets(jnp, texts), 1)
        scores = jnp.take_along_axis(logits, jnp.broadcast_to(letters, (self.length, *letters.shape)), -1)
        differ = (letters[:, 2:] != 0) & (letters[:, 2:] != letters[:, :-2])
        skip = jnp.concatenate([jnp.zeros((self.batch, 2), bool), differ], 1)
        start = jnp.where(jnp.arange(letters.shape[1]) < 2, scores[0], -1e30)

        def once(alpha, score):
            one = jnp.pad(alpha, ((0, 0), (1, 0)), constant_values=-1e30)[:, :-1]
            two = jnp.where(skip, jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=-1e30)[:, :-2], -1e30)
            return jax.nn.logsumexp(jnp.stack([alpha, one, two]), 0) + score, None

        alpha, _ = jax.lax.scan(once, start, scores[1:])
        return -jax.nn.logsumexp(alpha[:, -2:], 1).mean()


class CTCLoss(CTC):
    """The same by the libraries' function."""

    title = "CTC by ctc_loss"

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, texts = data
        F = lib.nn.functional
        logits = F.log_softmax(F.linear(x, model["head.weight"], model["head.bias"]), -1)
        places, letters = lib.full((self.batch,), self.length), lib.full((self.batch,), self.text)
        return F.ctc_loss(logits, texts, places, letters, reduction="sum") / self.batch


class LogisticRegression(Program):
    title = "logistic regression 10,000 x 1,000"
    examples, features = 10_000, 1_000
    optimizer, options = "SGD", {"lr": 0.1}
    tiny = {"examples": 20, "features": 3}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.features,), "bias": ()}

    def data(self) -> tuple[np.ndarray, ...]:
        x = self.random.standard_normal((self.examples, self.features), np.float32)
        return x, (x @ self.random.standard_normal(self.features) > 0).astype(np.float32)

    def loss(self, lib: Any, model: Any, *data: Any) -> Any:
        x, y = data
        return lib.nn.functional.binary_cross_entropy_with_logits(x @ model["weight"] + model["bias"], y)

    def jax_loss(self, weights: dict, *data: Any) -> Any:
        from suite import in_jax

        x, y = data
        return in_jax.binary_cross_entropy_with_logits(x @ weights["weight"] + weights["bias"], y)


class Newton(LogisticRegression):
    """Newton's method, whose system is solved by ten rounds of conjugate gradients, by products with the Hessian."""

    title = "Newton-CG by Hessian products"
    examples, features = 1_000, 50
    rounds = 10

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.features,)}

    def penalised(self, lib: Any, w: Any, x: Any, y: Any) -> Any:
        loss = lib.nn.functional.binary_cross_entropy_with_logits(x @ w, y)
        return loss + 0.01 * (w * w).sum()

    def direction(self, product: Callable, g: Any) -> Any:
        """H⁻¹·g, by `product`, v → H·v."""
        found, r, p = 0 * g, g, g
        old = (r * r).sum()
        for _ in range(self.rounds):
            hp = product(p)
            a = old / ((p * hp).sum() + 1e-20)
            found, r = found + a * p, r - a * hp
            new = (r * r).sum()
            p, old = r + new / (old + 1e-20) * p, new
        return found

    def ours(self, weights: Arrays) -> Step:
        w = tg.tensor(weights["weight"], requires_grad=True)

        def step(x, y):
            loss = self.penalised(tg, w, x, y)
            (g,) = tg.grad(loss, w)
            w.assign(w - self.direction(lambda v: tg.hvp(lambda u: self.penalised(tg, u, x, y), w, v), g))
            return loss

        return step

    def torch(self, weights: Arrays, best: Callable) -> Step:
        """By `torch.func`, which torch.compile knows."""
        import torch

        w = torch_parameters(weights)["weight"].detach()

        def found(w, x, y):
            def slope_of(u):
                return torch.func.grad(lambda v: self.penalised(torch, v, x, y))(u)

            loss = self.penalised(torch, w, x, y)
            return loss, self.direction(lambda v: torch.func.jvp(slope_of, (w,), (v,))[1], slope_of(w))

        found = best(found)

        def step(x, y):
            loss, direction = found(w, x, y)
            w.sub_(direction)
            return loss

        return step

    def jax(self, weights: Arrays) -> tuple[Any, Step]:
        import jax
        import jax.numpy as jnp

        from suite import in_jax

        def step(w, x, y):
            def loss_of(w):
                return in_jax.binary_cross_entropy_with_logits(x @ w, y) + 0.01 * (w * w).sum()

            loss, g = jax.value_and_grad(loss_of)(w)
            return w - self.direction(lambda v: jax.jvp(jax.grad(loss_of), (w,), (v,))[1], g), loss

        return jnp.asarray(weights["weight"]), step
