"""What Python's symbols do to tensors: arithmetic, comparison, brackets, and `+=`.

A number, a NumPy array or a CuPy array may stand on either side. The tables at the end say which
symbol is which primitive.

Read before: `tensor.py`. Read next: `functional/`.
"""

from collections.abc import Callable

import numpy

from .backend import Absent, absent, dtypes, of
from .errors import DTypeError, GradientError, ShapeError
from .indexing import parse
from .modes import modes
from .ops import Primitive, elementwise, index
from .tensor import NO_PARAMETERS, Tensor, apply, as_tensor, method, record
from .tensor import beside as tensor_beside

_constants: dict[tuple, Tensor] = {}
"""The numbers of formulas, which recur: (type, number, dtype of the tensor beside it) -> tensor."""


def operand(other, beside: Tensor):
    """`other` as a tensor to compute with beside a tensor, or NotImplemented.

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
    return NotImplemented


def _number(number: complex, beside: Tensor) -> Tensor:
    try:
        return Tensor(dtypes.number_dtype(number, beside._data.dtype).type(number))
    except OverflowError as error:
        raise DTypeError(f"{number} beside {beside._described()}: {error}") from None
    except TypeError:
        raise DTypeError(f"{number!r} is not a real number; complex numbers are out of scope") from None


# -- brackets ------------------------------------------------------------------------------------------


@method
def __getitem__(self: Tensor, key) -> Tensor:
    """x[...]: all of NumPy's indexing, with integers, slices, None, ..., integer arrays and boolean masks."""
    arrays, template, inserted = parse(key, self.shape, self._data)
    if inserted:
        self = self.expand_dims(inserted)
    return apply(index.getitem, (self, *map(Tensor, arrays)), {"index": template})


@method
def __setitem__(self: Tensor, key, values) -> None:
    """x[...] = v: x takes the value that it has with v written there. Other tensors do not change."""
    if modes.recorder is not None:
        modes.recorder.take(self)
    arrays, template, inserted = parse(key, self.shape, self._data)
    if inserted:
        wide = self.expand_dims(inserted)
        wide[tuple(Tensor(arrays.pop(0)) if part is index.ARRAY else part for part in template)] = values
        _become(self, wide.reshape(self.shape), "x[...] =")
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
        data = numpy.array(self._data) if isinstance(self._data, numpy.generic) else self._data.copy()
        data[place] = values._data
        _become(self, Tensor(data), "x[...] =")
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
        _become(self, taken.where(written, self), "x[...] =")


def _become(self: Tensor, value: Tensor, symbol: str) -> Tensor:
    """Take over the value of `value`, and its place in the graph."""
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
    name, earlier = self.name, self._node
    self._data, self._node, self._needs = value._data, value._node if value._needs else None, value._needs
    if name is not None:
        self.name = name
    if earlier is not None and earlier.tensor() is self:  # .grad belongs to what the tensor is now
        del earlier.tensor
        if self._needs:
            self.retain_grad()
    return self


# -- arithmetic ----------------------------------------------------------------------------------------


@method
def __pos__(self: Tensor) -> Tensor:
    return self


@method
def __neg__(self: Tensor) -> Tensor:
    return apply(elementwise.neg, (self,))


@method
def __abs__(self: Tensor) -> Tensor:
    return apply(elementwise.absolute, (self,))


@method
def __pow__(self: Tensor, other) -> Tensor:
    if isinstance(other, (int, float)) and not isinstance(other, bool):
        whole = isinstance(other, int) and other >= 0
        exponent = (
            other if isinstance(other, int) else float(other)
        )  # NumPy's float64 is a float, and would widen the result
        if dtypes.is_float(self.dtype) or (whole and self.dtype != dtypes.bool_):
            base = self
        else:
            base = self.astype(dtypes.int64 if whole else dtypes.DEFAULT_FLOAT)
        return apply(elementwise.power, (base,), {"exponent": exponent})
    return _general(elementwise.pow_)(self, other)


@method
def __invert__(self: Tensor) -> Tensor:
    return apply(elementwise.bitwise_invert, (self,))


def _general(op: Primitive) -> Callable:
    """x ∘ other, through `apply`."""

    def operator(self, other):
        other = operand(other, self)
        return other if other is NotImplemented else apply(op, (self, other))

    return operator


def _reflected(op: Primitive) -> Callable:
    """other ∘ x, through `apply`."""

    def operator(self, other):
        other = operand(other, self)
        return other if other is NotImplemented else apply(op, (other, self))

    return operator


def _direct(op: Primitive) -> Callable:
    """x ∘ other, past what `apply` does in general: of two arrays of one dtype, Python's operator is the value."""
    compute = op.operator

    def operator(self, other):
        if type(other) is not Tensor:
            other = operand(other, self)
            if other is NotImplemented:
                return other
        a, b = self._data, other._data
        if a.dtype is b.dtype:
            try:
                value = compute(a, b)
            except Exception:
                return apply(op, (self, other))  # which finds the words for what is wrong
            if value.dtype is a.dtype:  # not so for a quotient of integers
                if self._needs or other._needs or modes.busy:
                    return record(op, (self, other), (a, b), NO_PARAMETERS, value)
                return Tensor(value)
        return apply(op, (self, other))

    return operator


def comparable(other, beside: Tensor):
    """`other`, or if it is an integer that a tensor of integers could not hold, a tensor that does: no byte is -1, and
    that is an answer."""
    if isinstance(other, (int, numpy.integer)) and beside._data.dtype.kind in "iu":
        limits = numpy.iinfo(beside._data.dtype)
        if not limits.min <= other <= limits.max:
            return Tensor(numpy.float64(other) if abs(int(other)) >= 1 << 63 else numpy.int64(other))
    return other


def _comparison(op: Primitive) -> Callable:
    """x ∘ other"""
    compute = _general(op)
    return lambda self, other: compute(self, comparable(other, self))


def _in_place(op: Primitive, symbol: str) -> Callable:
    """x ∘= other"""
    compute = _general(op)

    def operator(self, other):
        value = compute(self, other)
        return value if value is NotImplemented else _become(self, value, symbol)

    return operator


_ARITHMETIC = {
    "add": (elementwise.add, "+="),
    "sub": (elementwise.sub, "-="),
    "mul": (elementwise.mul, "*="),
    "truediv": (elementwise.div, "/="),
    "floordiv": (elementwise.floor_divide, "//="),
    "mod": (elementwise.remainder, "%="),
    "pow": (elementwise.pow_, "**="),
}
_COMPARISONS = {
    "eq": elementwise.equal,
    "ne": elementwise.not_equal,
    "lt": elementwise.less,
    "le": elementwise.less_equal,
    "gt": elementwise.greater,
    "ge": elementwise.greater_equal,
}
_BITS = {
    "and": (elementwise.bitwise_and, "&="),
    "or": (elementwise.bitwise_or, "|="),
    "xor": (elementwise.bitwise_xor, "^="),
    "lshift": (elementwise.bitwise_left_shift, "<<="),
    "rshift": (elementwise.bitwise_right_shift, ">>="),
}

for _name, (_op, _symbol) in _ARITHMETIC.items():
    if _name != "pow":
        setattr(Tensor, f"__{_name}__", _direct(_op) if _op.operator else _general(_op))
    setattr(Tensor, f"__r{_name}__", _reflected(_op))
    setattr(Tensor, f"__i{_name}__", _in_place(_op, _symbol))
for _name, _op in _COMPARISONS.items():
    setattr(Tensor, f"__{_name}__", _comparison(_op))
for _name, (_op, _symbol) in _BITS.items():
    setattr(Tensor, f"__{_name}__", _general(_op))
    setattr(Tensor, f"__r{_name}__", _reflected(_op))
    setattr(Tensor, f"__i{_name}__", _in_place(_op, _symbol))
