"""What Python's symbols do to tensors, beside which numbers, NumPy's and CuPy's arrays may stand, on either side. The class at
the end is the table: which symbol is which primitive.

Read before: `tensor/applying.py`. Read next: `autograd/`; `functional/` has what goes by name, `in_place.py` has `+=`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .backend import dtypes
from .ops import Primitive, elementwise
from .state import modes
from .tensor import NO_PARAMETERS, Tensor, TensorLike, apply, comparable, hang, operand, record

Operator = Callable[[Tensor, TensorLike], Tensor]
"""x ∘ other. It answers NotImplemented where the other side is for Python to ask."""


def sign(op: Primitive) -> Callable[[Tensor], Tensor]:
    """∘x"""
    return lambda x: apply(op, (x,))


def general(op: Primitive, reflected: bool = False) -> Operator:
    """x ∘ other, through `apply`; other ∘ x if it is `reflected`."""

    def operator(self: Tensor, other: TensorLike) -> Tensor:
        beside = operand(other, self)
        if beside is None:
            return NotImplemented
        return apply(op, (beside, self) if reflected else (self, beside))

    return operator


def direct(op: Primitive, reflected: bool = False) -> Operator:
    """The same, past what `apply` does in general: of two arrays of one dtype, Python's operator is the value."""
    compute = op.operator
    if compute is None:
        return general(op, reflected)

    def operator(self: Tensor, other: Any) -> Tensor:
        if type(other) is not Tensor:
            other = operand(other, self)
            if other is None:
                return NotImplemented
        x, y = (other, self) if reflected else (self, other)
        a, b = x._data, y._data
        if a.dtype is b.dtype:
            try:
                value = compute(a, b)
            except Exception:
                return apply(op, (x, y))  # which finds the words for what is wrong
            if value.dtype is a.dtype:  # not so for a quotient of integers
                if x._needs or y._needs or modes.busy:
                    return record(op, (x, y), (a, b), NO_PARAMETERS, value)
                return Tensor(value)
        return apply(op, (x, y))

    return operator


def both(op: Primitive) -> tuple[Operator, Operator]:
    """x ∘ other, other ∘ x"""
    return direct(op), direct(op, reflected=True)


def comparison(op: Primitive) -> Operator:
    """x ∘ other"""
    compute = general(op)
    return lambda self, other: compute(self, comparable(other, self))


def power(x: Tensor, other: TensorLike) -> Tensor:
    """x ** other: an operation of its own where the exponent is a number."""
    if not isinstance(other, (int, float)) or isinstance(other, bool):
        return _power_of_tensors(x, other)
    whole = isinstance(other, int) and other >= 0
    exponent = other if isinstance(other, int) else float(other)  # NumPy's float64 is a float that widens the result
    if not (dtypes.is_float(x.dtype) or (whole and x.dtype != dtypes.bool_)):
        x = x.astype(dtypes.int64 if whole else dtypes.DEFAULT_FLOAT)
    return apply(elementwise.power, (x,), {"exponent": exponent})


_power_of_tensors = general(elementwise.pow_)


class Operators:
    """The symbols, by the names that Python has for them; `@` is `functional.matmul`, what brackets do is in `indexing/`."""

    def _apply(self: Any, op: Primitive, *others: Tensor, **params: Any) -> Tensor:
        """An operation on this tensor and others: what gradient rules call that need one without a symbol."""
        return apply(op, (self, *others), params)

    def __pos__(self: Any) -> Any:
        return self

    __neg__ = sign(elementwise.neg)
    __abs__ = sign(elementwise.absolute)
    __invert__ = sign(elementwise.bitwise_invert)

    __add__, __radd__ = both(elementwise.add)
    __sub__, __rsub__ = both(elementwise.sub)
    __mul__, __rmul__ = both(elementwise.mul)
    __truediv__, __rtruediv__ = both(elementwise.div)
    __floordiv__, __rfloordiv__ = both(elementwise.floor_divide)
    __mod__, __rmod__ = both(elementwise.remainder)
    __pow__, __rpow__ = power, general(elementwise.pow_, reflected=True)

    __and__, __rand__ = both(elementwise.bitwise_and)
    __or__, __ror__ = both(elementwise.bitwise_or)
    __xor__, __rxor__ = both(elementwise.bitwise_xor)
    __lshift__, __rlshift__ = both(elementwise.bitwise_left_shift)
    __rshift__, __rrshift__ = both(elementwise.bitwise_right_shift)

    __eq__: ClassVar[Operator] = comparison(elementwise.equal)  # pyright: ignore[reportIncompatibleMethodOverride]
    __ne__: ClassVar[Operator] = comparison(elementwise.not_equal)  # pyright: ignore[reportIncompatibleMethodOverride]
    __lt__ = comparison(elementwise.less)
    __le__ = comparison(elementwise.less_equal)
    __gt__ = comparison(elementwise.greater)
    __ge__ = comparison(elementwise.greater_equal)


hang(Operators)
