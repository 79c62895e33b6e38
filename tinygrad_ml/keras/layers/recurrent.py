"""Recurrent layers: a cell that goes through a sequence, step by step, and keeps something from each step to the next.

The steps are one loop, `tg.scan`, which is recorded once. Read before: `cells.py`. Read next: `wrappers.py`, for both
directions at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...errors import ShapeError
from ...functional import flip
from ...loops import scan
from ...structure import leaves, mapped, packed_like
from ...tensor import Tensor, as_tensor, beside
from ..checks import one_of
from ..naming import snake_case
from ..variables import Variable
from . import cells
from .base import Layer
from .cells import GRUCell, LSTMCell, SimpleRNNCell
from .input_spec import InputSpec

FLAGS = dict.fromkeys(["return_sequences", "return_state", "go_backwards", "stateful", "unroll"], False)
SEQUENCES = """
    return_sequences     True: y is what came out of all steps, (batch, steps, units); else of the last, (batch, units)
    return_state         True: y, and then what is kept in the end
    go_backwards         from the last step to the first; y is in the order in which it was computed
    stateful             True: what is kept in the end is where the next batch begins, until `reset_state()`
    unroll               is accepted, and changes nothing

    The layer is called as layer(x, initial_state=None, mask=None): x (batch, steps, in), of any number of steps; what is kept
    at the beginning, a list, zeros by default; and a mask (batch, steps), True at the steps that count. At one that does not,
    what is kept stays, and so does y.
"""


class RNN(Layer):
    __doc__ = f"""A cell that goes through sequences.

    cell                 a cell, as those of `cells.py`; or of one's own, with call(inputs, states), which returns the output
                         and the new states, and `state_size`; or a list of cells, one above the other
    zero_output_for_mask  True: where a step does not count, y is 0
{SEQUENCES}"""

    supports_masking = True
    states: list | None = None

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **options: Any,
    ):
        super().__init__(**options)
        self.cell = cells.check_cell(cell)
        self.return_sequences, self.return_state, self.go_backwards = return_sequences, return_state, go_backwards
        self.stateful, self.unroll, self.zero_output_for_mask = stateful, unroll, zero_output_for_mask
        size = self.cell.state_size
        self.state_size = list(size) if isinstance(size, (list, tuple)) else [size]
        if not self.trainable and isinstance(self.cell, Layer):
            self.cell.trainable = False

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        batch, steps = sequences_shape[:2]
        size = cells.output_size_of(self.cell)
        output = (batch, steps, size) if self.return_sequences else (batch, size)
        states = [_shapes(batch, part) for part in self.state_size]
        return (output, *states) if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """That of the inputs, if all steps come out."""
        mask = leaves(mask)[0] if self.return_sequences else None
        return [mask, *[None] * len(self.state_size)] if self.return_state else mask

    def get_initial_state(self, batch_size: int) -> list:
        """What is kept before the first step."""
        return cells.initial_state(self.cell, batch_size, None)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        x = as_tensor(sequences)
        if x.ndim < 3 or not x.shape[1]:
            raise ShapeError(
                f"{self.name} takes sequences (batch, steps, features) of a step or more, not {x._described()}"
            )
        states = self._begin(initial_state, x)
        counts = None if mask is None else beside(leaves(mask)[0], x).astype("bool")
        if counts is not None and counts.shape[:2] != x.shape[:2]:
            raise ShapeError(f"{self.name}: a mask of shape {counts.shape} does not fit {x._described()}")
        last, outputs, states = self._through(x, states, counts, bool(training))
        if self.stateful:
            for kept, state in zip(leaves(self.states), leaves(states), strict=True):
                kept.assign(state.detach())
        output = outputs.swapaxes(0, 1) if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def _through(self, x: Tensor, states: list, counts: Tensor | None, training: bool) -> tuple[Tensor, Any, list]:
        """(what came out last, all that came out (steps, batch, units), what is kept in the end)."""
        xs, step = self._steps(x.swapaxes(0, 1), training)
        xs = [xs] if counts is None else [xs, counts.swapaxes(0, 1)]
        if self.go_backwards:
            xs = [flip(one, axis=0) for one in xs]

        def f(carry: Any, now: list) -> tuple[Any, Any]:
            states, last = carry
            output, new = step(now[0], states)
            if counts is not None:
                output = _where(now[1], output, 0.0 if self.zero_output_for_mask else last)
                new = [_where(now[1], a, b) for a, b in zip(leaves(new), leaves(states), strict=True)]
            return (packed_like(states, leaves(new)), output), output if self.return_sequences else ()

        last = cells.blank_output(self.cell, x.shape[0], x.device)
        (states, last), outputs = scan(f, (states, last), xs)
        return last, outputs, states

    def _steps(self, x: Tensor, training: bool) -> tuple[Tensor, Callable[[Tensor, list], tuple[Tensor, list]]]:
        """What comes in at each step, (steps, batch, ...), and what the cell makes of that and of what it keeps."""
        cell = self.cell
        if not isinstance(cell, cells.Cell):
            return x, cells.stepper(cell, x[0], training)
        ready = cell.ready(x[0], training)

        def step(projected: Tensor, states: list) -> tuple[Tensor, list]:
            new = cell.step(projected, states, ready)
            return new[0], new

        return cell.project(x, ready), step  # for all steps at once

    def _begin(self, given: Any, x: Tensor) -> list:
        """What is kept before the first step."""
        batch = x.shape[0]
        zero = cells.initial_state(self.cell, batch, x.device)
        if given is not None:
            given = list(given) if isinstance(given, (list, tuple)) else [given]
            begin = mapped(lambda state: beside(state, x), given)
            shapes, wanted = ([state.shape for state in leaves(one)] for one in (begin, zero))
            if shapes != wanted:
                raise ShapeError(f"initial_state of {self.name} has shapes {shapes}; expected {wanted}")
            return begin
        if not self.stateful or x.symbolic:
            return zero
        if self.states is None:
            self.states = mapped(lambda state: Variable(state._data), zero)
        kept = leaves(self.states)[0].shape[0]
        if kept != batch:
            raise ShapeError(
                f"{self.name} is stateful, and so each batch is as large as the one before: that was of {kept} samples, and this "
                f"is of {batch}. Give fit batch_size={kept}, and as many samples as fill batches"
            )
        return mapped(lambda state: state * 1, self.states)  # which will be overwritten

    def reset_state(self) -> None:
        """Begin with zeros again."""
        for state in leaves(self.states) if self.states is not None else ():
            state.assign(state * 0)

    reset_states = reset_state


def _shapes(batch: int | None, size: Any) -> Any:
    """The shape of what is kept, of this size; of sizes, a list of such."""
    return [_shapes(batch, one) for one in size] if isinstance(size, (list, tuple)) else (batch, size)


def _where(counts: Tensor, a: Tensor, b: Any) -> Tensor:
    """a for the samples that count at this step, b for the rest."""
    return counts.reshape((counts.shape[0],) + (1,) * (a.ndim - 1)).where(a, b)


class WithCell(RNN):
    """A layer that makes its cell itself: the options of the cell are its own."""

    _cell: type[cells.Cell]

    def __init__(self, *sizes: Any, **options: Any):
        use_cudnn = options.pop("use_cudnn", "auto")
        one_of("use_cudnn", use_cudnn, ("auto", True, False))
        options.pop("implementation", None)
        flags = {name: options.pop(name) for name in FLAGS}
        own = {name: options.pop(name) for name in self._of_cell() if name in options}
        cell = self._cell(*sizes, **own, name=snake_case(self._cell.__name__))
        super().__init__(cell, **flags, **options)
        self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=3)

    @classmethod
    def _of_cell(cls) -> list[str]:
        """The options of its cell."""
        named = {*cells.STARTS, *cells.REGULARIZERS, *cells.CONSTRAINTS, *cells.ACTIVATIONS, *cells.DROPOUT}
        return [*named, "seed", "unit_forget_bias", "reset_after"]

    def __getattr__(self, name: str) -> Any:
        if name == "units" or (name in self._of_cell() and "cell" in vars(self)):
            return getattr(self.cell, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def _option(self, name: str, default: Any) -> Any:
        return vars(self.cell)[name] if name in vars(self.cell) else super()._option(name, default)


class SimpleRNN(WithCell):
    __doc__ = f"{SimpleRNNCell.__doc__}{SEQUENCES}"

    _cell = SimpleRNNCell

    @cells.takes(
        activation="tanh",
        **cells.STARTS,
        **cells.REGULARIZERS,
        activity_regularizer=None,
        **cells.CONSTRAINTS,
        **cells.DROPOUT,
        **FLAGS,
        seed=None,
    )
    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)


class LSTM(WithCell):
    __doc__ = f"{LSTMCell.__doc__}{SEQUENCES}"

    _cell = LSTMCell

    @cells.takes(
        **cells.ACTIVATIONS,
        **cells.STARTS,
        unit_forget_bias=True,
        **cells.REGULARIZERS,
        activity_regularizer=None,
        **cells.CONSTRAINTS,
        **cells.DROPOUT,
        seed=None,
        **FLAGS,
        use_cudnn="auto",
    )
    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)


class GRU(WithCell):
    __doc__ = f"{GRUCell.__doc__}{SEQUENCES}"

    _cell = GRUCell

    @cells.takes(
        **cells.ACTIVATIONS,
        **cells.STARTS,
        **cells.REGULARIZERS,
        activity_regularizer=None,
        **cells.CONSTRAINTS,
        **cells.DROPOUT,
        seed=None,
        **FLAGS,
        reset_after=True,
        use_cudnn="auto",
    )
    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)
