"""The loss functions as classes, made with options and a reduction. Read before: `base.py`, `functions.py`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...errors import OptionError
from ...tensor import Tensor
from . import functions
from .base import Loss
from .overlap import circle, ctc, dice, tversky

LOSS_FUNCTIONS: dict[str, Callable[..., Tensor]] = {}
"""By their names: those that are classes too, and then short names."""
_COMMON = {"reduction": ("sum_over_batch_size", str | None), "name": (None, str | None), "dtype": (None, Any)}
"""Options of all losses: their defaults and types."""


def _loss_class(name: str, function: Callable, order: str = "", called: str | None = None) -> type[Any]:
    """The class of a loss function.

    order   the options in their order; by default those of the function, and then what all losses have
    called  the name that an object has, if it is not the function's
    """
    own = dict(list(inspect.signature(function).parameters.items())[2:])
    names = order.split() or [*own, *_COMMON]
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    common = {
        key: inspect.Parameter(key, either, default=value, annotation=kind) for key, (value, kind) in _COMMON.items()
    }
    common["name"] = common["name"].replace(default=called or function.__name__)
    signature = inspect.Signature([{**own, **common}[option] for option in names])

    def __init__(self, *args: Any, **given: Any):
        try:
            bound = signature.bind(*args, **given)
        except TypeError as error:
            raise OptionError(f"{type(self).__name__}: {error}; its options are {', '.join(names)}") from None
        self.options = {key: value for key, value in bound.arguments.items() if key in own}
        bound.apply_defaults()
        Loss.__init__(self, **{key: bound.arguments[key] for key in _COMMON})

    __init__.__signature__ = signature.replace(
        parameters=[inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY), *signature.parameters.values()]
    )

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return function(y_true, y_pred, **self.options)

    def _floats(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return y_true, y_pred  # the functions see to it, and class numbers stay integers

    LOSS_FUNCTIONS[function.__name__] = function
    doc = f"`{function.__name__}` as a class: {function.__doc__}"
    return type(
        name, (Loss,), {"__init__": __init__, "call": call, "_floats": _floats, "__doc__": doc, "__module__": __name__}
    )


MeanSquaredError = _loss_class("MeanSquaredError", functions.mean_squared_error)
MeanAbsoluteError = _loss_class("MeanAbsoluteError", functions.mean_absolute_error)
MeanAbsolutePercentageError = _loss_class("MeanAbsolutePercentageError", functions.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _loss_class("MeanSquaredLogarithmicError", functions.mean_squared_logarithmic_error)
Huber = _loss_class("Huber", functions.huber, called="huber_loss")
LogCosh = _loss_class("LogCosh", functions.log_cosh)
Hinge = _loss_class("Hinge", functions.hinge)
SquaredHinge = _loss_class("SquaredHinge", functions.squared_hinge)
CategoricalHinge = _loss_class("CategoricalHinge", functions.categorical_hinge)
KLDivergence = _loss_class("KLDivergence", functions.kl_divergence)
Poisson = _loss_class("Poisson", functions.poisson)
CosineSimilarity = _loss_class("CosineSimilarity", functions.cosine_similarity)
BinaryCrossentropy = _loss_class("BinaryCrossentropy", functions.binary_crossentropy)
CategoricalCrossentropy = _loss_class("CategoricalCrossentropy", functions.categorical_crossentropy)
SparseCategoricalCrossentropy = _loss_class(
    "SparseCategoricalCrossentropy",
    functions.sparse_categorical_crossentropy,
    "from_logits ignore_class reduction axis name dtype",
)
BinaryFocalCrossentropy = _loss_class("BinaryFocalCrossentropy", functions.binary_focal_crossentropy)
CategoricalFocalCrossentropy = _loss_class("CategoricalFocalCrossentropy", functions.categorical_focal_crossentropy)
CategoricalGeneralizedCrossEntropy = _loss_class(
    "CategoricalGeneralizedCrossEntropy", functions.categorical_generalized_cross_entropy
)
Dice = _loss_class("Dice", dice, "reduction name axis dtype")
Tversky = _loss_class("Tversky", tversky, "alpha beta reduction name axis dtype")
Circle = _loss_class("Circle", circle, "gamma margin remove_diagonal reduction name dtype")
CTC = _loss_class("CTC", ctc)
