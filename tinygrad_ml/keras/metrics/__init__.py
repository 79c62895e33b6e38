"""Metrics: numbers that are watched, as running means over the batches of an epoch. Read `base.py` first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ... import functional as tg
from ...tensor import Tensor
from .. import losses
from ..samples import as_pair
from ..serialization import by_name, offer
from .accuracies import Accuracy as Accuracy
from .accuracies import BinaryAccuracy as BinaryAccuracy
from .accuracies import CategoricalAccuracy as CategoricalAccuracy
from .accuracies import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from .accuracies import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from .accuracies import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from .accuracies import accuracy as accuracy
from .accuracies import binary_accuracy as binary_accuracy
from .accuracies import categorical_accuracy as categorical_accuracy
from .accuracies import sparse_categorical_accuracy as sparse_categorical_accuracy
from .accuracies import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from .accuracies import top_k_categorical_accuracy as top_k_categorical_accuracy
from .base import Mean as Mean
from .base import MeanMetricWrapper as MeanMetricWrapper
from .base import Metric as Metric
from .base import Sum as Sum
from .base import metrics_in as metrics_in
from .counts import Precision as Precision
from .counts import Recall as Recall


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """cos of the angle between t and y: 1 where they point the same way. The loss of this name is its negative."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


_CLASSES: dict[Callable, Any] = {}
"""A function -> the metric that is its mean."""


def _of_loss(name: str, function: Callable, called: str | None = None, direction: str = "down") -> Any:
    called = called or function.__name__

    def __init__(self, name: str | None = called, dtype: Any = None, **options: Any):
        MeanMetricWrapper.__init__(self, function, name, dtype, **options)

    doc = f"The mean over samples of `{function.__name__}`."
    own = {"__init__": __init__, "__doc__": doc, "__module__": __name__, "_direction": direction}
    _CLASSES[function] = type(name, (MeanMetricWrapper,), own)
    return _CLASSES[function]


MeanSquaredError = _of_loss("MeanSquaredError", losses.mean_squared_error)
MeanAbsoluteError = _of_loss("MeanAbsoluteError", losses.mean_absolute_error)
MeanAbsolutePercentageError = _of_loss("MeanAbsolutePercentageError", losses.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _of_loss("MeanSquaredLogarithmicError", losses.mean_squared_logarithmic_error)
BinaryCrossentropy = _of_loss("BinaryCrossentropy", losses.binary_crossentropy)
CategoricalCrossentropy = _of_loss("CategoricalCrossentropy", losses.categorical_crossentropy)
SparseCategoricalCrossentropy = _of_loss("SparseCategoricalCrossentropy", losses.sparse_categorical_crossentropy)
KLDivergence = _of_loss("KLDivergence", losses.kl_divergence)
Poisson = _of_loss("Poisson", losses.poisson)
LogCoshError = _of_loss("LogCoshError", losses.log_cosh, "logcosh")
Hinge = _of_loss("Hinge", losses.hinge)
SquaredHinge = _of_loss("SquaredHinge", losses.squared_hinge)
CategoricalHinge = _of_loss("CategoricalHinge", losses.categorical_hinge)
CosineSimilarity = _of_loss("CosineSimilarity", cosine_similarity, direction="up")


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


_SHORT = {name: _CLASSES[function] for name, function in losses.SHORT_NAMES.items()}
_SHORT |= {"log_cosh": LogCoshError, "huber": losses.huber}
_FUNCTIONS = (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    cosine_similarity,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
offer("metrics", {function.__name__: function for function in _FUNCTIONS})


def get(identifier: Any) -> Any:
    """The metric of a name: an object; functions and objects are themselves."""
    return by_name("metric", identifier, Metric, _SHORT)


def as_number(value: Any) -> Any:
    """A result as a Python number; it waits for the device."""
    if isinstance(value, Tensor):
        return value.item() if value.size == 1 else value.numpy()
    return value.item() if isinstance(value, numpy.generic) else value
