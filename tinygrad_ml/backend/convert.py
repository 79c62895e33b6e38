"""From whatever a user hands in to an array on a device."""

from functools import partial
from typing import Any

import numpy
from numpy.typing import DTypeLike

from ..errors import DTypeError
from .arrays import BY_TYPE, HOST, absent
from .devices import Device, current_device, get
from .dtypes import DEFAULT_FLOAT, Array, as_dtype

_text = partial(numpy.array2string, threshold=5)


def as_array(
    data: Any, dtype: DTypeLike | None = None, device: str | Device | None = None, copy: bool = False
) -> Array:
    """`data` (number, nested list, array of any backend) as an array of a dtype on a device.

    By default arrays of a GPU stay there, and all else goes to the current device; arrays and scalars of NumPy's keep
    their dtype, and Python's numbers and lists become float32 (or int64, or bool). Where a dtype is given, they go
    there straight, with all digits that it holds. A 0-d array on the host is returned as a NumPy scalar, with which
    NumPy computes several times faster. Memory is shared where that is possible, unless `copy` is True.

    Raises `DTypeError` for what is no number, or none of that dtype: nan or 300 as uint8.
    """
    if absent(data):
        return data if dtype is None else data.astype(as_dtype(dtype))
    known = type(data) in BY_TYPE or hasattr(type(data), "__cuda_array_interface__")
    source = BY_TYPE[type(data)] if known else HOST
    here = None if source is HOST else Device.of(data)
    device = Device(device if device is not None else here or current_device())
    wanted = None if dtype is None else as_dtype(dtype)
    if device == here:
        return data.astype(data.dtype if wanted is None else wanted, copy=copy)
    target = get(device)
    host = source.to_host(data) if source is not HOST else _host_array(data, wanted)
    wanted = as_dtype(host.dtype) if wanted is None else wanted
    if wanted.kind in "iu" and host.dtype.kind == "f" and not numpy.isfinite(host).all():
        raise DTypeError(f"nan and infinity cannot be held by dtype {wanted}, and are among {_text(host)}")
    if host.dtype != wanted or not host.dtype.isnative:
        host, copy = host.astype(wanted), False
    if target is not HOST:
        return target.from_host(host, device.index)
    if not host.ndim:
        return host[()]
    return numpy.array(host) if copy else host


def _host_array(data, wanted: numpy.dtype | None) -> numpy.ndarray:
    """`data` as an array, of the dtype wanted if it is of Python's numbers and one is wanted."""
    if isinstance(data, (numpy.ndarray, numpy.generic)):
        return numpy.asarray(data)
    try:
        array = numpy.asarray(data)
    except (ValueError, TypeError) as error:
        raise DTypeError(f"cannot make a tensor of {type(data).__name__} (rows of one length?): {error}") from None
    if array.dtype.kind not in "biuf":
        hint = "; a return missing?" * (data is None) + "; complex numbers are out of scope" * (array.dtype.kind == "c")
        raise DTypeError(f"cannot make a tensor of {type(data).__name__} {_text(array)}: no real numbers{hint}")
    if not isinstance(data, (list, tuple, float, int)):
        return array
    if wanted is None:
        return array.astype(DEFAULT_FLOAT) if array.dtype.kind == "f" else array
    if wanted.kind not in "iu" or array.dtype == wanted:
        return array  # of float64, in which no digit is lost yet
    try:
        return numpy.asarray(data, wanted)
    except (OverflowError, ValueError) as error:
        raise DTypeError(f"{_text(array)} cannot be held by dtype {wanted}: {error}") from None
