"""Optimisers with Keras's names and defaults. Read `optimizer.py`, then `rules.py`; `schedules.py` has changing rates."""

from typing import Any

from ..absent import not_offered
from ..serialization import by_name
from ..serialization import deserialize as deserialize
from ..serialization import serialize as serialize
from . import schedules
from .optimizer import SGD as SGD
from .optimizer import Adadelta as Adadelta
from .optimizer import Adagrad as Adagrad
from .optimizer import Adam as Adam
from .optimizer import AdamW as AdamW
from .optimizer import Optimizer as Optimizer
from .optimizer import RMSprop as RMSprop

_NAMES = {cls.__name__.lower(): cls for cls in (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW)}


def get(identifier: Any) -> Any:
    """The optimiser of a name, with its default options; objects are themselves."""
    return by_name("optimizer", identifier, Optimizer, _NAMES)


_OTHERS = dict.fromkeys(
    ("Adamax", "Nadam", "Ftrl", "Lion", "Lamb", "Adafactor", "Muon", "ScheduleFreeAdamW"),
    "use Adam or AdamW, or those of tinygrad_ml.optim in a train_step of your own",
)
_OTHERS |= {
    "LossScaleOptimizer": "it is for float16, and layers compute in float32",
    "MultiOptimizer": "write a train_step with two optimisers",
    "OptimizerMap": "write a train_step with two optimisers",
}
__getattr__ = not_offered(
    "keras.optimizers", {**_OTHERS, "legacy": "the classes of keras.optimizers take lr= and decay="}
)
