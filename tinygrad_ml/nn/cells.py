"""One step of recurrent networks, as modules: what `recurrent.py` does with whole sequences.

Read before: `functional/recurrent.py`, for what a step computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..errors import ShapeError
from ..functional import zeros
from ..modes import inside, modes
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from .functional.recurrent import nonlinearity_of
from .init import uniform_
from .module import Module
from .parameter import new_parameter

State = tuple[Tensor, ...]
"""What is kept from step to step: h, of an LSTM h and c."""


class Kind(NamedTuple):
    """What recurrent networks differ in.

    gates  how many sums a unit has, each with weights of its own
    parts  how many tensors are kept
    step   `step(projected, state, weight_hh, bias_hh, layer, weight_hr)`, the new state
    """

    gates: int
    parts: int
    step: Callable[[Tensor, State, Tensor, Tensor | None, Any, Tensor | None], State]


RNN_KIND = Kind(1, 1, lambda x, kept, w, b, layer, hr: (F.rnn_step(x, kept[0], w, b, layer.nonlinearity),))
LSTM_KIND = Kind(4, 2, lambda x, kept, w, b, layer, hr: F.lstm_step(x, kept[0], kept[1], w, b, hr))
GRU_KIND = Kind(3, 1, lambda x, kept, w, b, layer, hr: (F.gru_step(x, kept[0], w, b),))


class _Cell(Module):
    """One step, with weights of its own."""

    _kind: Kind

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        self.input_size, self.hidden_size = input_size, hidden_size
        rows = self._kind.gates * hidden_size
        self.weight_ih = new_parameter((rows, input_size), device, dtype)
        self.weight_hh = new_parameter((rows, hidden_size), device, dtype)
        self.bias_ih = new_parameter((rows,), device, dtype) if bias else None
        self.bias_hh = new_parameter((rows,), device, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again, uniform on ±1/√hidden_size."""
        reset_uniform(self, self.hidden_size)

    def _next_state(self, input: TensorLike, state: State | None) -> State:
        x = as_tensor(input)
        if x.ndim not in (1, 2):
            raise ShapeError(
                f"{describe_module(self)} takes (batch, {self.input_size}) or ({self.input_size},), not {x._described()}"
            )
        alone = x.ndim == 1
        x = x.expand_dims(0) if alone else x
        wanted = (x.shape[0], self.hidden_size)
        if state is None:
            state = (zeros(wanted, dtype=x.dtype, device=x.device),) * self._kind.parts
        elif alone:
            state = tuple(part.expand_dims(0) for part in state)
        check_state(self, state, [wanted] * self._kind.parts)
        projected = F.linear(x, self.weight_ih, self.bias_ih)
        state = self._kind.step(projected, state, self.weight_hh, self.bias_hh, self, None)
        return tuple(part.squeeze(0) for part in state) if alone else state

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}, bias={self.bias_ih is not None}"


class RNNCell(_Cell):
    """h ← tanh(W_ih·x + b_ih + W_hh·h + b_hh), or relu: one step.

    input_size, hidden_size  the sizes of x and h
    bias                     whether b_ih and b_hh are added
    nonlinearity             "tanh" or "relu"

    Raises `OptionError` for another nonlinearity, and, called, `ShapeError` for an input or an `hx` that does not fit.

    weight_ih (hidden_size, input_size), weight_hh (hidden_size, hidden_size), bias_ih and bias_hh (hidden_size,) start
    uniform on ±1/√hidden_size.
    """

    _kind = RNN_KIND

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        nonlinearity_of(nonlinearity)  # a mistake shows here, and not at the first call
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, bias, device, dtype)

    def forward(self, input: TensorLike, hx: TensorLike | None = None) -> Tensor:
        """The new h, of shape (batch, hidden_size); `hx` is the old one, zeros by default."""
        return self._next_state(input, None if hx is None else (as_tensor(hx),))[0]


class LSTMCell(_Cell):
    """One step of an LSTM: c ← σ(f)·c + σ(i)·tanh(g), h ← σ(o)·tanh(c), see `F.lstm_step`.

    input_size, hidden_size, bias   as those of `RNNCell`

    The weights have 4·hidden_size rows: input gate, forget gate, cell, output gate.
    """

    _kind = LSTM_KIND

    def forward(self, input: TensorLike, hx: tuple[TensorLike, TensorLike] | None = None) -> tuple[Tensor, Tensor]:
        """The new (h, c), each (batch, hidden_size); `hx` are the old ones, zeros by default."""
        h, c = self._next_state(input, None if hx is None else tuple(map(as_tensor, hx)))
        return h, c


class GRUCell(_Cell):
    """One step of a GRU: h ← (1 - z)·n + z·h, see `F.gru_step`.

    input_size, hidden_size, bias   as those of `RNNCell`

    The weights have 3·hidden_size rows: reset gate, update gate, new.
    """

    _kind = GRU_KIND

    def forward(self, input: TensorLike, hx: TensorLike | None = None) -> Tensor:
        """The new h, of shape (batch, hidden_size); `hx` is the old one, zeros by default."""
        return self._next_state(input, None if hx is None else (as_tensor(hx),))[0]


def reset_uniform(module: Module, hidden_size: int) -> None:
    """Draw all parameters of a recurrent module, uniform on ±1/√hidden_size."""
    bound = 1 / math.sqrt(hidden_size) if hidden_size else 0.0
    for parameter in module.parameters():
        uniform_(parameter, -bound, bound)


def check_state(module: Module, state: Sequence[Tensor], wanted: Sequence[tuple[int, ...]]) -> None:
    """`ShapeError` if what is kept at the beginning has not the wanted shapes."""
    shapes = [part.shape for part in state]
    if shapes != list(wanted):
        names = " and ".join(["h", "c"][: len(wanted)])
        raise ShapeError(
            f"hx of {describe_module(module)} has shapes {', '.join(map(str, shapes))}; expected {names} of "
            f"{', '.join(map(str, wanted))}"
        )


def describe_module(module: Module) -> str:
    """The class of a module, and inside of which one it is called, for an error message."""
    return type(module).__name__ + inside(modes.scope)
