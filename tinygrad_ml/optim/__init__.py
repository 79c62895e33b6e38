"""Optimisers and learning rate schedules, with PyTorch's names, arguments and defaults.

Read `optimizer.py` first, then `sgd.py`: an update is stated once, as in the paper. `lr_scheduler/` has the schedules.
"""

from ..nn.utils import clip_grad_norm_, clip_grad_value_
from . import lr_scheduler
from .adam import Adam, AdamW
from .adam_variants import Adamax, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop
from .averaging import ASGD
from .lbfgs import LBFGS
from .muon import Muon
from .optimizer import Optimizer
from .rprop import Rprop
from .sgd import SGD
