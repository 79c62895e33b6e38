"""The CPU: NumPy, and the few functions that NumPy lacks."""

import contextlib
import math
from typing import ClassVar

import numpy

try:  # SciPy's erf is compiled; without it, Python's own is exact and slower.
    from scipy.special import erf as _erf
except ImportError:
    _erf_of_numbers = numpy.frompyfunc(math.erf, 1, 1)

    def _erf(x):
        return numpy.asarray(_erf_of_numbers(x)).astype(x.dtype)[()]


class Backend:
    """An array namespace (`exp`, `matmul`, `zeros`, ... fall through to it) and what differs.

    A subclass says which namespace, how arrays come from and go to NumPy, and how it draws
    random numbers, scatters, and computes `erf`.
    """

    kind: ClassVar[str]
    namespace: ClassVar

    def __getattr__(self, name: str):
        function = getattr(self.namespace, name)
        setattr(self, name, function)  # the next look-up finds it at once
        return function

    def current(self, index: int):
        """A context in which the array library computes on its device number `index`."""
        return contextlib.nullcontext()

    def moved(self, array, device):
        """A copy of `array` on another device."""
        from .devices import get  # which knows this file

        return get(device).from_host(self.to_host(array), device.index)


class Host(Backend):
    kind = "cpu"
    namespace = numpy

    @staticmethod
    def from_host(array: numpy.ndarray, index: int = 0):
        """`array`, which is a NumPy array, on this device."""
        return array

    @staticmethod
    def filled(shape: tuple[int, ...], value, dtype: numpy.dtype, index: int = 0):
        """A new array on this device with `value` everywhere."""
        return numpy.full(shape, value, dtype) if value else numpy.zeros(shape, dtype)

    @staticmethod
    def to_host(array) -> numpy.ndarray:
        """`array`, which is on this device, as a NumPy array."""
        return numpy.asarray(array)

    @staticmethod
    def index_of(array) -> int:
        """Which of the devices of this kind holds `array`."""
        return 0

    @staticmethod
    def erf(x):
        """erf x = 2/√π ∫₀ˣ exp(-t²) dt, elementwise."""
        return _erf(x)

    @staticmethod
    def scatter_add(target, index, values) -> None:
        """target[index] += values, where an index that occurs twice is added twice."""
        numpy.add.at(target, index, values)

    @staticmethod
    def generator(seed: numpy.random.SeedSequence, index: int = 0):
        """A random number generator of this device."""
        return numpy.random.Generator(numpy.random.PCG64(seed))

    @staticmethod
    def quiet():
        """A context in which inf and nan arise without warnings: to the engine they are values."""
        return numpy.errstate(all="ignore")

    @staticmethod
    def synchronize() -> None:
        """Wait until all work given to the device is done."""
