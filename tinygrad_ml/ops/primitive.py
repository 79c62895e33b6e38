"""What an operation is: four facts, and nothing that runs by itself.

1. **value**: what it computes, on the arrays of one backend;
2. **shape**: what shape and dtype come out, known before anything is computed;
3. **gradient**: one rule for each input, saying how the output's gradient flows to it;
4. **words**: a formula, and each local derivative as a reader would write it.

These make it right. What a row may say besides makes it quick: the same value as an expression of one number, that it
only shows memory in another way, what it costs. Nobody else keeps a table of operations: whoever reads graphs reads rows.

A rule is a function of `g`, the gradient that arrives at the output, and of whatever else it *names*: `y` (the output), the
inputs by their names, `like` (shape and dtype of the input that the rule is for, without its data), `position` (which input
that is), and the operation's parameters::

    tanh:     lambda g, y: g * (1 - y * y)
    mul:      lambda g, b: g * b            and      lambda g, a: g * a
    reshape:  lambda g, like: g.reshape(like.shape)

The engine reads the names, and keeps for the backward pass just the arrays that occur in them: what is saved can be read off
the rule. Rules are written with the operators and methods of `Tensor`, so that what they compute can be differentiated again.
They never undo broadcasting and never cast: the engine does, in one place.

Read next: `elementwise.py`, the table of derivatives. `plan.py` is how the engine reads names.
"""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

import numpy

from ..backend.arrays import HOST
from .plan import Plans
from .shapes import size


def zero(g: Any) -> None:
    """The rule of an input whose derivative is 0 wherever there is one, as for `floor`."""
    return None


WORK: dict[str, Callable] = {"view": lambda y, *_: 0} | dict.fromkeys(("reduction", "position"), lambda y, x: size(x))
"""The floating-point operations of a kind of row that does not say them; of other kinds it is one an output element."""


class View(NamedTuple):
    """How the result of an operation looks at the memory of its first input.

    order  "kept" if it lies in memory as a new array would, where what it looks at does; "changed" if it does not;
           "part" if it is a part of what it looks at
    take   `take(x, **parameters)`: the view of an array of NumPy's, or an error if numbers had to be copied for it; None
           if only the operation's value can tell
    back   `back(shape, **parameters)`: the operation and its parameters by which a view that was written to becomes what
           it looks at, of that shape; None if that is not known
    when   `when(shape, **parameters)`: whether the result, of that shape, looks at memory at all
    many   whether it shows one number in several places, so that it is not to be overwritten
    """

    order: str
    take: Callable | None = None
    back: Callable | None = None
    when: Callable = lambda result, /, **_: True
    many: bool = False


@dataclass(eq=False, repr=False)
class Primitive:
    """One operation. The engine's `apply` computes it, records it, and later calls its rules.

    What it is, is the object: two operations may have one name, which is for people only.

    value     `value(xp, *arrays, **parameters)`; `xp` is the backend of the arrays
    coerce    what happens to the dtypes before computing (`promote`, `promote_floats`, or None)
    shape     `shape(*shapes, **parameters)`, raises `ShapeError`
    dtype     `dtype(*dtypes, **parameters)` of the result; that of the first input if None
    gradient  a rule for each input (one for all of `*`), or () where there is no derivative
    name      how users, errors and pictures call it
    inputs    the inputs' names; one name ending in `*` stands for any number of inputs
    formula   the operation in words, in the inputs' names
    local     the local derivative with respect to each input, in words

    What makes it quick:

    kind      "elementwise" if each element of the result follows from the elements in the same place of the inputs,
              which are broadcast; "reduction" if it puts the numbers along `axis` together (a tuple of axes counted from
              the left; `keepdims` is another parameter); "position" if it says where along `axis` that number is which is
              left then; "product" for a matrix product; "view" if it has a `view`; "" for all else
    scalar    the value of one element of an elementwise operation, in Python (see `compile/schedule/scalar.py`): what
              compiled loops and kernels are printed from. Without it, they end before the operation
    ufunc     the function of NumPy that computes the same into given memory, if there is one:
              `function(*arrays, out=array, **parameters)`; `apart` says that this memory must not be an operand's
    operator  the Python operator that computes the same on the arrays of every backend, if there is one
    symbolic  whether `value` is good for stand-ins too, which have a shape and no numbers; of others the shape rule is asked
    defined   `defined(dtypes, constants, **parameters)`: whether no numbers of these dtypes are an error, where some of
              the inputs are constants (None for all others); always, if it is not said
    neutral   for each input the number that leaves the other one as it is, to the last bit; None where there is none
    fold      (an elementwise operation of two numbers, the number to begin with): how a reduction puts numbers together
    turned    whether a product multiplies by its second matrix transposed
    view      how the result looks at the memory of the first input, if it may
    flops     `flops(output_shape, *input_shapes)`, floating-point operations; as its kind has it (`WORK`) if it is not said
    joint     whether its one rule gives the shares of all inputs at once; it may name which of them are `needed`
    batch     the operation on n samples, a function of inputs with one more axis in front, of n and the parameters; "leading"
              if it is the same operation; see `../batching/rules.py` for what follows from the kind
    take_apart  of several operations that are computed as a whole: `take_apart(node)` puts these in its place. Its rule takes
              NumPy's arrays. See `functional/whole.py`
    """

    name: str
    value: Callable
    shape: Callable
    gradient: Sequence[Callable] = ()
    _: KW_ONLY
    inputs: tuple[str, ...] = ("x",)
    formula: str = ""
    local: Sequence[str] = ()
    coerce: Callable | None = None
    dtype: Callable | None = None
    kind: str = ""
    scalar: str | None = None
    ufunc: Callable | None = None
    apart: bool = False
    operator: Callable | None = None
    symbolic: bool = False
    defined: Callable = lambda dtypes, constants, **_: True
    neutral: Sequence[float | None] = ()
    fold: tuple["Primitive", float] | None = None
    turned: bool = False
    view: View | None = None
    flops: Any = None
    joint: bool = False
    batch: Callable | str | None = None
    take_apart: Callable | None = None

    def __post_init__(self) -> None:
        self.kind = "view" if self.view else self.kind or ("reduction" if self.fold else "")
        self.flops = self.flops or WORK.get(self.kind, lambda y, *_: size(y))
        self.plans = Plans(self)

    def __repr__(self) -> str:
        return f"<primitive {self.name}: {self.formula}>"

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """The operation on tensors, as rules ask for it; or on NumPy's arrays alone, of one dtype, where nobody differentiates."""
        if isinstance(inputs[0], (numpy.ndarray, numpy.generic)):
            return self.value(HOST, *inputs, **params)
        return inputs[0]._apply(self, *inputs[1:], **params)

    def rule(self, position: int) -> Callable:
        """The gradient rule of the input at `position`."""
        return self.gradient[min(position, len(self.gradient) - 1)]

    def input_name(self, position: int) -> str:
        """The name of the input at `position`: `a`, `b`, or `x0`, `x1` where there is any number."""
        last = self.inputs[-1]
        if last.endswith("*") and position >= len(self.inputs) - 1:
            return f"{last[:-1]}{position - len(self.inputs) + 1}"
        return self.inputs[position]
