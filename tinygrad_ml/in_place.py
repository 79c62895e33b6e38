"""`x += y`, `x[i] = v`, `x.assign(v)` and `x.data`: how a tensor takes another value.

The first two give `x` the value of a new tensor, and its place in the graph: memory that others look at stays as it is.
`assign` overwrites memory, outside of every graph, and `x.data` is that memory itself.

Read before: `operators.py`, `writes.py`. Read next: `indexing/`.
"""

from __future__ import annotations

from typing import Any

from . import writes
from .backend import Array, as_array, of
from .errors import DTypeError, GradientError, ShapeError, TinygradError
from .modes import modes, overwriting
from .operators import Operator, general
from .ops import Primitive, elementwise
from .tensor import Tensor, TensorLike, check_devices, hang


def become(x: Tensor, value: Tensor, symbol: str) -> Tensor:
    """Let x take over the value of `value`, and its place in the graph, as a symbol asks. Returns x."""
    if value.shape != x.shape:
        raise ShapeError(f"{symbol} would change {x._described()} to shape {value.shape}; write x = x ... instead")
    value = value.astype(x.dtype)
    if x.is_leaf and x._needs:
        if modes.grad:
            raise GradientError(
                f"{x._described()} is a leaf that requires a gradient, and {symbol} would make it the result of an "
                f"operation. Update it inside `with tg.no_grad():`, or write x = x ... for a new tensor."
            )
        return x.assign(value)
    _take_over(x, value)
    return x


def _take_over(x: Tensor, value: Tensor) -> None:
    """Let x have the array of another tensor, its place in the graph, and whether it needs a gradient; keep the name.

    `.grad` belongs to what the tensor is now: a gradient of what it was does not arrive here any more.
    """
    name, earlier = x.name, x._node
    x._data, x._node, x._needs = value._data, value._node if value._needs else None, value._needs
    if name is not None:
        x.name = name
    if earlier is not None and earlier.tensor() is x:
        del earlier.tensor
        if x._needs:
            x.retain_grad()


def in_place(op: Primitive, symbol: str) -> Operator:
    """x ∘= other"""
    compute = general(op)

    def operator(self: Tensor, other: TensorLike) -> Tensor:
        value = compute(self, other)
        return value if value is NotImplemented else become(self, value, symbol)

    return operator


class InPlace:
    """Methods of the class Tensor that let it have another value."""

    __iadd__ = in_place(elementwise.add, "+=")
    __isub__ = in_place(elementwise.sub, "-=")
    __imul__ = in_place(elementwise.mul, "*=")
    __itruediv__ = in_place(elementwise.div, "/=")
    __ifloordiv__ = in_place(elementwise.floor_divide, "//=")
    __imod__ = in_place(elementwise.remainder, "%=")
    __ipow__ = in_place(elementwise.pow_, "**=")
    __iand__ = in_place(elementwise.bitwise_and, "&=")
    __ior__ = in_place(elementwise.bitwise_or, "|=")
    __ixor__ = in_place(elementwise.bitwise_xor, "^=")
    __ilshift__ = in_place(elementwise.bitwise_left_shift, "<<=")
    __irshift__ = in_place(elementwise.bitwise_right_shift, ">>=")

    @property
    def data(self: Any) -> Array:
        """The array itself (NumPy's on the CPU, CuPy's on the GPU), not a copy.

        Writing into it is noticed: a later `backward` that needs the old numbers says so. On the
        GPU only `tensor.data = array` and `assign` are noticed.
        """
        self._check_numbers()
        self._hold(of(self._data).shown(self._data))
        writes.lend(self._data)
        return self._data

    @data.setter
    def data(self: Any, array: TensorLike) -> None:
        new = as_array(array._data if isinstance(array, Tensor) else array, self.dtype, self.device)
        if new.shape != self.shape:
            raise ShapeError(f"data of shape {new.shape} given to {self._described()}; the shapes must be equal")
        writes.wrote(self._data)
        writes.give_back(self._data)
        self._hold(new)

    def assign(self: Any, values: TensorLike) -> Any:
        """Overwrite the memory of this leaf with `values`, in place and outside of the graph.

        `values` is broadcast and cast to the shape and dtype of the tensor. A graph that still
        needs the old numbers will refuse to run backward. Returns the tensor.
        """
        if not self.is_leaf:
            raise GradientError(
                f"assign() overwrites memory outside of the graph, but {self._described()} is part of one. "
                f"Use x = ... or x[...] = ... instead."
            )
        if overwriting(self):
            return self
        self._make_writeable()
        array = values._data if isinstance(values, Tensor) else as_array(values, self.dtype, self.device)
        try:
            self._data[...] = array
        except TinygradError:
            raise
        except Exception as error:
            source = Tensor(array)
            check_devices("assign", (self, source))
            why = f"cannot assign {source._described()} to {self._described()}"
            has_room = source.size == 1 and source.ndim <= self.ndim  # everywhere
            if has_room or isinstance(error, TypeError):
                raise DTypeError(f"{why}: {error}") from error
            raise ShapeError(why) from error
        writes.wrote(self._data)
        return self

    def _hold(self: Any, array: Array) -> None:
        """Hold another array, at the same place in the graph."""
        if array is not self._data:
            self._data = array
            if self._node is not None and self._node.op is None:
                self._node.value = array

    def _make_writeable(self: Any) -> None:
        """Give the leaf memory of its own if what it has cannot be overwritten, as a number's and that of a broadcast array."""
        self._hold(of(self._data).writeable(self._data))

    def _replace(self: Any, array: Array) -> None:
        """Hold another array, of any shape and dtype, outside of the graph; name and `requires_grad` stay."""
        needs = self._needs
        _take_over(self, Tensor(array))
        self.requires_grad = needs


hang(InPlace)
