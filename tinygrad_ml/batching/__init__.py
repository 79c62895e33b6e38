"""Functions of one sample, applied to many at once: `tg.vmap`.

Read in this order: `level.py`, `rules.py`, `places.py`, `vmap.py`.
"""

from . import places as places
from .vmap import vmap as vmap
