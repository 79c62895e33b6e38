"""Metrics: numbers that are watched, as running means over the batches of an epoch.

The sums are tensors that each batch adds to, in place, so that this can be a part of a compiled step. They lie on the
device where they are computed, and are read when somebody asks for `result()` as a number: reading each batch's would
make the host wait for a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from .. import functional as tg
from ..errors import OptionError, ShapeError
from ..modes import no_grad
from ..nn.parameter import put
from ..tensor import Tensor, as_tensor
from . import initializers, losses
from .losses import as_pair, squeezed
from .naming import snake_case, unique_name
from .serialization import Configurable, by_name


class Metric(Configurable):
    """The base: `update_state(...)` takes in a batch, `result()` is the metric of all so far, `reset_state()` forgets.

    What it keeps from batch to batch are tensors that `add_variable` makes and `assign` overwrites.
    """

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or unique_name(type(self))
        self.variables: list[Tensor] = []
        self.reset_state()

    def add_variable(
        self, shape: tuple[int, ...] = (), initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Tensor:
        """A new tensor, which `reset_state` fills with zeros."""
        made = initializers.get(initializer)(tuple(shape), dtype=dtype)
        made.name = name
        self.variables.append(made)
        return made

    add_weight = add_variable

    def add(self, variable: Tensor, amount: Any) -> None:
        """variable ← variable + amount, on the device of the amount."""
        if isinstance(amount, Tensor) and amount.device != variable.device:
            put(variable, variable.to(amount.device)._data)
        variable.assign(variable + amount)

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight=None)")

    def result(self) -> Any:
        """The metric of all batches since the last `reset_state`, a 0-d tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self.variables:
            variable.assign(0)

    reset_states = reset_state

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch; the metric of all so far."""
        with no_grad():
            self.update_state(*args, **kwargs)
            return self.result()


def _quotient(total: Tensor, count: Tensor) -> Tensor:
    """total / count, and 0 for a count of 0."""
    nothing = count == 0
    return nothing.where(0.0, total / nothing.where(1.0, count))


class Mean(Metric):
    """Σ w·x / Σ w of all numbers x it was given, with their weights w, by default 1."""

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(dtype, name)
        self.total, self.count = self.add_variable(name="total"), self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values = as_tensor(values).detach()
        if sample_weight is None:
            total, count = values.sum() if values.ndim else values, values.size
        elif isinstance(sample_weight, (int, float)):
            total, count = (values.sum() if values.ndim else values) * sample_weight, values.size * sample_weight
        else:
            weights = as_tensor(sample_weight, device=None if isinstance(sample_weight, Tensor) else values.device)
            weights = weights.astype(values.dtype).detach()
            if weights.ndim > values.ndim and weights.shape[-1] == 1:
                weights = weights.squeeze(-1)
            weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim)).broadcast_to(values.shape)
            total, count = (values * weights).sum(), weights.sum()
        self.add(self.total, total)
        self.add(self.count, count)

    def result(self):
        return _quotient(self.total, self.count)


class Sum(Mean):
    """Σ w·x of all numbers x it was given."""

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name, dtype)

    def result(self):
        return self.total * 1


class MeanMetricWrapper(Mean):
    """The mean over samples of a function `f(y_true, y_pred, **options)`."""

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **options: Any):
        super().__init__(name or fn.__name__, dtype)
        self.fn, self.options = fn, options

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(self.fn(y_true, y_pred, **self.options), sample_weight)


def accuracy(y_true, y_pred) -> Tensor:
    """Whether t = y, elementwise."""
    t, y = as_pair(y_true, y_pred)
    return (t == y).astype(y.dtype)


def binary_accuracy(y_true, y_pred, threshold: float = 0.5) -> Tensor:
    """How much of the last axis is right, y above `threshold` meaning 1."""
    t, y = as_pair(y_true, y_pred)
    return (t == (y > threshold)).astype(y.dtype).mean(-1)


def categorical_accuracy(y_true, y_pred) -> Tensor:
    """Whether the largest y is at the largest t, for each sample."""
    y = as_tensor(y_pred)
    return (as_tensor(y_true).argmax(-1) == y.argmax(-1)).astype(y.dtype)


def _labels(y_true, y_pred) -> tuple[Tensor, Tensor]:
    t, y = as_tensor(y_true), as_tensor(y_pred)
    if t.ndim == y.ndim and t.shape[-1] == 1:
        t = t.squeeze(-1)
    if t.shape != y.shape[:-1]:
        raise ShapeError(f"class numbers of shape {t.shape} do not fit predictions of shape {y.shape}")
    return t.astype("int64"), y


def sparse_categorical_accuracy(y_true, y_pred) -> Tensor:
    """Whether the largest y is that of class t, for each sample."""
    t, y = _labels(y_true, y_pred)
    return (t == y.argmax(-1)).astype(y.dtype)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k: int = 5) -> Tensor:
    """Whether class t is among the k largest y, for each sample."""
    t, y = _labels(y_true, y_pred)
    own = tg.take_along_axis(y, t.expand_dims(-1), -1)
    return ((y > own).sum(-1) < k).astype(y.dtype)


def top_k_categorical_accuracy(y_true, y_pred, k: int = 5) -> Tensor:
    """Whether the largest t is among the k largest y, for each sample."""
    return sparse_top_k_categorical_accuracy(as_tensor(y_true).argmax(-1), y_pred, k)


class Accuracy(MeanMetricWrapper):
    """How often t = y."""

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often y, taken as 1 above `threshold` and else as 0, is t."""

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest y is at the largest t."""

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest y is that of class t."""

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest t is among the k largest y."""

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often class t is among the k largest y."""

    def __init__(self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)


def _of_loss(name: str, function: Callable) -> type[MeanMetricWrapper]:
    def __init__(self, name: str | None = function.__name__, dtype: Any = None, **options: Any):
        MeanMetricWrapper.__init__(self, function, name, dtype, **options)

    doc = f"The mean over samples of the loss `{function.__name__}`."
    return type(name, (MeanMetricWrapper,), {"__init__": __init__, "__doc__": doc, "__module__": __name__})


MeanSquaredError = _of_loss("MeanSquaredError", losses.mean_squared_error)
MeanAbsoluteError = _of_loss("MeanAbsoluteError", losses.mean_absolute_error)
MeanAbsolutePercentageError = _of_loss("MeanAbsolutePercentageError", losses.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _of_loss("MeanSquaredLogarithmicError", losses.mean_squared_logarithmic_error)
BinaryCrossentropy = _of_loss("BinaryCrossentropy", losses.binary_crossentropy)
CategoricalCrossentropy = _of_loss("CategoricalCrossentropy", losses.categorical_crossentropy)
SparseCategoricalCrossentropy = _of_loss("SparseCategoricalCrossentropy", losses.sparse_categorical_crossentropy)
KLDivergence = _of_loss("KLDivergence", losses.kl_divergence)
Poisson = _of_loss("Poisson", losses.poisson)
LogCoshError = _of_loss("LogCoshError", losses.log_cosh)
Hinge = _of_loss("Hinge", losses.hinge)


class RootMeanSquaredError(Mean):
    """√ of the mean of (t - y)²."""

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name, dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, y = as_pair(y_true, y_pred)
        super().update_state(tg.square(y - t), sample_weight)

    def result(self):
        return tg.sqrt(super().result())


class _Counted(Metric):
    """Precision and recall: counts of right and wrong positives."""

    def __init__(self, thresholds: float | None = None, name: str | None = None, dtype: Any = None):
        if isinstance(thresholds, (list, tuple)):
            raise OptionError(f"{type(self).__name__} takes one threshold; make one metric for each")
        self.threshold = 0.5 if thresholds is None else thresholds
        super().__init__(dtype, name or snake_case(type(self).__name__))
        self.hits, self.all = self.add_variable(name="hits"), self.add_variable(name="all")

    def update_state(self, y_true, y_pred, sample_weight=None):
        t, y = squeezed(as_tensor(y_true), as_tensor(y_pred))
        t, y = t.astype("float32"), (y > self.threshold).astype("float32")
        weights = 1.0 if sample_weight is None else as_tensor(sample_weight)
        if isinstance(weights, Tensor):
            weights = weights.reshape(weights.shape + (1,) * (y.ndim - weights.ndim))
        self.add(self.hits, (t * y * weights).sum())
        self.add(self.all, ((y if isinstance(self, Precision) else t) * weights).sum())

    def result(self):
        return _quotient(self.hits, self.all)


class Precision(_Counted):
    """How many of those above the threshold are 1: right positives / all that were taken as positive."""


class Recall(_Counted):
    """How many of those that are 1 are above the threshold: right positives / all positives."""


FUNCTIONS = {
    **losses.FUNCTIONS,
    **{
        function.__name__: function
        for function in (
            binary_accuracy,
            categorical_accuracy,
            sparse_categorical_accuracy,
            top_k_categorical_accuracy,
            sparse_top_k_categorical_accuracy,
        )
    },
}


def get(identifier: Any) -> Any:
    """The metric of a name: an object; functions and objects are themselves."""
    base = (Metric, MeanMetricWrapper)
    classes = [c for c in globals().values() if isinstance(c, type) and issubclass(c, Metric) and c not in base]
    if isinstance(identifier, str) and identifier in FUNCTIONS:
        return MeanMetricWrapper(FUNCTIONS[identifier])
    return by_name("metric", identifier, [c for c in classes if not c.__name__.startswith("_")], FUNCTIONS)


def as_number(value: Any) -> Any:
    """A result as a Python number; it waits for the device."""
    if isinstance(value, Tensor):
        return value.item() if value.size == 1 else value.numpy()
    return value.item() if isinstance(value, numpy.generic) else value
