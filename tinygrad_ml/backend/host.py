"""The CPU: NumPy, and the few functions that NumPy lacks."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

import numpy

from .. import blocks, totals
from ..kernels import places, special
from .dtypes import Array


class Backend:
    """An array namespace (`exp`, `matmul`, `zeros`, ... fall through to it) and what differs.

    A subclass says which namespace, how arrays come from and go to NumPy, and how it draws random numbers and scatters.
    """

    kind: ClassVar[str]
    namespace: ClassVar
    symbolic = False  # whether its arrays have a shape, and no numbers

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.namespace, name)
        setattr(self, name, function)  # the next look-up finds it at once
        return function

    def current(self, index: int) -> contextlib.AbstractContextManager:
        """A context in which the array library computes on its device number `index`."""
        return contextlib.nullcontext()

    def is_number(self, array: Array) -> bool:
        """Whether `array` is a bare number, which goes with the arrays of any device."""
        return False

    def shown(self, array: Array) -> Array:
        """`array` as somebody sees it who may write into it."""
        return array

    def writeable(self, array: Array) -> Array:
        """`array`, or a copy of it if it cannot be overwritten, as what is broadcast cannot."""
        return array if getattr(array.flags, "writeable", 0 not in array.strides) else array.copy()  # CuPy does not say

    def moved(self, array: Array, there: Backend, index: int) -> Array:
        """A copy of `array` on another device: number `index` of that backend."""
        return there.from_host(self.to_host(array), index)

    def total(self, x: Array, axis: tuple[int, ...], keepdims: bool = False) -> Array:
        """Σ x over the axes."""
        if x.dtype.kind != "f":
            return self.sum(x, axis=axis, keepdims=keepdims)
        return self.total_in(x, axis, keepdims, totals.accumulator(x.dtype)).astype(x.dtype, copy=False)

    def total_in(self, x: Array, axis: tuple[int, ...], keepdims: bool, dtype: numpy.dtype) -> Array:
        """Σ x over the axes, in a dtype."""
        return self.sum(x, axis=axis, dtype=dtype, keepdims=keepdims)


class Host(Backend):
    """NumPy. Its operations give scalars for 0-d arrays: numbers, with which it computes several times faster."""

    kind = "cpu"
    namespace = numpy

    def is_number(self, array: Array) -> bool:
        return isinstance(array, numpy.generic)

    def shown(self, array: Array) -> Array:
        return numpy.asarray(array)

    def writeable(self, array: Array) -> Array:
        return numpy.array(array) if isinstance(array, numpy.generic) else super().writeable(array)

    @staticmethod
    def from_host(array: numpy.ndarray, index: int = 0) -> Array:
        """`array`, which is a NumPy array, on this device."""
        return array

    @staticmethod
    def filled(shape: tuple[int, ...], value: Any, dtype: numpy.dtype, index: int = 0) -> Array:
        """A new array on this device with `value` everywhere."""
        array = numpy.zeros(shape, dtype)
        if type(value) is not int or value:  # -0.0 is no zero
            array[...] = value
        return array

    @staticmethod
    def to_host(array: Array) -> numpy.ndarray:
        """`array`, which is on this device, as a NumPy array."""
        return numpy.asarray(array)

    @staticmethod
    def index_of(array: Array) -> int:
        """Which of the devices of this kind holds `array`."""
        return 0

    erf, erfc = staticmethod(special.erf), staticmethod(special.erfc)
    broadcast_to, where = staticmethod(blocks.broadcast_to), staticmethod(blocks.where)
    reshape = staticmethod(lambda x, shape: x.reshape(shape))  # the methods, which are quicker than NumPy's functions
    transpose = staticmethod(lambda x, axes: x.transpose(axes))
    total_in = staticmethod(totals.total)  # pyright: ignore[reportAssignmentType]

    @staticmethod
    def scatter_add(target: Array, index: Any, values: Array) -> None:
        """target[index] += values, where an index that occurs twice is added twice."""
        # A table larger than what is added to it is not widened: that would cost more than the few additions in one place.
        places.add_at(target, index, values, totals.accumulator(target.dtype, running=target.size <= values.size))

    @staticmethod
    def generator(seed: numpy.random.SeedSequence, index: int = 0) -> Any:
        """A random number generator of this device."""
        return numpy.random.Generator(numpy.random.PCG64(seed))

    @staticmethod
    def quiet() -> contextlib.AbstractContextManager:
        """A context in which inf and nan arise without warnings: to the engine they are values."""
        return numpy.errstate(all="ignore")

    @staticmethod
    def synchronize() -> None:
        """Wait until all work given to the device is done."""
