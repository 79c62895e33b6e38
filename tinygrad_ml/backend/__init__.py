"""Arrays and devices: the room that tells NumPy's from CuPy's, so that no other has to.

Everybody above asks `of(array)` for the backend of an array in hand, and calls array functions on what comes back
(`of(x).exp(x)`), so the same line runs on either device. A backend is a NumPy-like namespace and a few functions more.

Read next: `arrays.py` (the switch), `host.py` (NumPy; CuPy is `../cuda.py`), `devices.py`, `dtypes.py`,
`absent.py` (no numbers), `convert.py`.
"""

from .absent import Absent as Absent
from .arrays import absent as absent
from .arrays import of as of
from .arrays import owner as owner
from .arrays import register as register
from .convert import as_array as as_array
from .devices import Device as Device
from .devices import current_device as current_device
from .devices import get as get
from .devices import set_default_device as set_default_device
from .dtypes import DEFAULT_FLOAT as DEFAULT_FLOAT
from .dtypes import Array as Array
from .dtypes import is_float as is_float
