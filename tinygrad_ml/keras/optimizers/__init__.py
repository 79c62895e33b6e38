"""Optimisers with Keras's names and defaults. Read `optimizer.py`, then `descent.py` and `adams.py`."""

from typing import Any

from ..absent import not_offered
from ..serialization import by_name
from ..serialization import deserialize as deserialize
from ..serialization import serialize as serialize
from . import schedules
from .adams import Adafactor as Adafactor
from .adams import Adam as Adam
from .adams import Adamax as Adamax
from .adams import AdamW as AdamW
from .adams import Lamb as Lamb
from .adams import Lion as Lion
from .adams import Muon as Muon
from .adams import Nadam as Nadam
from .adams import ScheduleFreeAdamW as ScheduleFreeAdamW
from .descent import SGD as SGD
from .descent import Adadelta as Adadelta
from .descent import Adagrad as Adagrad
from .descent import Ftrl as Ftrl
from .descent import RMSprop as RMSprop
from .optimizer import Optimizer as Optimizer

_OF_ADAMS = (Adafactor, Adam, Adamax, AdamW, Lamb, Lion, Muon, Nadam, ScheduleFreeAdamW)
_NAMES = {cls.__name__.lower(): cls for cls in (*_OF_ADAMS, Adadelta, Adagrad, Ftrl, RMSprop, SGD)}


def get(identifier: Any) -> Any:
    """The optimiser of a name, with its default options; objects are themselves."""
    return by_name("optimizer", identifier, Optimizer, _NAMES)


__getattr__ = not_offered(
    "keras.optimizers",
    {
        "LossScaleOptimizer": "it is for float16, and layers compute in float32; each optimizer has loss_scale_factor=",
        "MultiOptimizer": "write a train_step with two optimisers",
        "OptimizerMap": "write a train_step with two optimisers",
        "legacy": "the classes of keras.optimizers take lr= and decay=",
    },
)
