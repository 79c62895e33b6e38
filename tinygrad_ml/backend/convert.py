"""From whatever a user hands in to an array on a device."""

import numpy

from ..errors import DTypeError
from .arrays import BY_TYPE, HOST, SYMBOL
from .devices import Device, current_device, get
from .dtypes import DEFAULT_FLOAT, as_dtype


def as_array(data, dtype=None, device: str | Device | None = None, copy: bool = False):
    """`data` (number, nested list, array of any backend) as an array of a dtype on a device.

    By default arrays of a GPU stay there, and all else goes to the current device; arrays keep
    their dtype, and Python's numbers and lists become float32 (or int64, or bool). A 0-d array on
    the host is returned as a NumPy scalar, with which NumPy computes several times faster. Memory
    is shared where that is possible, unless `copy` is True.
    """
    known = type(data) in BY_TYPE or hasattr(type(data), "__cuda_array_interface__")
    source = BY_TYPE[type(data)] if known else HOST
    if source is SYMBOL:
        return data if dtype is None else data.astype(as_dtype(dtype))
    if device is None and source is not HOST:
        device = Device.of(data)
    device = Device(device) if device is not None else current_device()
    if source is not HOST and Device.of(data) == device:
        return data.astype(data.dtype if dtype is None else as_dtype(dtype), copy=copy)
    target = get(device)
    host = source.to_host(data) if source is not HOST else _host_array(data)
    wanted = as_dtype(host.dtype if dtype is None else dtype)
    if host.dtype != wanted or not host.dtype.isnative:
        host, copy = host.astype(wanted), False
    if target is not HOST:
        return target.from_host(host, device.index)
    if not host.ndim:
        return host[()]
    return numpy.array(host) if copy else host


def _host_array(data) -> numpy.ndarray:
    if isinstance(data, (numpy.ndarray, numpy.generic)):
        return numpy.asarray(data)
    try:
        array = numpy.asarray(data)
    except (ValueError, TypeError) as error:
        raise DTypeError(f"cannot make a tensor of {type(data).__name__}: {error}") from None
    if array.dtype.kind not in "biuf":
        hint = "; complex numbers are out of scope" if array.dtype.kind == "c" else ""
        shown = numpy.array2string(array, threshold=5)
        raise DTypeError(f"cannot make a tensor of {type(data).__name__} {shown}: no real numbers{hint}")
    if array.dtype.kind == "f" and isinstance(data, (list, tuple, float)):
        array = array.astype(DEFAULT_FLOAT)
    return array
