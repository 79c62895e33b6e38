"""Elementwise functions, as `tg.exp(x)` and as `x.exp()`. The names are those of the Array API standard.

What each computes, and its derivative, is a row in `ops/elementwise.py`; here the rows get their
public face: numbers, lists and arrays are accepted, and a docstring is made of the row.
"""

import inspect
import math
from collections.abc import Callable
from typing import Never, TypeVar

from ..backend import dtypes
from ..ops import Primitive
from ..ops import elementwise as rows
from ..spellings import misspelt
from ..tensor import Tensor, TensorLike, apply, as_tensor, comparable, operand
from ..typing import DeviceLike, DTypeLike
from .composed import composed
from .data_types import finfo

Named = TypeVar("Named", bound=Callable)


def _with_name(function: Named, name: str, doc: str) -> Named:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


_ONE_TENSOR = inspect.Signature(
    [inspect.Parameter("input", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=TensorLike)],
    return_annotation=Tensor,
)
"""What functions of one tensor offer. That they take `inplace` and `out` too is for the error, and costs less than `**`."""


def _unary(op: Primitive, name: str | None = None):
    derivative = f"; dy/dx = {op.local[0]}" if op.local else ""

    def function(input: TensorLike, inplace: bool = False, out: None = None) -> Tensor:
        if inplace or out is not None:
            raise misspelt(function, (input,), {"inplace": True} if inplace else {"out": out})
        return apply(op, (as_tensor(input),))

    function.__signature__ = _ONE_TENSOR
    return _with_name(function, name or op.name, f"y = {op.formula}, elementwise{derivative}. Any shape.")


def all_tensors(given: tuple) -> bool:
    """Whether arguments are tensors as they are."""
    for x in given:  # noqa: SIM110 a generator would take as long as an operation
        if not isinstance(x, Tensor):
            return False
    return True


def _operands(*given) -> tuple[Tensor, ...]:
    """Arguments as tensors; numbers take the dtype of the tensors and arrays that they stand beside."""
    if all_tensors(given):
        return given
    beside = next((x for x in given if isinstance(x, Tensor)), None)
    if beside is None:
        beside = next((as_tensor(x) for x in given if getattr(x, "ndim", 0)), None)
    if beside is None:
        return tuple(as_tensor(x) for x in given)
    found = [operand(x, beside) for x in given]
    return tuple([as_tensor(x) if tensor is None else tensor for x, tensor in zip(given, found, strict=True)])


def _binary(op: Primitive, name: str | None = None):
    derivatives = f"; dy/da = {op.local[0]}, dy/db = {op.local[1]}" if op.local else ""

    def function(input: TensorLike, other: TensorLike, **typed: Never) -> Tensor:
        if typed:
            raise misspelt(function, (input, other), typed)
        return apply(op, _operands(input, other))

    return _with_name(function, name or op.name, f"y = {op.formula}, elementwise{derivatives}. Shapes that broadcast.")


def _comparison(op: Primitive):
    def function(input: TensorLike, other: TensorLike) -> Tensor:
        if isinstance(input, Tensor):
            other = comparable(other, input)
        elif isinstance(other, Tensor):
            input = comparable(input, other)
        return apply(op, _operands(input, other))

    return _with_name(function, op.name, f"{op.formula}, elementwise, as bools. Shapes that broadcast.")


abs = _unary(rows.absolute)
negative = _unary(rows.neg, "negative")
sign = _unary(rows.sign)
exp = _unary(rows.exp)
expm1 = _unary(rows.expm1)
log = _unary(rows.log)
log1p = _unary(rows.log1p)
log2 = _unary(rows.log2)
log10 = _unary(rows.log10)
sqrt = _unary(rows.sqrt)
square = _unary(rows.square)
reciprocal = _unary(rows.reciprocal)
sin = _unary(rows.sin)
cos = _unary(rows.cos)
tan = _unary(rows.tan)
asin = _unary(rows.asin)
acos = _unary(rows.acos)
atan = _unary(rows.atan)
sinh = _unary(rows.sinh)
cosh = _unary(rows.cosh)
tanh = _unary(rows.tanh)
asinh = _unary(rows.asinh)
acosh = _unary(rows.acosh)
atanh = _unary(rows.atanh)
erf = _unary(rows.erf)
sigmoid = _unary(rows.sigmoid)
relu = _unary(rows.relu)
softplus = _unary(rows.softplus)
floor = _unary(rows.floor)
ceil = _unary(rows.ceil)
trunc = _unary(rows.trunc)
logical_not = _unary(rows.logical_not)
isnan = _unary(rows.isnan)
isinf = _unary(rows.isinf)
isfinite = _unary(rows.isfinite)
signbit = _unary(rows.signbit)

add = _binary(rows.add)
subtract = _binary(rows.sub, "subtract")
multiply = _binary(rows.mul, "multiply")
divide = _binary(rows.div, "divide")
maximum = _binary(rows.maximum)
minimum = _binary(rows.minimum)
atan2 = _binary(rows.atan2)
hypot = _binary(rows.hypot)
logaddexp = _binary(rows.logaddexp)
copysign = _binary(rows.copysign)
nextafter = _binary(rows.nextafter)
remainder = _binary(rows.remainder)
floor_divide = _binary(rows.floor_divide)
equal = _comparison(rows.equal)
not_equal = _comparison(rows.not_equal)
less = _comparison(rows.less)
less_equal = _comparison(rows.less_equal)
greater = _comparison(rows.greater)
greater_equal = _comparison(rows.greater_equal)
logical_and = _binary(rows.logical_and)
logical_or = _binary(rows.logical_or)
logical_xor = _binary(rows.logical_xor)
bitwise_and = _binary(rows.bitwise_and)
bitwise_or = _binary(rows.bitwise_or)
bitwise_xor = _binary(rows.bitwise_xor)
bitwise_left_shift = _binary(rows.bitwise_left_shift)
bitwise_right_shift = _binary(rows.bitwise_right_shift)
bitwise_invert = _unary(rows.bitwise_invert)


def positive(x: TensorLike) -> Tensor:
    """y = x, elementwise."""
    return +as_tensor(x)


def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """y = x, rounded half to even, elementwise, to this many decimals (-2: to hundreds); dy/dx = 0."""
    x = as_tensor(x)
    if not decimals:
        return apply(rows.round_, (x,))
    if decimals > 0:
        return x if not dtypes.is_float(x.dtype) else round(x * 10.0**decimals) / 10.0**decimals
    unit = 10**-decimals
    if dtypes.is_float(x.dtype):
        return round(x / unit) * unit
    return (round(x.astype(dtypes.float64) / unit) * unit).astype(x.dtype)


def pow(input: TensorLike, exponent: TensorLike) -> Tensor:
    """y = aᵇ, elementwise; dy/da = b·aᵇ⁻¹, dy/db = y·ln a.

    x⁰ has derivative 0 everywhere, at 0 too; 0ᵇ is flat in b; a negative base with a tensor as
    exponent has a real value for integers only, and no derivative in b (nan).
    """
    return as_tensor(input) ** exponent


def where(condition: TensorLike, input: TensorLike | None = None, other: TensorLike | None = None) -> Tensor:
    """`input` where the condition holds, else `other`, elementwise; shapes that broadcast.

    The gradient goes to the branch that was taken. The other branch gets 0 - but 0 times an
    infinite derivative is nan: `where(x > 0, log(x), 0)` has gradient nan at x = 0, as in every
    such engine. Make the argument safe first: `where(x > 0, log(where(x > 0, x, 1)), 0)`.
    """
    if input is None or other is None:
        raise misspelt(where, (condition, input, other), {})
    condition = as_tensor(condition)
    if condition.dtype != dtypes.bool_:
        if isinstance(input, Tensor) and input.dtype == dtypes.bool_:
            raise misspelt(where, (condition, input, other), {})
        condition = condition.astype(dtypes.bool_)
    return apply(rows.where, (condition, *_operands(input, other)))


@composed
def clip(x: TensorLike, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
    """y = x limited to [min, max], elementwise; None is no limit. Gradient 1 inside and at the bounds, else 0."""
    x = as_tensor(x)
    if min is not None:
        x = where(x < min, min, x)
    if max is not None:
        x = where(x > max, max, x)
    return x


def nan_to_num(x: TensorLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """x with numbers in place of nan, ∞ and -∞ (for None the largest and the smallest of its dtype).

    Gradient 1 where x is finite, else 0.
    """
    x = as_tensor(x)
    if not dtypes.is_float(x.dtype):
        return x
    largest = finfo(x.dtype).max
    x = where(x == math.inf, largest if posinf is None else posinf, x)
    x = where(x == -math.inf, -largest if neginf is None else neginf, x)
    return where(isnan(x), nan, x)


def xlogy(a: TensorLike, b: TensorLike) -> Tensor:
    """y = a·ln b, elementwise, and 0 where a = 0, for b = 0 too; dy/da = ln b, dy/db = a/b. Shapes that broadcast."""
    a, b = _operands(a, b)
    nothing = (a == 0) & ((b <= 0) | (b == math.inf))
    return a * log(where(nothing, 1, b))


def astype(x: TensorLike, dtype: DTypeLike, copy: bool = False, device: DeviceLike | None = None) -> Tensor:
    """x in another dtype (and on a device); the gradient is cast back. Integers and bools have none.

    Without `copy=True` it is x itself where nothing changes.
    """
    x = as_tensor(x)
    if dtype is x.dtype and device is None and not copy:
        return x
    dtype = dtypes.as_dtype(dtype)
    if device is not None:
        x = x.to(device)
    if x.dtype == dtype and not copy:
        return x
    return apply(rows.cast if dtypes.is_float(dtype) else rows.discrete_cast, (x,), {"dtype": dtype})
