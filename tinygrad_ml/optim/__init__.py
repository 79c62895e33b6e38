"""Optimisers and learning rate schedules, with PyTorch's names, arguments and defaults.

Read `optimizer.py` first, then `sgd.py`: an update is stated once, as in the paper.
"""

from ..nn.utils import clip_grad_norm_, clip_grad_value_
from . import lr_scheduler
from .adam import Adam, AdamW
from .adaptive import Adadelta, Adagrad, RMSprop
from .optimizer import Optimizer
from .sgd import SGD
