"""What Python's symbols do to tensors: arithmetic, comparison, brackets, and `+=`.

A number, a NumPy array or a CuPy array may stand on either side. The class at the end is the table: which
symbol is which primitive.

Read before: `tensor/`. Read next: `autograd/`; `functional/` has what goes by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy

from .backend import Absent, absent, dtypes, of
from .errors import DTypeError, GradientError, ShapeError
from .indexing import parse
from .modes import modes, overwriting
from .ops import Primitive, elementwise, index
from .tensor import NO_PARAMETERS, Tensor, TensorLike, apply, as_tensor, hang, record
from .tensor import beside as tensor_beside

Operator = Callable[[Tensor, TensorLike], Tensor]
"""x ∘ other. It answers NotImplemented where the other side is for Python to ask."""

_constants: dict[tuple, Tensor] = {}
"""The numbers of formulas, which recur: (type, number, dtype of the tensor beside it) -> tensor."""


def operand(other: TensorLike, beside: Tensor) -> Tensor | None:
    """`other` as a tensor to compute with beside a tensor; None for what is no number and no array.

    Numbers, NumPy's scalars and 0-d arrays among them, take the dtype of the tensor and have no
    device; lists take both; arrays keep their dtype and are on theirs.
    """
    kind = type(other)
    if (kind is float or kind is int) and other:  # not 0, because 0.0 equals -0.0
        key = kind, other, beside._data.dtype
        constant = _constants.get(key)
        if constant is None:
            if len(_constants) > 1000:
                _constants.clear()
            constant = _constants[key] = _number(other, beside)
        return constant
    if isinstance(other, Tensor):
        return other
    if isinstance(other, (int, float, complex, numpy.generic)) or (isinstance(other, numpy.ndarray) and not other.ndim):
        return _number(other if isinstance(other, (int, float, complex)) else other.item(), beside)
    if isinstance(other, (list, tuple)):
        return tensor_beside(other, beside)
    if hasattr(other, "__array__") or hasattr(other, "__cuda_array_interface__"):
        return as_tensor(other)
    return None


def _number(number: complex, beside: Tensor) -> Tensor:
    try:
        return Tensor(dtypes.number_dtype(number, beside._data.dtype).type(number))
    except OverflowError as error:
        raise DTypeError(f"{number} beside {beside._described()}: {error}") from None
    except TypeError:
        raise DTypeError(f"{number!r} is not a real number; complex numbers are out of scope") from None


# -- brackets ------------------------------------------------------------------------------------------


def getitem(x: Tensor, key: Any) -> Tensor:
    """x[...]: all of NumPy's indexing, with integers, slices, None, ..., integer arrays and boolean masks."""
    arrays, template, inserted = parse(key, x.shape, x._data)
    if inserted:
        x = x.expand_dims(inserted)
    return apply(index.getitem, (x, *map(Tensor, arrays)), {"index": template})


def setitem(self: Tensor, key: Any, values: TensorLike) -> None:
    """x[...] = v: x takes the value that it has with v written there. Other tensors do not change."""
    overwriting(self)
    arrays, template, inserted = parse(key, self.shape, self._data)
    if inserted:
        wide = self.expand_dims(inserted)
        wide[tuple(Tensor(arrays.pop(0)) if part is index.ARRAY else part for part in template)] = values
        become(self, wide.reshape(self.shape), "x[...] =")
        return
    region = index.getitem_shape(self.shape, *[array.shape for array in arrays], index=template)
    try:
        values = values.astype(self.dtype) if isinstance(values, Tensor) else as_tensor(values, self.dtype, self.device)
        values = values.broadcast_to(region)
    except ShapeError as error:
        raise ShapeError(f"cannot write to x[...] of shape {region}, where x is {self._described()}: {error}") from None
    place = index.fill(template, arrays)
    symbolic = absent(self._data) or absent(values._data)
    if not (self._needs or values._needs or symbolic):
        data = of(self._data).writeable(self._data.copy())
        data[place] = values._data
        become(self, Tensor(data), "x[...] =")
    elif values.size:
        # For each element, which of the values is written there. Where an index names a place
        # several times, the last one wins, as in NumPy, and the others get no gradient.
        if symbolic:
            source, taken = Tensor(Absent(self.shape, dtypes.int64)), Tensor(Absent(self.shape, dtypes.bool_))
        else:
            xp = of(self._data)
            source = Tensor(xp.full(self.shape, -1, dtype=numpy.int64))
            if any(isinstance(array, Absent) for array in arrays):
                modes.recorder.take(source)
            source._data[place] = xp.arange(values.size).reshape(region)
            taken = source >= 0
        written = values.reshape(-1)[taken.where(source, 0)]
        become(self, taken.where(written, self), "x[...] =")


def become(self: Tensor, value: Tensor, symbol: str) -> Tensor:
    """Take over the value of `value`, and its place in the graph, as a symbol asks."""
    if value.shape != self.shape:
        raise ShapeError(f"{symbol} would change {self._described()} to shape {value.shape}; write x = x ... instead")
    value = value.astype(self.dtype)
    if self.is_leaf and self._needs:
        if modes.grad:
            raise GradientError(
                f"{self._described()} is a leaf that requires a gradient, and {symbol} would make it the result of an "
                f"operation. Update it inside `with tg.no_grad():`, or write x = x ... for a new tensor."
            )
        return self.assign(value)
    self._become(value)
    return self


# -- arithmetic ----------------------------------------------------------------------------------------


def positive(x: Tensor) -> Tensor:
    """+x: itself."""
    return x


def sign(op: Primitive) -> Callable[[Tensor], Tensor]:
    """∘x"""
    return lambda x: apply(op, (x,))


def general(op: Primitive) -> Operator:
    """x ∘ other, through `apply`."""

    def operator(self: Tensor, other: TensorLike) -> Tensor:
        right = operand(other, self)
        return NotImplemented if right is None else apply(op, (self, right))

    return operator


def reflected(op: Primitive) -> Operator:
    """other ∘ x, through `apply`."""

    def operator(self: Tensor, other: TensorLike) -> Tensor:
        left = operand(other, self)
        return NotImplemented if left is None else apply(op, (left, self))

    return operator


def direct(op: Primitive) -> Operator:
    """x ∘ other, past what `apply` does in general: of two arrays of one dtype, Python's operator is the value."""
    compute = op.operator

    def operator(self: Tensor, other: TensorLike) -> Tensor:
        right = other if type(other) is Tensor else operand(other, self)
        if right is None:
            return NotImplemented
        a, b = self._data, right._data
        if a.dtype is b.dtype:
            try:
                value = compute(a, b)
            except Exception:
                return apply(op, (self, right))  # which finds the words for what is wrong
            if value.dtype is a.dtype:  # not so for a quotient of integers
                if self._needs or right._needs or modes.busy:
                    return record(op, (self, right), (a, b), NO_PARAMETERS, value)
                return Tensor(value)
        return apply(op, (self, right))

    return general(op) if compute is None else operator


def in_place(op: Primitive, symbol: str) -> Operator:
    """x ∘= other"""
    compute = general(op)

    def operator(self: Tensor, other: TensorLike) -> Tensor:
        value = compute(self, other)
        return value if value is NotImplemented else become(self, value, symbol)

    return operator


def three(op: Primitive, symbol: str) -> tuple[Operator, Operator, Operator]:
    """x ∘ other, other ∘ x, x ∘= other"""
    return direct(op), reflected(op), in_place(op, symbol)


def comparison(op: Primitive) -> Operator:
    """x ∘ other"""
    compute = general(op)
    return lambda self, other: compute(self, comparable(other, self))


def comparable(other: TensorLike, beside: Tensor) -> TensorLike:
    """`other`, or if it is an integer that a tensor of integers could not hold, a tensor that does: no byte is -1, and
    that is an answer."""
    if isinstance(other, (int, numpy.integer)) and beside._data.dtype.kind in "iu":
        limits = numpy.iinfo(beside._data.dtype)
        if not limits.min <= other <= limits.max:
            return Tensor(numpy.float64(other) if abs(int(other)) >= 1 << 63 else numpy.int64(other))
    return other


def power(x: Tensor, other: TensorLike) -> Tensor:
    """x ** other: an operation of its own where the exponent is a number."""
    if not isinstance(other, (int, float)) or isinstance(other, bool):
        return _power_of_tensors(x, other)
    whole = isinstance(other, int) and other >= 0
    exponent = (
        other if isinstance(other, int) else float(other)
    )  # NumPy's float64 is a float, and would widen the result
    if not (dtypes.is_float(x.dtype) or (whole and x.dtype != dtypes.bool_)):
        x = x.astype(dtypes.int64 if whole else dtypes.DEFAULT_FLOAT)
    return apply(elementwise.power, (x,), {"exponent": exponent})


_power_of_tensors = general(elementwise.pow_)


def applied(x: Tensor, op: Primitive, *others: Tensor, **params: Any) -> Tensor:
    """An operation on x and others: what gradient rules call that need one without a symbol."""
    return apply(op, (x, *others), params)


class Operators:
    """The symbols, by the names that Python has for them; `@` is `functional.matmul`."""

    _apply = applied

    __getitem__, __setitem__ = getitem, setitem

    __pos__ = positive
    __neg__ = sign(elementwise.neg)
    __abs__ = sign(elementwise.absolute)
    __invert__ = sign(elementwise.bitwise_invert)

    __add__, __radd__, __iadd__ = three(elementwise.add, "+=")
    __sub__, __rsub__, __isub__ = three(elementwise.sub, "-=")
    __mul__, __rmul__, __imul__ = three(elementwise.mul, "*=")
    __truediv__, __rtruediv__, __itruediv__ = three(elementwise.div, "/=")
    __floordiv__, __rfloordiv__, __ifloordiv__ = three(elementwise.floor_divide, "//=")
    __mod__, __rmod__, __imod__ = three(elementwise.remainder, "%=")
    __pow__, __rpow__, __ipow__ = power, reflected(elementwise.pow_), in_place(elementwise.pow_, "**=")

    __and__, __rand__, __iand__ = three(elementwise.bitwise_and, "&=")
    __or__, __ror__, __ior__ = three(elementwise.bitwise_or, "|=")
    __xor__, __rxor__, __ixor__ = three(elementwise.bitwise_xor, "^=")
    __lshift__, __rlshift__, __ilshift__ = three(elementwise.bitwise_left_shift, "<<=")
    __rshift__, __rrshift__, __irshift__ = three(elementwise.bitwise_right_shift, ">>=")

    __eq__: ClassVar[Operator] = comparison(elementwise.equal)  # pyright: ignore[reportIncompatibleMethodOverride]
    __ne__: ClassVar[Operator] = comparison(elementwise.not_equal)  # pyright: ignore[reportIncompatibleMethodOverride]
    __lt__ = comparison(elementwise.less)
    __le__ = comparison(elementwise.less_equal)
    __gt__ = comparison(elementwise.greater)
    __ge__ = comparison(elementwise.greater_equal)


hang(Operators)
