"""Learning rate schedules, with PyTorch's names, arguments and defaults: the rate of each epoch (or of each step).

Read `base.py` first, then `scaling.py`: schedules that multiply the rate they find. Those of `cycles.py` say what the
rate is, whatever it was; `combined.py` has several of them in turn or at once; `plateau.py` looks at a metric.
"""

from .base import LRScheduler
from .combined import ChainedScheduler, SequentialLR
from .cycles import CosineAnnealingWarmRestarts, CyclicLR, LambdaLR, OneCycleLR
from .plateau import ReduceLROnPlateau
from .scaling import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
