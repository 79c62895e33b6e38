"""Many processes that train one network: each works on a part of every batch, and what they do together is what one would do.

Read next: `group.py`.
"""

from .agreement import broadcast_parameters as broadcast_parameters
from .data_parallel import DataParallel as DataParallel
from .elastic import Elastic as Elastic
from .group import Group as Group
from .group import init as init
from .optimizer import Optimizer as Optimizer
from .sampler import Sampler as Sampler
