"""A Tensor is an array plus the node that made it.

Read in this order: `base.py`, the class; `applying.py`, where operations are computed and recorded; `creation.py`,
what comes from outside as tensors. `../protocols.py` has what Python asks of a tensor.
"""

from .applying import NO_PARAMETERS as NO_PARAMETERS
from .applying import apply as apply
from .applying import failure as failure
from .applying import record as record
from .base import Tensor as Tensor
from .base import TensorLike as TensorLike
from .base import check_devices as check_devices
from .base import hang as hang
from .creation import as_tensor as as_tensor
from .creation import beside as beside
from .creation import comparable as comparable
from .creation import constants as constants
from .creation import filled as filled
from .creation import operand as operand
