"""The GPU: CuPy, which is imported only when somebody asks for a GPU or hands in a CuPy array.

It is a backend that makes itself known to `backend/`: a further one would be a file as this one is.
"""

import contextlib
from typing import TYPE_CHECKING, Any

import numpy

from .backend import Array
from .backend.arrays import register_package
from .backend.devices import register_kind
from .backend.dtypes import float16
from .backend.host import Backend
from .errors import DeviceError
from .spellings import missing_from
from .totals import accumulator

HOW_TO_GET_CUPY = "pip install 'tinygrad_ml[gpu]' (CUDA 13) or 'tinygrad_ml[gpu12]' (CUDA 12)"


def why_not() -> str | None:
    """Why no GPU can be used here, in a sentence; None if one can."""
    try:
        import cupy
    except ImportError:
        return f"CuPy is not installed: {HOW_TO_GET_CUPY}"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except AttributeError:
        return f"the CuPy that Python finds at {list(cupy.__path__)} is not whole: {HOW_TO_GET_CUPY}"
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"CuPy {cupy.__version__} is installed, but finds no usable NVIDIA driver ({error})"
    return None if count else "the NVIDIA driver reports no GPU"


class Cuda(Backend):
    """CuPy, and what it does in other ways than NumPy."""

    kind = "gpu"
    _shared = None

    def __init__(self):
        import cupy
        import cupyx
        import cupyx.scipy.special

        self.namespace = self.cupy = cupy
        self.erf, self.erfc = cupyx.scipy.special.erf, cupyx.scipy.special.erfc
        self._scatter_add = cupyx.scatter_add

    @classmethod
    def shared(cls) -> "Cuda":
        """The one instance."""
        if cls._shared is None:
            cls._shared = cls()
        return cls._shared

    def current(self, index: int) -> contextlib.AbstractContextManager:
        return self.cupy.cuda.Device(index)

    def from_host(self, array: numpy.ndarray, index: int = 0) -> Array:
        """`array`, which is a NumPy array, on this GPU."""
        with self.cupy.cuda.Device(index):
            return self.cupy.asarray(array)

    def filled(self, shape: tuple[int, ...], value: Any, dtype: numpy.dtype, index: int = 0) -> Array:
        """A new array on this GPU with `value` everywhere."""
        with self.cupy.cuda.Device(index):
            return self.cupy.full(shape, value, dtype)

    def to_host(self, array: Array) -> numpy.ndarray:
        """`array`, which is on a GPU, as a NumPy array."""
        return self.cupy.asnumpy(array)

    @staticmethod
    def index_of(array: Array) -> int:
        """Which of the GPUs holds `array`."""
        return array.device.id

    def scatter_add(self, target: Array, index: Any, values: Array) -> None:
        """target[index] += values, where places that are named twice receive both."""
        # CUDA adds atomically what is float, or has 32 bits, or 64 without a sign. In two's complement
        # the sum of signed integers is that of the same bits without a sign; the small ones are widened.
        # Totals of float32 stay narrow here: what adds atomically adds in no order, and is short of memory.
        if target.dtype == float16:
            wide = target.astype(accumulator(float16))
            self._scatter_add(wide, index, values.astype(wide.dtype))
            target[...] = wide
        elif target.dtype.kind == "f":
            self._scatter_add(target, index, values)
        elif target.dtype.itemsize == 8:
            self._scatter_add(target.view(numpy.uint64), index, values.view(numpy.uint64))
        else:
            wide = target.astype(numpy.int32)
            self._scatter_add(wide, index, values.astype(numpy.int32))
            target[...] = wide

    def generator(self, seed: numpy.random.SeedSequence, index: int = 0) -> Any:
        """A random number generator of this GPU."""
        with self.cupy.cuda.Device(index):
            # Philox keeps its state on the device: drawing needs no copy and no synchronising.
            bits = self.cupy.random.Philox4x3210(int(seed.generate_state(1, numpy.uint64)[0] >> 1))
            return self.cupy.random.Generator(bits)

    def copied(self, generator: Any, index: int = 0) -> Any:
        """A random number generator that goes on from where this one is."""
        other = self.generator(numpy.random.SeedSequence(0), index)
        with self.cupy.cuda.Device(index):
            other.bit_generator._state[...] = generator.bit_generator._state
        return other

    @staticmethod
    def quiet() -> contextlib.AbstractContextManager:
        """A context in which inf and nan arise without warnings, as they always do here."""
        return contextlib.nullcontext()

    def synchronize(self) -> None:
        """Wait until all work given to the GPU is done."""
        self.cupy.cuda.get_current_stream().synchronize()


def shared_or_raise(index: int) -> Cuda:
    """The GPU backend, or a `DeviceError` that says what is missing."""
    reason = why_not()
    if reason is not None:
        raise DeviceError(f"device 'gpu' cannot be used: {reason}. Everything runs on device 'cpu' too.")
    backend = Cuda.shared()
    count = backend.cupy.cuda.runtime.getDeviceCount()
    if index >= count:
        raise DeviceError(f"device 'gpu:{index}' does not exist: this machine has {count} GPU(s), counted from 0")
    return backend


def gpu_count() -> int:
    """How many GPUs can be used."""
    if not gpu_available():
        return 0
    import cupy

    return cupy.cuda.runtime.getDeviceCount()


def gpu_available() -> bool:
    """Whether `device("gpu")` can be used here (CuPy is installed, and a driver and a GPU answer)."""
    return why_not() is None


register_package("cupy", Cuda.shared)
register_kind("gpu", shared_or_raise)

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "cuda")
