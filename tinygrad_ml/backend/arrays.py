"""From an array to the backend that computes on it.

The table below is keyed by array type and is the whole of the "switch": no global variable says
"we are on the GPU now", so nothing can be stale when tensors of two devices live side by side.
"""

import contextlib

import numpy

from ..errors import DTypeError, ShapeError
from .cuda import Cuda
from .dtypes import SUPPORTED
from .host import Array, Backend, Host


class Absent:
    """The array of a symbolic tensor: a shape and a dtype, and no memory.

    It refuses to take part in any computation; the engine then asks the operation's shape rule.
    """

    __slots__ = ("shape", "dtype")
    __array_ufunc__ = None
    base = None

    def __init__(self, shape: tuple[int, ...], dtype: numpy.dtype):
        self.shape, self.dtype = shape, dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def astype(self, dtype: numpy.dtype) -> "Absent":
        return Absent(self.shape, dtype)

    def like(self, shape: tuple[int, ...], dtype: numpy.dtype) -> "Absent":
        """What stands for the result of an operation on this, and perhaps others."""
        return Absent(shape, dtype)

    def __array__(self, *_, **__):
        raise TypeError("a symbolic tensor has a shape and a dtype, but no data")

    def _refuse(self, *_):
        raise TypeError("a symbolic tensor has a shape and a dtype, but no data")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __pow__ = __rpow__ = __neg__ = __matmul__ = __rmatmul__ = __getitem__ = __bool__ = __float__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __and__ = __rand__ = __or__ = __ror__ = _refuse
    __hash__ = None  # pyright: ignore[reportAssignmentType]


class Symbol(Backend):
    """The device of symbolic tensors: whatever is made there has a shape and a dtype, and takes no memory."""

    kind = "symbol"
    namespace = None

    def filled(self, shape, value, dtype, index=0) -> Absent:
        return Absent(tuple(shape), dtype)

    def from_host(self, array, index=0) -> Absent:
        return Absent(array.shape, array.dtype)

    def index_of(self, array) -> int:
        return 0

    def nonzero(self, array):
        raise ShapeError(
            f"how many elements a mask of shape {array.shape} selects is in its numbers, and a symbolic tensor has none. "
            f"Use tg.where(mask, x, 0) instead of x[mask]"
        )

    def writeable(self, array: Array) -> Array:
        return array

    def quiet(self):
        return contextlib.nullcontext()

    def generator(self, seed, index=0) -> "Symbol":
        return self

    def random(self, size, dtype) -> Absent:
        return Absent(size, numpy.dtype(dtype))

    standard_normal = random

    def integers(self, low, high, size) -> Absent:
        return Absent(size, numpy.dtype("int64"))


class _ByArrayType(dict):
    """Array type -> backend, learning each new type at its first use."""

    def __missing__(self, kind: type):
        if issubclass(kind, (numpy.ndarray, numpy.generic)):
            found = HOST
        elif kind.__module__.partition(".")[0] == "cupy":
            found = Cuda.shared()
        else:
            raise DTypeError(f"{kind.__name__} is not an array type of any registered backend (NumPy, CuPy)")
        self[kind] = found
        return found


HOST, SYMBOL = Host(), Symbol()
BY_TYPE = _ByArrayType({numpy.ndarray: HOST, Absent: SYMBOL} | {dtype.type: HOST for dtype in SUPPORTED})


def register(array_type: type, backend) -> None:
    """Make `backend` the one that computes on arrays of `array_type`."""
    BY_TYPE[array_type] = backend


def of(array):
    """The backend that computes on `array`."""
    return BY_TYPE[type(array)]


def absent(array) -> bool:
    """Whether `array` is the missing array of a symbolic tensor."""
    return type(array) is Absent


def owner(array):
    """The array that owns the memory which `array` looks at (itself, unless it is a view)."""
    while getattr(array, "base", None) is not None and type(array.base) is type(array):
        array = array.base
    return array
