"""The rows of the table of operators, a family a file. Importing this package fills the table.

Read `elementwise.py` first, and of the others what you need.
"""

from . import activations as activations
from . import ancient as ancient
from . import attention as attention
from . import casting as casting
from . import chance as chance
from . import control as control
from . import convolutions as convolutions
from . import creation as creation
from . import elementwise as elementwise
from . import estimators as estimators
from . import images as images
from . import indexing as indexing
from . import learning as learning
from . import long_sequences as long_sequences
from . import losses as losses
from . import movement as movement
from . import normalization as normalization
from . import pooling as pooling
from . import products as products
from . import quantization as quantization
from . import rearranging as rearranging
from . import recurrent as recurrent
from . import reductions as reductions
from . import resizing as resizing
from . import sampling as sampling
from . import sequences as sequences
from . import signals as signals
from . import texts as texts
from . import trees as trees
