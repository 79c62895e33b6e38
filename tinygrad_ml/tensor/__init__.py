"""A Tensor is an array plus the node that made it.

Read in this order: `base.py`, the class; `applying.py`, where operations are computed and recorded; `creation.py`,
tensors of what comes from outside. `../protocols.py` has what Python asks of a tensor.
"""

from .applying import NO_PARAMETERS, apply, failure, record
from .base import Tensor, TensorLike, hang
from .creation import as_tensor, beside, filled, tensor

__all__ = [
    "NO_PARAMETERS",
    "Tensor",
    "TensorLike",
    "apply",
    "as_tensor",
    "beside",
    "failure",
    "filled",
    "hang",
    "record",
    "tensor",
]
