"""Scores of whole data sets that are no means over samples: F scores of classes, and R² of regressions."""

from __future__ import annotations

from typing import Any

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...tensor import Tensor, as_tensor
from ..checks import number, one_of, whole
from ..config import epsilon
from ..samples import as_pair
from ..warn import warn
from .base import Metric


def _columns(metric: Metric, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    t, y = as_pair(y_true, y_pred)
    if t.ndim != 2:
        raise ShapeError(
            f"{type(metric).__name__} needs targets and predictions (batch, outputs), but got shape {y.shape}"
        )
    return t, y


class FBetaScore(Metric):
    """(1 + β²)·P·R / (β²·P + R) of precision P and recall R of each class.

    average    None: a number for each class; "macro" their mean; "weighted" their mean, each class as often as it occurs;
               "micro" the score of all classes together
    beta       β: how many times as much recall counts as precision
    threshold  what is above it is positive; by default the largest of a sample's predictions is, unless it is 0
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        self.average = one_of("average", average, (None, "micro", "macro", "weighted"))
        if not number("beta", beta) > 0:
            raise OptionError(f"beta={beta!r} must be above 0")
        if threshold is not None and not 0 < number("threshold", threshold) <= 1:
            raise OptionError(f"threshold={threshold!r} must be above 0, and 1 at most")
        self.beta, self.threshold = beta, threshold

    def _build(self, classes: int) -> None:
        shape = () if self.average == "micro" else (classes,)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, name="intermediate_weights")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = _columns(self, y_true, y_pred)
        if not self._variables:
            self._build(y.shape[1])
        if self.threshold is None:
            taken = (y >= y.max(axis=-1, keepdims=True)) & (abs(y) > 1e-9)
        else:
            taken = y > self.threshold
        taken = taken.astype(y.dtype)
        weights = None if sample_weight is None else as_tensor(sample_weight, device=y.device).astype(y.dtype)

        def total(counts: Tensor) -> Tensor:
            weighed = counts if weights is None else counts * weights.reshape(-1, 1)
            return weighed.sum() if self.average == "micro" else weighed.sum(0)

        self.true_positives.assign_add(total(taken * t))
        self.false_positives.assign_add(total(taken * (1 - t)))
        self.false_negatives.assign_add(total((1 - taken) * t))
        self.intermediate_weights.assign_add(total(t))

    def result(self) -> Tensor:
        if not self._variables:
            return as_tensor(0.0)
        tp = self.true_positives
        precision = tp / (tp + self.false_positives + epsilon())
        recall = tp / (tp + self.false_negatives + epsilon())
        square = self.beta**2
        score = precision * recall / (precision * square + recall + epsilon()) * (1 + square)
        if self.average == "weighted":
            return (score * (self.intermediate_weights / (self.intermediate_weights.sum() + epsilon()))).sum()
        return score if self.average is None else score.mean()


class F1Score(FBetaScore):
    """2·P·R / (P + R) of precision P and recall R of each class. Options as of `FBetaScore`."""

    _unwritten = ("beta",)

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average, 1.0, threshold, name, dtype)


class R2Score(Metric):
    """1 - Σ (t - y)² / Σ (t - t̄)² of each output: 1 is perfect, and 0 as good as the mean of the targets.

    class_aggregation  None: a number for each output; "uniform_average" their mean; "variance_weighted_average" their mean,
                       each weighed by how its targets vary
    num_regressors     p, for the adjusted score 1 - (1 - R²)·(n - 1) / (n - p - 1), where n counts all numbers of the targets
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        known = (None, "uniform_average", "variance_weighted_average")
        self.class_aggregation = one_of("class_aggregation", class_aggregation, known)
        self.num_regressors = whole("num_regressors", num_regressors, 0)
        self.num_samples = self.add_variable(name="num_samples")

    def _build(self, outputs: int) -> None:
        self.squared_sum = self.add_variable((outputs,), name="squared_sum")
        self.sum = self.add_variable((outputs,), name="sum")
        self.total_mse = self.add_variable((outputs,), name="residual")
        self.count = self.add_variable((outputs,), name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = _columns(self, y_true, y_pred)
        if len(self._variables) == 1:
            self._build(y.shape[1])
        weights = as_tensor(1.0 if sample_weight is None else sample_weight, device=y.device).astype(y.dtype)
        weights = (weights.expand_dims(1) if weights.ndim == 1 else weights).broadcast_to(y.shape)
        self.sum.assign_add((t * weights).sum(0))
        self.squared_sum.assign_add((t * t * weights).sum(0))
        self.total_mse.assign_add((tg.square(t - y) * weights).sum(0))
        self.count.assign_add(weights.sum(0))
        self.num_samples.assign_add(float(t.size))

    def result(self) -> Tensor:
        if len(self._variables) == 1:
            return as_tensor(0.0)
        varied = self.squared_sum - self.sum * self.sum / self.count
        scores = 1 - self.total_mse / varied
        scores = tg.isinf(scores).where(0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (varied * scores).sum() / varied.sum()
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, score: Tensor) -> Tensor:
        left = float(self.num_samples) - 1 - self.num_regressors
        if left <= 0:
            warn(
                f"R2Score is not adjusted: {self.num_regressors} regressors need more than {self.num_regressors + 1} numbers "
                f"in the targets"
            )
            return score
        return 1 - (1 - score) * ((self.num_samples - 1) / left)
