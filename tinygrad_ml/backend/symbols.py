"""Arrays that are missing: those of symbolic tensors, which have a shape and a dtype, and take no memory."""

from __future__ import annotations

import contextlib
from typing import Any, NoReturn

import numpy

from ..errors import ShapeError
from .dtypes import Array
from .host import Backend


class Absent:
    """The array of a symbolic tensor: a shape and a dtype, and no memory.

    It refuses to take part in any computation; the engine then asks the operation's shape rule.
    """

    __slots__ = ("shape", "dtype")
    __array_ufunc__ = None
    base = None
    depth = 0  # of what stands for arrays in loops, the loops around them

    def __init__(self, shape: tuple[int, ...], dtype: numpy.dtype):
        self.shape, self.dtype = shape, dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def astype(self, dtype: Any) -> Absent:
        """What stands for the same in another dtype, as NumPy's arrays are told it."""
        return Absent(self.shape, numpy.dtype(dtype))

    def like(self, shape: tuple[int, ...], dtype: numpy.dtype) -> Absent:
        """What stands for the result of an operation on this, and perhaps others."""
        return Absent(shape, dtype)

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a symbolic tensor has a shape and a dtype, but no data")

    def _refuse(self, *_: Any) -> Any:
        raise TypeError("a symbolic tensor has a shape and a dtype, but no data")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __pow__ = __rpow__ = __neg__ = __matmul__ = __rmatmul__ = __getitem__ = __bool__ = __float__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __and__ = __rand__ = __or__ = __ror__ = _refuse
    __hash__ = None  # pyright: ignore[reportAssignmentType]


class Symbol(Backend):
    """The device of symbolic tensors: whatever is made there has a shape and a dtype, and takes no memory."""

    kind = "symbol"
    namespace = None

    def filled(self, shape: tuple[int, ...], value: Any, dtype: numpy.dtype, index: int = 0) -> Absent:
        """What stands for an array with `value` everywhere."""
        return Absent(tuple(shape), dtype)

    def from_host(self, array: Any, index: int = 0) -> Absent:
        """What stands for `array`."""
        return Absent(array.shape, array.dtype)

    def index_of(self, array: Any) -> int:
        """0: there is one such device."""
        return 0

    def nonzero(self, array: Any) -> NoReturn:
        """Refused: it is in the numbers, of which there are none."""
        raise ShapeError(
            f"how many elements a mask of shape {array.shape} selects is in its numbers, and a symbolic tensor has none. "
            f"Use tg.where(mask, x, 0) instead of x[mask]"
        )

    def writeable(self, array: Array) -> Array:
        return array

    def quiet(self) -> contextlib.AbstractContextManager:
        """A context in which nothing is different."""
        return contextlib.nullcontext()

    def generator(self, seed: Any, index: int = 0) -> Symbol:
        """What stands for a random number generator."""
        return self

    def random(self, size: tuple[int, ...], dtype: numpy.dtype) -> Absent:
        """What stands for random numbers."""
        return Absent(size, numpy.dtype(dtype))

    standard_normal = random

    def integers(self, low: int, high: int, size: tuple[int, ...]) -> Absent:
        """What stands for random integers."""
        return Absent(size, numpy.dtype("int64"))
