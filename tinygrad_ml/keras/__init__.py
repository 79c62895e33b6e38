"""Keras's names over nn, optim and data: a thin face, so that a course's programs run with one line changed.

    from tinygrad_ml.keras.models import Sequential          # instead of keras.models
    from tinygrad_ml.keras.layers import Dense

`README.md` here says what is offered and where it differs from Keras. To read: `layers/base.py`, `layers/core.py`,
`models/training.py`.
"""

from . import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    distribution,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    preprocessing,
    random,
    regularizers,
    saving,
    tree,
    utils,
)
from .absent import rooms_not_offered as _rooms_not_offered
from .initializers import Initializer as Initializer
from .layers import Input as Input
from .layers import InputSpec as InputSpec
from .layers import Layer as Layer
from .layers.symbols import KerasTensor as KerasTensor
from .losses import Loss as Loss
from .metrics import Metric as Metric
from .models import Functional as _Functional
from .models import Model as Model
from .models import Sequential as Sequential
from .optimizers import Optimizer as Optimizer
from .regularizers import Regularizer as Regularizer
from .scopes import Variable as Variable
from .scopes import device as device
from .scopes import name_scope as name_scope

Function = _Functional

__version__ = "3.15.1"
"""The version of Keras whose names and behaviour these are; that of this library is `tinygrad_ml.__version__`."""


def version() -> str:
    """The version of Keras whose names these are."""
    return __version__


_FLOAT32 = "layers compute in float32"
_OF_OTHERS = "it belongs to Keras's other backends"
__getattr__ = _rooms_not_offered(
    "keras",
    {
        "applications": "there are no trained networks to fetch; build the same layers here, and load what "
        "model.save_weights('name.weights.h5') wrote on Keras",
        "export": "model.export('name.onnx', format='onnx') writes a file for ONNX Runtime; model.save('name.keras') one that "
        "Keras loads, and exports",
        "visualization": "use viz",
        "Operation": "derive from Layer",
        **dict.fromkeys(("DTypePolicy", "FloatDTypePolicy", "dtype_policies", "mixed_precision"), _FLOAT32),
        **dict.fromkeys(("Quantizer", "quantizers"), _FLOAT32),
        **dict.fromkeys(("StatelessScope", "SymbolicScope", "RematScope", "remat"), _OF_OTHERS),
        "wrappers": "write a class with fit() and predict() around the model",
        **dict.fromkeys(("distillation", "legacy"), _OF_OTHERS),
    },
)
