"""The device of symbolic tensors, which have a shape and a dtype, and no numbers.

It is a backend that makes itself known to `backend/`, as the GPU's in `cuda.py` is. What it gives for an array is in
`backend/absent.py`.
"""

from __future__ import annotations

import contextlib
from typing import Any, NoReturn

import numpy

from .backend import Absent, Array, register
from .backend.devices import register_kind
from .backend.host import Backend
from .errors import ShapeError


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


SYMBOL = Symbol()
register(Absent, SYMBOL)
register_kind("symbol", lambda index: SYMBOL)
