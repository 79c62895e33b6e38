"""Arrays of other libraries, and whether memory is shared with one."""

from typing import Any

from ..backend import Absent, Array, Device, get
from ..backend.arrays import BY_TYPE
from ..errors import DeviceError, DTypeError

CPU, CUDA = 1, 2
"""The numbers of DLPack for devices."""


def of_dlpack(x: Any) -> Array:
    """The array of another library, which offers it through DLPack, as an array of ours on the same device."""
    kind, index = x.__dlpack_device__()
    if kind not in (CPU, CUDA):
        raise DeviceError(
            f"an array on device ({kind}, {index}) of DLPack cannot be read: it is neither on a CPU nor on CUDA"
        )
    try:
        return get(Device(f"gpu:{index}" if kind == CUDA else "cpu")).from_dlpack(x)
    except (BufferError, RuntimeError, TypeError) as error:
        raise DTypeError(f"cannot read {type(x).__name__} through DLPack: {error}") from error


def share_memory(made: Any, of: Any) -> bool:
    """Whether array `made` looks at the memory of `of`, as far as it can be told; a missing array does not have any."""
    if made is of or isinstance(made, Absent):
        return True
    known = BY_TYPE[type(made)] if type(of) in BY_TYPE else None
    return known is not None and known is BY_TYPE[type(of)] and bool(known.may_share_memory(made, of))
