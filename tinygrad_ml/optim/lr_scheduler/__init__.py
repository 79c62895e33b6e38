"""Learning rate schedules, with PyTorch's names, arguments and defaults: the rate of each epoch (or of each step).

Read `base.py` first, then `scaling.py`: schedules that multiply the rate they find. Those of `cycles.py` say what the
rate is, whatever it was; `combined.py` has several of them in turn or at once; `plateau.py` looks at a metric.
"""

from typing import TYPE_CHECKING

from ...spellings import missing_from
from .base import LRScheduler as LRScheduler
from .combined import ChainedScheduler as ChainedScheduler
from .combined import SequentialLR as SequentialLR
from .cycles import CosineAnnealingWarmRestarts as CosineAnnealingWarmRestarts
from .cycles import CyclicLR as CyclicLR
from .cycles import LambdaLR as LambdaLR
from .cycles import OneCycleLR as OneCycleLR
from .plateau import ReduceLROnPlateau as ReduceLROnPlateau
from .scaling import ConstantLR as ConstantLR
from .scaling import CosineAnnealingLR as CosineAnnealingLR
from .scaling import ExponentialLR as ExponentialLR
from .scaling import LinearLR as LinearLR
from .scaling import MultiplicativeLR as MultiplicativeLR
from .scaling import MultiStepLR as MultiStepLR
from .scaling import PolynomialLR as PolynomialLR
from .scaling import StepLR as StepLR

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "lr_scheduler")
