"""Questions about dtypes, and about the library as a namespace of the Array API standard.

The rule by which dtypes mix is in `backend/dtypes.py`; here it can be asked.
"""

import builtins
import sys
from types import ModuleType
from typing import NamedTuple

import numpy

from ..backend import Device, current_device, dtypes
from ..cuda import gpu_available
from ..errors import DTypeError, OptionError
from ..tensor import Tensor, TensorLike
from ..typing import DeviceLike, DTypeLike

STANDARD = "2024.12"
"""The version of the Python Array API standard whose names and rules hold here, but for complex numbers."""

_KINDS = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}


def _dtype_of(x) -> numpy.dtype:
    """The dtype of a tensor or an array, or the one that x names."""
    return dtypes.as_dtype(x if isinstance(x, (numpy.dtype, type)) else getattr(x, "dtype", x))


def isdtype(dtype: DTypeLike, kind: DTypeLike | tuple[DTypeLike, ...]) -> bool:
    """Whether `dtype` is of a kind, or of one in a tuple of kinds.

    kind  a dtype, or "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating"
          (of which there is none here), "numeric"
    """
    if isinstance(kind, tuple):
        return builtins.any(isdtype(dtype, one) for one in kind)
    dtype = dtypes.as_dtype(dtype)
    if isinstance(kind, str) and kind in _KINDS:
        return dtype.kind in _KINDS[kind]
    try:
        return dtype == dtypes.as_dtype(kind)
    except DTypeError:
        kinds = ", ".join(map(repr, _KINDS))
        raise OptionError(f"{kind!r} is no kind of dtypes: use a dtype, or one of {kinds}") from None


def result_type(*arrays_and_dtypes: TensorLike | DTypeLike) -> numpy.dtype:
    """The dtype in which tensors, arrays, dtypes and Python numbers meet: that of their sum.

    Python numbers widen nothing, but for a number of a wider kind (a float beside integers gives float32).
    """
    numbers = [x for x in arrays_and_dtypes if isinstance(x, (builtins.bool, int, float))]
    others = [x for x in arrays_and_dtypes if not isinstance(x, (builtins.bool, int, float))]
    if not others:
        raise DTypeError("result_type needs a tensor or a dtype at least: Python numbers take the dtype of others")
    found = dtypes.result_type(*[_dtype_of(x) for x in others])
    for number in numbers:
        found = dtypes.number_dtype(number, found)
    return found


def can_cast(from_: TensorLike | DTypeLike, to: DTypeLike) -> bool:
    """Whether a dtype, or that of a tensor, becomes `to` where both meet: so int8 goes to int16, and not back."""
    to = dtypes.as_dtype(to)
    return result_type(from_, to) == to


class FloatInfo(NamedTuple):
    """What numbers a floating dtype holds: `finfo` tells.

    eps              the distance from 1 to the next number
    smallest_normal  the smallest positive number of full precision
    """

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: numpy.dtype


class IntegerInfo(NamedTuple):
    """What numbers an integer dtype holds: `iinfo` tells."""

    bits: int
    max: int
    min: int
    dtype: numpy.dtype


def finfo(type: TensorLike | DTypeLike) -> FloatInfo:
    """The limits of a floating dtype, or of that of a tensor."""
    dtype = _dtype_of(type)
    if not dtypes.is_float(dtype):
        raise DTypeError(f"finfo tells of floating dtypes, and {dtype} is none; see iinfo")
    known = numpy.finfo(dtype)
    eps, least = float(known.eps), float(known.smallest_normal)
    return FloatInfo(known.bits, eps, float(known.max), float(known.min), least, dtype)


def iinfo(type: TensorLike | DTypeLike) -> IntegerInfo:
    """The limits of an integer dtype, or of that of a tensor."""
    dtype = _dtype_of(type)
    if dtype.kind not in "iu":
        raise DTypeError(f"iinfo tells of integer dtypes, and {dtype} is none; see finfo")
    known = numpy.iinfo(dtype)
    return IntegerInfo(known.bits, int(known.max), int(known.min), dtype)


def __array_namespace__(self: Tensor, *, api_version: str | None = None) -> ModuleType:
    """This library: the namespace of the Array API standard to which the tensor belongs."""
    if api_version is not None and api_version > STANDARD:
        raise OptionError(f"version {api_version!r} of the Array API standard is not offered; {STANDARD!r} is")
    return sys.modules[__name__.partition(".")[0]]


class NamespaceInfo:
    """What the library can do, as the Array API standard has one ask: see `tg.__array_namespace_info__()`."""

    def capabilities(self) -> dict:
        """Boolean masks may index, results may have a shape that depends on numbers, up to 64 axes."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Device:
        """The device of new tensors."""
        return current_device()

    def devices(self) -> list[Device]:
        """The devices of this machine (of several GPUs the first one)."""
        return [Device("cpu"), *([Device("gpu")] if gpu_available() else [])]

    def default_dtypes(self, *, device: DeviceLike | None = None) -> dict[str, numpy.dtype]:
        """What Python's numbers become, and what positions are."""
        return {"real floating": dtypes.DEFAULT_FLOAT, "integral": dtypes.int64, "indexing": dtypes.int64}

    def dtypes(
        self, *, device: DeviceLike | None = None, kind: DTypeLike | tuple[DTypeLike, ...] | None = None
    ) -> dict[str, numpy.dtype]:
        """Names of dtypes -> dtypes, all or those of a kind (see `isdtype`)."""
        known = {dtype.name: dtype for dtype in sorted(dtypes.SUPPORTED, key=str) if dtype != dtypes.float16}
        return {name: dtype for name, dtype in known.items() if kind is None or isdtype(dtype, kind)}


def __array_namespace_info__() -> NamespaceInfo:
    """What the library can do, as the Array API standard has one ask."""
    return NamespaceInfo()
