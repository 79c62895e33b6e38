"""Arrays that are missing: they have a shape and a dtype, and no numbers. `../symbols.py` is the device where they live."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy


class Absent:
    """What stands for an array. Python and NumPy refuse to compute with it; the engine then asks an operation's shape rule."""

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

    __bool__ = __eq__ = __ne__ = __array__  # which Python would answer itself
    __hash__ = None  # pyright: ignore[reportAssignmentType]
