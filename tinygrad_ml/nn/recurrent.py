"""Recurrent layers: networks that read a sequence step by step, and keep something from one step to the next.

With PyTorch's names, arguments, order of gates and defaults. One step is in `functional/recurrent.py`, and `tg.scan` runs
it; what comes in is multiplied by its weights for all steps at once, before the first one.

Read before: `cells.py`, `utils/rnn.py`. Read next: `attention.py`, which needs no steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import OptionError, ShapeError
from ..functional import concat, split, stack, take, unstack, zeros
from ..functional.composed import overheard
from ..functional.whole import as_a_whole
from ..kernels import recurrent as kernels
from ..loops import scan
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from .cells import GRU_KIND, LSTM_KIND, RNN_KIND, Kind, State, check_state, describe_module, reset_uniform
from .functional.dropout import check_probability
from .functional.recurrent import nonlinearity_of
from .module import Module
from .parameter import new_parameter
from .utils.rnn import PackedSequence

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
"""What the names of the parameters of a layer begin with."""


class _Recurrent(Module):
    """Layers of steps, from the first to the last and, with `bidirectional`, back again."""

    _kind: Kind
    proj_size = 0

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if num_layers < 1:
            raise OptionError(f"num_layers={num_layers} must be 1 or more")
        check_probability(dropout)
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.dropout, self.bidirectional = batch_first, dropout, bidirectional
        rows, out = self._kind.gates * hidden_size, self.proj_size or hidden_size
        for layer in range(num_layers):
            for name in self._names(layer):
                columns = out * len(self._names(layer)) if layer else input_size
                setattr(self, f"weight_ih_{name}", new_parameter((rows, columns), device, dtype))
                setattr(self, f"weight_hh_{name}", new_parameter((rows, out), device, dtype))
                if bias:
                    setattr(self, f"bias_ih_{name}", new_parameter((rows,), device, dtype))
                    setattr(self, f"bias_hh_{name}", new_parameter((rows,), device, dtype))
                if self.proj_size:
                    setattr(self, f"weight_hr_{name}", new_parameter((self.proj_size, hidden_size), device, dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again, uniform on ±1/√hidden_size."""
        reset_uniform(self, self.hidden_size)

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch lays out memory here, and programs call it."""

    def _names(self, layer: int) -> list[str]:
        """What the names of the parameters of a layer end in, for each direction."""
        return [f"l{layer}", f"l{layer}_reverse"] if self.bidirectional else [f"l{layer}"]

    def _run(self, input: Any, hx: Sequence[Tensor] | None) -> tuple[Any, State]:
        """The outputs of the last layer, in the form of the input; and for each part what all layers kept in the end."""
        if isinstance(input, PackedSequence):
            order, back = input.sorted_indices, input.unsorted_indices
            hx = hx if hx is None or order is None else [take(part, order, axis=1) for part in hx]
            data, final = self._through_layers(input.data, input.batch_sizes.tolist(), hx)
            if back is not None:
                final = tuple(take(part, back, axis=1) for part in final)
            return input._replace(data=data), final
        x = as_tensor(input)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{describe_module(self)} takes sequences (length, batch, {self.input_size}), with batch_first (batch, length, "
                f"{self.input_size}), or one (length, {self.input_size}), not {x._described()}"
            )
        alone = x.ndim == 2
        if alone:
            x, hx = x.expand_dims(1), hx if hx is None else [part.expand_dims(1) for part in hx]
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        if not x.shape[0]:
            raise ShapeError(f"{describe_module(self)} got a sequence without steps, {as_tensor(input)._described()}")
        data, final = self._through_layers(x.reshape((-1, x.shape[-1])), [x.shape[1]] * x.shape[0], hx)
        y = data.reshape((*x.shape[:2], -1))
        if alone:
            return y.squeeze(1), tuple(part.squeeze(1) for part in final)
        return (y.swapaxes(0, 1) if self.batch_first else y), final

    def _through_layers(self, data: Tensor, sizes: list[int], hx: Sequence[Tensor] | None) -> tuple[Tensor, State]:
        """Of (all steps together, features), `sizes` of which belong to each step."""
        ways, batch = len(self._names(0)), sizes[0]
        widths = [self.proj_size or self.hidden_size, self.hidden_size][: self._kind.parts]
        shapes = [(self.num_layers * ways, batch, width) for width in widths]
        if hx is None:
            hx = [zeros(shape, dtype=data.dtype, device=data.device) for shape in shapes]
        check_state(self, hx, shapes)
        initial, kept = list(zip(*map(unstack, hx), strict=True)), []
        for layer in range(self.num_layers):
            if layer:
                data = F.dropout(data, self.dropout, self.training)
            outputs = []
            for name in self._names(layer):
                made, final = self._through_steps(data, sizes, initial[len(kept)], name)
                outputs.append(made)
                kept.append(final)
            data = outputs[0] if ways == 1 else concat(outputs, axis=-1)
        return data, tuple(stack(parts) for parts in zip(*kept, strict=True))

    def _through_steps(self, data: Tensor, sizes: list[int], state: State, name: str) -> tuple[Tensor, State]:
        """One layer in one direction: its outputs, and what it kept of each sequence after its last step."""
        weights = {what: getattr(self, f"{what}_{name}", None) for what in WEIGHTS}
        return through_steps(self, data, sizes, state, weights, name.endswith("_reverse"))

    @staticmethod
    def _through_ragged_steps(
        step: Callable[[State, Tensor], tuple[State, Tensor]],
        projected: Tensor,
        sizes: list[int],
        state: State,
        backwards: bool,
    ) -> tuple[Tensor, State]:
        """The same for sequences that do not all have as many steps: of those of a packed sequence."""
        steps = split(projected, sizes)
        rest, outputs, done = state, [], []
        if backwards:  # the longest sequences begin
            state = tuple(part[: sizes[-1]] for part in state)
        for x in reversed(steps) if backwards else steps:
            here, n = state[0].shape[0], x.shape[0]
            if n < here:  # some sequences have ended
                done.append(tuple(part[n:] for part in state))
                state = tuple(part[:n] for part in state)
            elif n > here:  # on the way back, some begin
                state = tuple(concat([part, new[here:n]]) for part, new in zip(state, rest, strict=True))
            state, y = step(state, x)
            outputs.append(y)
        if done:
            state = tuple(concat(parts) for parts in zip(state, *reversed(done), strict=True))
        return concat(outputs[::-1] if backwards else outputs), state

    def extra_repr(self) -> str:
        shown = {
            name: getattr(self, name)
            for name in ("num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size")
        }
        usual = {
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
            "proj_size": 0,
        }
        others = [f"{name}={value}" for name, value in shown.items() if value != usual[name]]
        return ", ".join([str(self.input_size), str(self.hidden_size), *others])


@overheard
def through_steps(
    layer: _Recurrent,
    data: Tensor,
    sizes: list[int],
    state: State,
    weights: Mapping[str, Any],
    backwards: bool,
) -> tuple[Tensor, State]:
    """What a layer with these weights puts out for (all steps together, features), and what it keeps after the last step.

    sizes      how many sequences have each of the steps
    state      what is kept before the first one
    weights    by their names, in `WEIGHTS`; None for those that it lacks
    backwards  whether it begins with the last step
    """

    def step(state: State, x: Tensor) -> tuple[State, Tensor]:
        state = layer._kind.step(x, state, weights["weight_hh"], weights["bias_hh"], layer, weights["weight_hr"])
        return state, state[0]

    projected = F.linear(data, weights["weight_ih"], weights["bias_ih"])
    if len(set(sizes)) == 1:
        steps = projected.reshape((len(sizes), sizes[0], -1))
        given = (steps, *state, weights["weight_hh"], weights["bias_hh"])
        if layer._kind is LSTM_KIND and weights["weight_hr"] is None and _is_long(given, backwards):
            whole = _lstm(*given, backwards=backwards)
            outputs, state = whole[:-1], (whole[0 if backwards else -2], whole[-1])
        else:
            state, outputs = scan(step, state, steps, reverse=backwards)
        return outputs.reshape((-1, outputs.shape[-1])), state
    return layer._through_ragged_steps(step, projected, sizes, state, backwards)


@as_a_whole(kernels.lstm, kernels.lstm_gradient, left=("gates", "cells"), worth=kernels.worth)
def _lstm(x: Tensor, hidden: Tensor, cell: Tensor, weight: Tensor, bias: Tensor, *, backwards: bool) -> Tensor:
    """The outputs of all steps of an LSTM, and behind them the last c."""

    def step(state: State, x: Tensor) -> tuple[State, Tensor]:
        h, c = state
        h, c = F.lstm_step(x, h, c, weight, bias)
        return (h, c), h

    (_, last), outputs = scan(step, (hidden, cell), x, reverse=backwards)
    return concat([outputs, last.expand_dims(0)])


def _is_long(given: tuple[Any, ...], backwards: bool) -> bool:
    return all(tensor is not None for tensor in given) and _lstm.done_for(*given, backwards=backwards)


class RNN(_Recurrent):
    """h ← tanh(W_ih·x + b_ih + W_hh·h + b_hh) for each step of a sequence.

    input_size     the number of features of a step
    hidden_size    the number of units
    num_layers     layers, each of which reads what the one before puts out
    nonlinearity   "tanh" or "relu"
    bias           whether b_ih and b_hh are added
    batch_first    whether tensors are (batch, length, features), in place of (length, batch, features)
    dropout        of what goes from one layer to the next, in training
    bidirectional  whether each layer also has units that read from the end

    Raises `OptionError` for impossible options, and, called, `ShapeError` for inputs or an `hx` that do not fit.

    Parameters weight_ih_l0 (hidden_size, input_size), weight_hh_l0, bias_ih_l0, bias_hh_l0, and so on, with _reverse
    behind for the way back, start uniform on ±1/√hidden_size. Source: J. Elman, "Finding Structure in Time" (1990).
    """

    _kind = RNN_KIND

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        nonlinearity_of(nonlinearity)  # a mistake shows here, and not at the first call
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)

    def forward(self, input: TensorLike | PackedSequence, hx: TensorLike | None = None) -> tuple[Any, Tensor]:
        """(output, h): what the last layer puts out at each step (length, batch, hidden_size, or twice that if it is
        bidirectional), and what each layer keeps in the end (layers·directions, batch, hidden_size).

        input  (length, batch, input_size), without a batch (length, input_size), or packed; the output likewise
        hx     what is kept at the beginning, in the shape of h; zeros by default
        """
        output, (h,) = self._run(input, None if hx is None else [as_tensor(hx)])
        return output, h


class LSTM(_Recurrent):
    """Long short-term memory: c ← σ(f)·c + σ(i)·tanh(g), h ← σ(o)·tanh(c) for each step of a sequence, i, f, g and o being
    the quarters of W_ih·x + b_ih + W_hh·h + b_hh; see `F.lstm_step`.

    proj_size   if it is more than 0, h has this size, by weights weight_hr_l0 (proj_size, hidden_size), ...

    The other options, the errors and the parameters are those of `RNN`, with 4·hidden_size rows: input gate, forget gate, cell, output
    gate.
    """

    _kind = LSTM_KIND

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if not 0 <= proj_size < hidden_size:
            raise OptionError(f"proj_size={proj_size} must be 0, or less than hidden_size={hidden_size}")
        self.proj_size = proj_size
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype)

    def forward(
        self, input: TensorLike | PackedSequence, hx: tuple[TensorLike, TensorLike] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """(output, (h, c)), as `RNN.forward`; `hx` is such a pair."""
        output, (h, c) = self._run(input, None if hx is None else [as_tensor(part) for part in hx])
        return output, (h, c)


class GRU(_Recurrent):
    """Gated recurrent units: h ← (1 - z)·n + z·h for each step of a sequence, with a reset gate r, an update gate z and a new
    n = tanh(x_n + r·h_n); see `F.gru_step`.

    The options, the errors and the parameters are those of `RNN` (without nonlinearity), with 3·hidden_size rows: reset gate, update
    gate, new.
    """

    _kind = GRU_KIND

    def forward(self, input: TensorLike | PackedSequence, hx: TensorLike | None = None) -> tuple[Any, Tensor]:
        """(output, h), as `RNN.forward`."""
        output, (h,) = self._run(input, None if hx is None else [as_tensor(hx)])
        return output, h
