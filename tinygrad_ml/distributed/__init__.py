"""Many processes that train one network: each works on a part of every batch, and what they do together is what one would do.

Read next: `group.py`.
"""

from .elastic import Elastic as Elastic
from .group import Group as Group
from .group import init as init
