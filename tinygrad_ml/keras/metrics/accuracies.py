"""How often predictions are right: functions, a number for each sample, and the metrics that are their means."""

from __future__ import annotations

from typing import Any

from ... import functional as tg
from ...errors import ShapeError
from ...tensor import Tensor, as_tensor
from ..samples import as_floats, as_pair
from .base import MeanMetricWrapper


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Whether t = y, elementwise."""
    t, y = as_pair(y_true, y_pred)
    return (t == y).astype(y.dtype)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """Whether t is right elementwise, y above `threshold` meaning 1."""
    t, y = as_pair(y_true, y_pred)
    return (t == (y > threshold)).astype(y.dtype)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Whether the largest y is at the largest t, for each sample."""
    t, y = _scores(y_true, y_pred)
    return (t.argmax(-1) == y.argmax(-1)).astype(y.dtype)


def _scores(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    t, y = as_tensor(y_true), as_floats(y_pred)
    if t.shape != y.shape:
        raise ShapeError(
            f"targets of shape {t.shape} do not fit predictions of shape {y.shape}, whose last axis are the classes. For "
            f"class numbers there are the metrics whose names begin with Sparse"
        )
    return t, y


def _labels(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    t, y = as_tensor(y_true), as_floats(y_pred)
    if t.ndim == y.ndim and t.shape[-1] == 1:
        t = t.squeeze(-1)
    if t.shape != y.shape[:-1]:
        raise ShapeError(
            f"class numbers of shape {t.shape} do not fit predictions of shape {y.shape}, whose last axis are the classes"
        )
    return t.astype("int64"), y


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Whether the largest y is that of class t, for each sample."""
    t, y = _labels(y_true, y_pred)
    return (t == y.argmax(-1)).astype(y.dtype)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Tensor:
    """Whether class t is among the k largest y, for each sample.

    from_sorted_ids  y are class numbers, the most likely first, and no scores
    """
    if from_sorted_ids:
        t, y = as_tensor(y_true), as_floats(y_pred)
        t = t if t.ndim == y.ndim else t.expand_dims(-1)
        return tg.any(t.astype(y.dtype) == y[..., :k], -1).astype(y.dtype)
    t, y = _labels(y_true, y_pred)
    own = tg.take_along_axis(y, t.expand_dims(-1), -1)
    return ((y > own).sum(-1) < k).astype(y.dtype)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Whether the largest t is among the k largest y, for each sample."""
    t, y = _scores(y_true, y_pred)
    return sparse_top_k_categorical_accuracy(t.argmax(-1), y, k)


class _Accuracy(MeanMetricWrapper):
    _direction = "up"


class Accuracy(_Accuracy):
    """How often t = y."""

    def __init__(self, name: str | None = "accuracy", dtype: Any = None):
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(_Accuracy):
    """How often y, taken as 1 above `threshold` and else as 0, is t."""

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5):
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(_Accuracy):
    """How often the largest y is at the largest t."""

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None):
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(_Accuracy):
    """How often the largest y is that of class t."""

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None):
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(_Accuracy):
    """How often the largest t is among the k largest y."""

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None):
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(_Accuracy):
    """How often class t is among the k largest y; `from_sorted_ids`: among the first k numbers in y."""

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ):
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
