"""Elementwise functions, as `tg.exp(x)` and as `x.exp()`. The names are those of the Array API standard.

What each computes, and its derivative, is a row in `ops/elementwise.py`; here the rows get their
public face: numbers, lists and arrays are accepted, and a docstring is made of the row.
"""

from ..backend import dtypes
from ..operators import operand
from ..ops import Primitive
from ..ops import elementwise as rows
from ..tensor import Tensor, apply, as_tensor, method


def _named(function, name: str, doc: str):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _unary(op: Primitive, name: str | None = None):
    derivative = f"; dy/dx = {op.local[0]}" if op.local else ""

    def function(x) -> Tensor:
        return apply(op, (as_tensor(x),))

    return method(_named(function, name or op.name, f"y = {op.formula}, elementwise{derivative}. Any shape."))


def _operands(*given) -> tuple[Tensor, ...]:
    """Arguments as tensors; numbers take the dtype of the tensors and arrays that they stand beside."""
    beside = next((x for x in given if isinstance(x, Tensor)), None)
    if beside is None:
        beside = next((as_tensor(x) for x in given if getattr(x, "ndim", 0)), None)
    if beside is None:
        return tuple(as_tensor(x) for x in given)
    found = (operand(x, beside) for x in given)
    return tuple(as_tensor(x) if tensor is NotImplemented else tensor for x, tensor in zip(given, found, strict=True))


def _binary(op: Primitive, name: str | None = None):
    derivatives = f"; dy/da = {op.local[0]}, dy/db = {op.local[1]}" if op.local else ""

    def function(a, b) -> Tensor:
        return apply(op, _operands(a, b))

    return method(
        _named(function, name or op.name, f"y = {op.formula}, elementwise{derivatives}. Shapes that broadcast.")
    )


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
round = _unary(rows.round_)
trunc = _unary(rows.trunc)
logical_not = _unary(rows.logical_not)
isnan = _unary(rows.isnan)
isinf = _unary(rows.isinf)
isfinite = _unary(rows.isfinite)

add = _binary(rows.add)
subtract = _binary(rows.sub, "subtract")
multiply = _binary(rows.mul, "multiply")
divide = _binary(rows.div, "divide")
maximum = _binary(rows.maximum)
minimum = _binary(rows.minimum)
atan2 = _binary(rows.atan2)
remainder = _binary(rows.remainder)
floor_divide = _binary(rows.floor_divide)
equal = _binary(rows.equal)
not_equal = _binary(rows.not_equal)
less = _binary(rows.less)
less_equal = _binary(rows.less_equal)
greater = _binary(rows.greater)
greater_equal = _binary(rows.greater_equal)
logical_and = _binary(rows.logical_and)
logical_or = _binary(rows.logical_or)
logical_xor = _binary(rows.logical_xor)


@method
def pow(a, b) -> Tensor:
    """y = aᵇ, elementwise; dy/da = b·aᵇ⁻¹, dy/db = y·ln a.

    x⁰ has derivative 0 everywhere, at 0 too; 0ᵇ is flat in b; a negative base with a tensor as
    exponent has a real value for integers only, and no derivative in b (nan).
    """
    return as_tensor(a) ** b


@method
def where(condition, a, b) -> Tensor:
    """a where the condition holds, else b, elementwise; shapes that broadcast.

    The gradient goes to the branch that was taken. The other branch gets 0 - but 0 times an
    infinite derivative is nan: `where(x > 0, log(x), 0)` has gradient nan at x = 0, as in every
    such engine. Make the argument safe first: `where(x > 0, log(where(x > 0, x, 1)), 0)`.
    """
    condition = as_tensor(condition)
    if condition.dtype != dtypes.bool_:
        condition = condition.astype(dtypes.bool_)
    return apply(rows.where, (condition, *_operands(a, b)))


@method
def clip(x, min=None, max=None) -> Tensor:
    """y = x limited to [min, max], elementwise; None is no limit. Gradient 1 inside and at the bounds, else 0."""
    x = as_tensor(x)
    if min is not None:
        x = where(x < min, min, x)
    if max is not None:
        x = where(x > max, max, x)
    return x


@method
def astype(x, dtype) -> Tensor:
    """x in another dtype; the gradient is cast back. Integers and bools have none."""
    x, dtype = as_tensor(x), dtypes.as_dtype(dtype)
    if x.dtype == dtype:
        return x
    return apply(rows.cast if dtypes.is_float(dtype) else rows.discrete_cast, (x,), {"dtype": dtype})
