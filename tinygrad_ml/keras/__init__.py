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
    preprocessing,
    regularizers,
    saving,
    utils,
)
from .absent import not_offered as not_offered
from .initializers import Initializer as Initializer
from .layers import Input as Input
from .layers import InputSpec as InputSpec
from .layers import Layer as Layer
from .losses import Loss as Loss
from .metrics import Metric as Metric
from .models import Model as Model
from .models import Sequential as Sequential
from .optimizers import Optimizer as Optimizer
from .regularizers import Regularizer as Regularizer

_FLOAT32 = "layers compute in float32"
_OF_OTHERS = "it belongs to Keras's other backends"
__getattr__ = not_offered(
    "keras",
    {
        "backend": "use the functions of tinygrad_ml (tg.sum, tg.exp, ...), and keras.utils.clear_session",
        "ops": "use the functions of tinygrad_ml (tg.sum, tg.exp, ...)",
        "random": "use tinygrad_ml.random",
        "applications": "there are no trained networks to fetch",
        "tree": "use plain Python",
        "config": "options are given where they count: data_format=, dtype=, device=",
        "export": "use model.save",
        "visualization": "use viz",
        "version": "use tinygrad_ml.__version__",
        "device": "use tinygrad_ml.device",
        "KerasTensor": "symbols are made by Input, and told by tensor.symbolic",
        "Variable": "use nn.Parameter, or layer.add_weight",
        **dict.fromkeys(("Operation", "Function"), "derive from Layer"),
        "name_scope": "give layers a name=",
        **dict.fromkeys(("DTypePolicy", "FloatDTypePolicy", "dtype_policies", "mixed_precision"), _FLOAT32),
        **dict.fromkeys(("Quantizer", "quantizers"), _FLOAT32),
        **dict.fromkeys(("StatelessScope", "SymbolicScope", "RematScope", "remat", "distribution"), _OF_OTHERS),
        **dict.fromkeys(("distillation", "wrappers", "legacy"), _OF_OTHERS),
    },
)
