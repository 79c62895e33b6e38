"""What stands between the brackets of `x[...]`. Read in this order: `keys.py`, `brackets.py`; `../ops/index.py` has the rows."""

from .brackets import getitem, setitem
from .keys import check_range

__all__ = ["check_range", "getitem", "setitem"]
