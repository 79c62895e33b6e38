"""Optimisers, with PyTorch's names, arguments and defaults.

Read `optimizer.py` first, then `sgd.py`: an update is stated once, as in the paper.
"""

from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD
