"""Optimisers and learning rate schedules, with PyTorch's names, arguments and defaults.

Read `optimizer.py` first, then `sgd.py`: an update is stated once, as in the paper. `lr_scheduler/` has the schedules.
"""

from typing import TYPE_CHECKING

from ..nn.utils import clip_grad_norm_ as clip_grad_norm_
from ..nn.utils import clip_grad_value_ as clip_grad_value_
from ..spellings import missing_from
from . import lr_scheduler
from .adafactor import Adafactor as Adafactor
from .adam import Adam as Adam
from .adam import AdamW as AdamW
from .adam_variants import Adamax as Adamax
from .adam_variants import NAdam as NAdam
from .adam_variants import RAdam as RAdam
from .adaptive import Adadelta as Adadelta
from .adaptive import Adagrad as Adagrad
from .adaptive import RMSprop as RMSprop
from .averaging import ASGD as ASGD
from .lbfgs import LBFGS as LBFGS
from .muon import Muon as Muon
from .optimizer import Optimizer as Optimizer
from .rprop import Rprop as Rprop
from .sgd import SGD as SGD

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "optim")
