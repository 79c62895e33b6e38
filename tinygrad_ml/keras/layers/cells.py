"""One step of a recurrent layer, with weights of its own. What a step computes is in `nn/functional/recurrent.py`.

Read next: `recurrent.py`, which goes through a sequence.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from ...errors import OptionError
from ...functional import concat, ones, ones_like, zeros
from ...nn import functional as F
from ...tensor import Tensor, as_tensor, beside
from .. import activations, initializers
from ..arguments import accepts_old
from ..checks import number, whole
from .base import Layer
from .core import OLD_KERNEL
from .regularization import Seeded

State = list[Tensor]


class Ready(NamedTuple):
    """What is the same at all steps of a sequence.

    weight, bias          what h is multiplied by, (gates·units, units), and what is added to that
    keep_in, keep_hidden  the factors of dropout, of x and of h; None where nothing is dropped
    """

    weight: Tensor
    bias: Tensor | None
    keep_in: Tensor | None
    keep_hidden: Tensor | None


def takes(*needed: str, **defaults: Any) -> Callable:
    """A decorator of a constructor `(self, units, **options)`: its options, by place or by name, have this order and these
    defaults. `needed` are those that have none, if they are not `units`."""
    kinds = inspect.Parameter
    place, types = kinds.POSITIONAL_OR_KEYWORD, {bool: bool, float: float}
    own = [kinds(name, place, default=one, annotation=types.get(type(one), Any)) for name, one in defaults.items()]
    first = [kinds("self", place), *(kinds(name, place, annotation=Any) for name in needed or ("units",))]
    rest = [kinds("options", kinds.VAR_KEYWORD)]
    signature = inspect.Signature([*first, *own, rest[0].replace(annotation=Any)], return_annotation=None)

    def decorate(constructor: Callable) -> Callable:
        @functools.wraps(constructor)
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
            given = signature.bind(self, *args, **kwargs)
            given.apply_defaults()
            more = given.arguments.pop("options")
            constructor(**given.arguments, **more)

        vars(wrapped)["__signature__"] = signature
        return accepts_old(**OLD)(wrapped)

    return decorate


OLD = OLD_KERNEL | {
    "output_dim": "units",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}
WEIGHTS_OF_CELLS = ("kernel", "recurrent", "bias")
ACTIVATIONS = {"activation": "tanh", "recurrent_activation": "sigmoid"}
STARTS = {
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "recurrent_initializer": "orthogonal",
    "bias_initializer": "zeros",
}
REGULARIZERS = dict.fromkeys([f"{weight}_regularizer" for weight in WEIGHTS_OF_CELLS])
CONSTRAINTS = dict.fromkeys([f"{weight}_constraint" for weight in WEIGHTS_OF_CELLS])
DROPOUT = {"dropout": 0.0, "recurrent_dropout": 0.0}
OF_CELLS = """
    units                what is kept is of shape (batch, units)
    activation, recurrent_activation   tanh and sigmoid, or others; the latter is that of the gates
    use_bias             whether b is added
    kernel_initializer, recurrent_initializer, bias_initializer   by default glorot_uniform, orthogonal, zeros
    ..._regularizer, ..._constraint   of these weights
    dropout              the part of x that is dropped in training, the same at all steps
    recurrent_dropout    the part of h, likewise
    seed                 of dropout
"""


class Cell(Seeded):
    """What the three kinds have in common.

    gates  how many sums a unit has
    """

    gates = 1
    recurrent_activation: Any = None
    recurrent_initializer: Any
    recurrent_regularizer: Any
    recurrent_constraint: Any
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any

    def __init__(self, units: int, **given: Any):
        mine = {**STARTS, **REGULARIZERS, **CONSTRAINTS, **ACTIVATIONS, **DROPOUT}
        own = {name: given.pop(name) for name in mine if name in given}
        super().__init__(given.pop("seed"), **given)
        self.units = self.output_size = whole("units", units)
        self.state_size: Any = self.units
        self.activation = activations.get(own["activation"])
        if "recurrent_activation" in own:
            self.recurrent_activation = activations.get(own["recurrent_activation"])
        self.use_bias = own["use_bias"]
        for weight in WEIGHTS_OF_CELLS:
            rules = (own[f"{weight}_{what}"] for what in ("initializer", "regularizer", "constraint"))
            self._options_of(weight, *rules)
        self.dropout = number("dropout", own["dropout"], 0, 1)
        self.recurrent_dropout = number("recurrent_dropout", own["recurrent_dropout"], 0, 1)

    def build(self, input_shape: Any) -> None:
        columns = self.gates * self.units
        self.kernel = self._weight("kernel", (input_shape[-1], columns))
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.units, columns), "recurrent")
        self.bias = self._bias(columns) if self.use_bias else None

    def _bias(self, columns: int) -> Tensor:
        return self._weight("bias", (columns,))

    def get_initial_state(self, batch_size: int, device: Any = None) -> State:
        """Zeros, which are kept before the first step."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [zeros((batch_size, size), device=device) for size in sizes]

    def blank_output(self, batch_size: int, device: Any = None) -> Tensor:
        """Zeros of the shape that comes out of a step."""
        return zeros((batch_size, output_size_of(self)), device=device)

    def ready(self, x: Tensor, training: bool) -> Ready:
        """What is the same at all steps of one sequence; x is (batch, features), the first of them."""
        weight, bias = self._recurrent_weights()
        if not training:
            return Ready(weight, bias, None, None)
        hidden = ones((x.shape[0], self.units), device=x.device)
        with self.stream():
            keep_in = F.dropout(ones_like(x), self.dropout) if self.dropout else None
            return Ready(
                weight, bias, keep_in, F.dropout(hidden, self.recurrent_dropout) if self.recurrent_dropout else None
            )

    def project(self, x: Tensor, ready: Ready) -> Tensor:
        """x·W + b, for one step (batch, features), or for all at once (steps, batch, features)."""
        kernel, bias = self._input_weights()
        return F.linear(x if ready.keep_in is None else x * ready.keep_in, kernel.T, bias)

    def _input_weights(self) -> tuple[Tensor, Tensor | None]:
        """W and b."""
        return self.kernel, self.bias

    def _recurrent_weights(self) -> tuple[Tensor, Tensor | None]:
        """What h is multiplied by, and what is added to that."""
        return self.recurrent_kernel.T, None

    def step(self, projected: Tensor, states: State, ready: Ready) -> State:
        """What is kept after a step; h comes first, and is the output."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        """(h, new states) of one step; inputs (batch, features), states a list as `get_initial_state` gives it."""
        x, given = as_tensor(inputs), isinstance(states, (list, tuple))
        ready = self.ready(x, bool(training))
        new = self.step(self.project(x, ready), [beside(one, x) for one in (states if given else [states])], ready)
        return new[0], new if given else new[0]


class SimpleRNNCell(Cell):
    __doc__ = f"""h ← tanh(x·W + b + h·U): W is `kernel` (in, units), U `recurrent_kernel` (units, units), b `bias` (units,).
{OF_CELLS}
    Source: J. Elman, "Finding Structure in Time" (1990).
    """

    @takes(activation="tanh", **STARTS, **REGULARIZERS, **CONSTRAINTS, **DROPOUT, seed=None)
    def __init__(self, units: int, **options: Any):
        super().__init__(units, **options)

    def step(self, projected: Tensor, states: State, ready: Ready) -> State:
        (h,) = states
        return [F.rnn_step(projected, h, ready.weight, ready.bias, self.activation, ready.keep_hidden)]


class LSTMCell(Cell):
    __doc__ = f"""i, f, g, o = the quarters of x·W + h·U + b; c ← σ(f)·c + σ(i)·tanh(g); h ← σ(o)·tanh(c).

    W is `kernel` (in, 4·units), U `recurrent_kernel` (units, 4·units), b `bias` (4·units,). What is kept are h and c.
{OF_CELLS}    unit_forget_bias     whether the forget gate's part of b begins with 1, so that at first little is forgotten

    Source: S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory" (1997); unit_forget_bias: R. Jozefowicz et al., "An
    Empirical Exploration of Recurrent Network Architectures" (2015).
    """

    gates = 4

    @takes(**ACTIVATIONS, **STARTS, unit_forget_bias=True, **REGULARIZERS, **CONSTRAINTS, **DROPOUT, seed=None)
    def __init__(self, units: int, unit_forget_bias: bool = True, **options: Any):
        super().__init__(units, **options)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def _bias(self, columns: int) -> Tensor:
        def with_ones(shape: tuple[int, ...], dtype: Any = None) -> Tensor:
            start = initializers.get(self.bias_initializer)
            parts = [start((self.units,)), ones((self.units,)), start((2 * self.units,))]
            return concat(parts)

        rules = {"regularizer": self.bias_regularizer, "constraint": self.bias_constraint}
        start = with_ones if self.unit_forget_bias else self.bias_initializer
        return self.add_weight((columns,), start, name="bias", **rules)

    def step(self, projected: Tensor, states: State, ready: Ready) -> State:
        h, c = states
        functions = {"nonlinearity": self.activation, "gate": self.recurrent_activation}
        return list(F.lstm_step(projected, h, c, ready.weight, ready.bias, keep=ready.keep_hidden, **functions))


class GRUCell(Cell):
    __doc__ = f"""h ← z·h + (1 - z)·n, with z and r = σ of the first thirds of x·W + b + h·U, n = tanh(x·Wₙ + bₙ + r·(h·Uₙ + cₙ)).

    W is `kernel` (in, 3·units), U `recurrent_kernel` (units, 3·units), with the columns of z, r and n. `bias` is
    (2, 3·units), b and c; with reset_after=False it is b alone, (3·units,).
{OF_CELLS}    reset_after          False: n = tanh(x·Wₙ + bₙ + (r·h)·Uₙ), as the paper has it

    Source: K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014).
    """

    gates = 3

    @takes(**ACTIVATIONS, **STARTS, **REGULARIZERS, **CONSTRAINTS, **DROPOUT, reset_after=True, seed=None)
    def __init__(self, units: int, reset_after: bool = True, **options: Any):
        super().__init__(units, **options)
        self.reset_after = reset_after

    def _bias(self, columns: int) -> Tensor:
        return self._weight("bias", (2, columns) if self.reset_after else (columns,))

    def _input_weights(self) -> tuple[Tensor, Tensor | None]:
        return self.kernel, self.bias[0] if self.bias is not None and self.reset_after else self.bias

    def _recurrent_weights(self) -> tuple[Tensor, Tensor | None]:
        return self.recurrent_kernel.T, self.bias[1] if self.bias is not None and self.reset_after else None

    def step(self, projected: Tensor, states: State, ready: Ready) -> State:
        (h,) = states
        functions = {"nonlinearity": self.activation, "gate": self.recurrent_activation}
        kept = {"keep": ready.keep_hidden, "reset_after": self.reset_after, "update_first": True}
        return [F.gru_step(projected, h, ready.weight, ready.bias, **functions, **kept)]


def check_cell(cell: Any) -> Any:
    """A cell: of this library, or anything that has `call(inputs, states)` and `state_size`; several become one."""
    if isinstance(cell, (list, tuple)):
        cell = StackedRNNCells(cell)
    if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
        raise OptionError(
            f"a cell has call(inputs, states) and state_size, the size of what is kept, and {cell!r} has not"
        )
    return cell


def output_size_of(cell: Any) -> int:
    """The size of what comes out of a cell: `output_size`, or else that of the first thing it keeps."""
    size = getattr(cell, "output_size", None)
    size = cell.state_size if size is None else size
    return size[0] if isinstance(size, (list, tuple)) else size


def initial_state(cell: Any, batch: int, device: Any) -> list:
    """What a cell keeps before the first step."""
    if isinstance(cell, (Cell, StackedRNNCells)):
        return cell.get_initial_state(batch, device)
    if begin := getattr(cell, "get_initial_state", None):
        state = begin(batch_size=batch)
        return list(state) if isinstance(state, (list, tuple)) else [state]
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    return [zeros((batch, size), device=device) for size in sizes]


def keeps_one(cell: Any) -> bool:
    """Whether what it keeps is one tensor, and no list: a foreign cell, which says one size, and not how it begins."""
    return not hasattr(cell, "get_initial_state") and not isinstance(cell.state_size, (list, tuple))


def blank_output(cell: Any, batch: int, device: Any) -> Tensor:
    """Zeros of the shape that comes out of a step of a cell."""
    return (
        cell.blank_output(batch, device)
        if isinstance(cell, Cell)
        else zeros((batch, output_size_of(cell)), device=device)
    )


def stepper(cell: Any, x: Tensor, training: bool) -> Callable[[Tensor, list], tuple[Tensor, list]]:
    """A cell as a function of x and states, with the dropout of one sequence; x is (batch, features), the first step."""
    if isinstance(cell, Cell):
        ready = cell.ready(x, training)

        def own(inputs: Tensor, states: list) -> tuple[Tensor, list]:
            new = cell.step(cell.project(inputs, ready), states, ready)
            return new[0], new

        return own
    if isinstance(cell, StackedRNNCells):
        return cell.stepper(x, training)

    def foreign(inputs: Tensor, states: list) -> tuple[Tensor, list]:
        told = {"training": training} if isinstance(cell, Layer) and cell._training[0] else {}
        call: Any = cell if callable(cell) else cell.call
        output, new = call(inputs, states, **told)
        return output, list(new) if isinstance(new, (list, tuple)) else [new]

    return foreign


class StackedRNNCells(Layer):
    """Cells one above the other as one: each is given the output of the one below.

    cells  a list of cells, the lowest first
    """

    def __init__(self, cells: Any, **options: Any):
        super().__init__(**options)
        self.cells = [check_cell(cell) for cell in cells]

    @property
    def state_size(self) -> list:
        """What each of them keeps."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """That of the uppermost."""
        return output_size_of(self.cells[-1])

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], output_size_of(cell))

    def get_initial_state(self, batch_size: int, device: Any = None) -> list:
        """What each of them keeps before the first step."""
        states = [initial_state(cell, batch_size, device) for cell in self.cells]
        return [state[0] if keeps_one(cell) else state for cell, state in zip(self.cells, states, strict=True)]

    def stepper(self, x: Tensor, training: bool) -> Callable[[Tensor, list], tuple[Tensor, list]]:
        """All as a function of x and states."""
        steps = []
        for cell in self.cells:
            steps.append(stepper(cell, x, training))
            x = blank_output(cell, x.shape[0], x.device)

        def together(inputs: Tensor, states: list) -> tuple[Tensor, list]:
            new = []
            for step, state in zip(steps, states, strict=True):
                inputs, kept = step(inputs, list(state) if isinstance(state, (list, tuple)) else [state])
                new.append(kept if isinstance(state, (list, tuple)) else kept[0])
            return inputs, new

        return together

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Tensor, list]:
        """(output of the uppermost, new states of all)."""
        return self.stepper(as_tensor(inputs), bool(training))(as_tensor(inputs), list(states))
