"""Arrays and devices: the room that tells NumPy's from CuPy's, so that no other has to.

Everybody above asks `of(array)` for the backend of an array in hand, and calls array functions on
what comes back (`of(x).exp(x)`), so the same line runs on either device. A backend is a NumPy-like
namespace plus the handful of functions in which the array libraries differ.

Read next: `arrays.py` (the switch), `host.py` (NumPy; CuPy is `../cuda.py`), `devices.py`, `dtypes.py`,
`absent.py` (no numbers), `sums.py` (how wide totals are), `convert.py`.
"""

from .absent import Absent
from .arrays import absent, of, owner, register
from .convert import as_array
from .devices import Device, current_device, get, set_default_device
from .dtypes import DEFAULT_FLOAT, Array, is_float

__all__ = [
    "DEFAULT_FLOAT",
    "Absent",
    "Array",
    "Device",
    "absent",
    "as_array",
    "current_device",
    "get",
    "is_float",
    "of",
    "owner",
    "register",
    "set_default_device",
]
