"""Keras's names over nn, optim and data: a thin face, so that a course's programs run with one line changed.

    from tinygrad_ml.keras.models import Sequential          # instead of keras.models
    from tinygrad_ml.keras.layers import Dense

`README.md` here says what is offered and where it differs from Keras. To read: `layers/base.py`, `layers/core.py`,
`models/training.py`.
"""

from . import (
    activations,
    callbacks,
    constraints,
    datasets,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    saving,
    utils,
)
from .initializers import Initializer
from .layers import Input, InputSpec, Layer
from .losses import Loss
from .metrics import Metric
from .models import Model, Sequential
from .naming import not_offered
from .optimizers import Optimizer
from .regularizers import Regularizer

__getattr__ = not_offered(
    "keras",
    {
        "backend": "use the functions of tinygrad_ml (tg.sum, tg.exp, ...), and keras.utils.clear_session",
        "ops": "use the functions of tinygrad_ml (tg.sum, tg.exp, ...)",
        "applications": "there are no trained networks to fetch",
        "preprocessing": "use keras.utils.image_dataset_from_directory, and the Random... layers",
        "tree": "use plain Python",
    },
)
