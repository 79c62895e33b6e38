"""Functions of several operations as functions of NumPy's arrays: a value, and the gradient of each.

What they mean is said once, of tensors, where they have their names (`tg.softmax`, `nn.functional.cross_entropy`); here is
what eager mode computes in its place, where Python would take longer than the arithmetic (`../functional/whole.py`). A value
returns the result, and behind it what the gradient wants to have: the gradient takes that by name.

Arrays are float32 or float64 (but for `sorting.py`, which takes all dtypes and has no gradients); what was wrong with them has been said. Read in any order.
"""

from . import activations as activations
from . import attention as attention
from . import convolution as convolution
from . import ctc as ctc
from . import loops as loops
from . import losses as losses
from . import normalization as normalization
from . import places as places
from . import pooling as pooling
from . import products as products
from . import recurrent as recurrent
from . import rows as rows
from . import scans as scans
from . import softmax as softmax
from . import sorting as sorting
from . import special as special
