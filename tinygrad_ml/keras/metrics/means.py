"""Metrics that are means over samples: of losses, and of how alike targets and predictions are."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ... import functional as tg
from ...errors import OptionError
from ...tensor import Tensor
from .. import losses
from ..config import epsilon
from ..samples import as_pair
from .base import Mean, MeanMetricWrapper


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """cos of the angle between t and y: 1 where they point the same way. The loss of this name is its negative."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Pearson's correlation of t and y along `axis`: 1 where one is a growing straight function of the other."""
    scaled = [d / tg.std(d, axis=axis, keepdims=True) for d in (_centred(p, axis) for p in as_pair(y_true, y_pred))]
    return (scaled[0] * scaled[1]).mean(axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Lin's concordance 2·cov / (var t + var y + (t̄ - ȳ)²) along `axis`: 1 where t and y are the same.

    Source: L. Lin, "A Concordance Correlation Coefficient to Evaluate Reproducibility" (1989).
    """
    t, y = as_pair(y_true, y_pred)
    apart = tg.square(t.mean(axis, keepdims=True) - y.mean(axis, keepdims=True))
    spread = tg.var(t, axis=axis, keepdims=True) + tg.var(y, axis=axis, keepdims=True) + apart
    return (_centred(t, axis) * _centred(y, axis) * 2 / (spread + epsilon())).mean(axis)


def _centred(x: Tensor, axis: int) -> Tensor:
    return x - x.mean(axis, keepdims=True)


OF_FUNCTIONS: dict[Callable, Any] = {}
"""A function -> the metric that is its mean."""


def _mean_of(name: str, function: Callable, called: str | None = None, direction: str = "down") -> Any:
    """The metric that is the mean of a function, with the function's options."""
    called = called or function.__name__
    own = list(inspect.signature(function).parameters.values())[2:]

    def __init__(self, name: str | None = called, dtype: Any = None, *args: Any, **given: Any):
        names = [parameter.name for parameter in own]
        options = {parameter.name: parameter.default for parameter in own}
        options |= dict(zip(names, args, strict=False)) | given
        if unknown := options.keys() - set(names):
            raise OptionError(
                f"{type(self).__name__} has no option {min(unknown)}=; it has name, dtype{', '.join(['', *names])}"
            )
        MeanMetricWrapper.__init__(self, function, name, dtype, **options)

    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    common = (("name", called, str | None), ("dtype", None, Any))
    __init__.__signature__ = inspect.Signature(
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
        + [inspect.Parameter(key, either, default=value, annotation=kind) for key, value, kind in common]
        + own
    )
    doc = f"The mean over samples of `{function.__name__}`: {function.__doc__}"
    attributes = {"__init__": __init__, "__doc__": doc, "__module__": __name__, "_direction": direction}
    OF_FUNCTIONS[function] = type(name, (MeanMetricWrapper,), attributes)
    return OF_FUNCTIONS[function]


MeanSquaredError = _mean_of("MeanSquaredError", losses.mean_squared_error)
MeanAbsoluteError = _mean_of("MeanAbsoluteError", losses.mean_absolute_error)
MeanAbsolutePercentageError = _mean_of("MeanAbsolutePercentageError", losses.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _mean_of("MeanSquaredLogarithmicError", losses.mean_squared_logarithmic_error)
BinaryCrossentropy = _mean_of("BinaryCrossentropy", losses.binary_crossentropy)
CategoricalCrossentropy = _mean_of("CategoricalCrossentropy", losses.categorical_crossentropy)
SparseCategoricalCrossentropy = _mean_of("SparseCategoricalCrossentropy", losses.sparse_categorical_crossentropy)
KLDivergence = _mean_of("KLDivergence", losses.kl_divergence)
Poisson = _mean_of("Poisson", losses.poisson)
LogCoshError = _mean_of("LogCoshError", losses.log_cosh, "logcosh")
Hinge = _mean_of("Hinge", losses.hinge)
SquaredHinge = _mean_of("SquaredHinge", losses.squared_hinge)
CategoricalHinge = _mean_of("CategoricalHinge", losses.categorical_hinge)
CosineSimilarity = _mean_of("CosineSimilarity", cosine_similarity, direction="up")
PearsonCorrelation = _mean_of("PearsonCorrelation", pearson_correlation, direction="up")
ConcordanceCorrelation = _mean_of("ConcordanceCorrelation", concordance_correlation, direction="up")


class RootMeanSquaredError(Mean):
    """√ of the mean of (t - y)²."""

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = as_pair(y_true, y_pred)
        super().update_state(tg.square(y - t), sample_weight)

    def result(self) -> Tensor:
        return tg.sqrt(super().result())
