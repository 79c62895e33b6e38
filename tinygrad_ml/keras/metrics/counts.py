"""Right and wrong positives and negatives, counted for thresholds; precision and recall, quotients of the counts.

A prediction above a threshold is taken as positive. There are four outcomes: true positives and false positives, true
negatives and false negatives. Read next: `curves.py`, where many thresholds make a curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...functional import tensor
from ...tensor import Tensor
from ..config import epsilon
from ..samples import aligned, as_floats, as_pair, quotient
from .base import Metric

OUTCOMES = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class _Outcomes(Metric):
    """Keeps counts of the outcomes, a number for each threshold, and with `by_label` for each label."""

    _thresholds: Sequence[float]
    _by_label = False

    def _keep(self, names: Sequence[str], shape: tuple[int, ...]) -> None:
        """Begin to count these outcomes."""
        self._counted = {name: self.add_variable(shape, name=name) for name in names}
        vars(self).update(self._counted)

    def _add(self, t: Tensor, y: Tensor, weights: Tensor | None) -> None:
        """Take in targets and predictions of one shape, and weights that broadcast to it; all axes but the first are
        as good as more samples, unless labels are counted apart."""
        true = (t != 0).astype(y.dtype)
        amounts = {"true": true, "false": 1 - true}
        if weights is not None:
            amounts = {name: amount * weights for name, amount in amounts.items()}
        if not self._by_label:
            y, amounts = y.reshape(-1), {name: amount.reshape(-1) for name, amount in amounts.items()}
        above, below = (_binned if _evenly_spaced(self._thresholds) else _compared)(y, self._thresholds)
        for name, variable in self._counted.items():
            right, positive = name.startswith("true"), name.endswith("positives")
            amount = amounts["true" if right == positive else "false"]
            variable.assign_add((above if positive else below)(amount))

    def _option(self, name: str, default: Any) -> Any:
        """Thresholds as they were given, and not as the list that has become of them."""
        return self._arguments.get(name) if name == "thresholds" else super()._option(name, default)


def _compared(y: Tensor, thresholds: Sequence[float]) -> tuple[Any, Any]:
    """(above, below): functions of amounts of the shape (n, ...) of y: how much is above each threshold, and how much is
    not, (thresholds, ...). Each prediction is compared with each threshold."""
    limits = tensor(list(thresholds), dtype=y.dtype, device=y.device)
    taken = y.expand_dims(0) > limits.reshape(-1, *[1] * y.ndim)
    return lambda amount: (taken.astype(y.dtype) * amount).sum(1), lambda amount: (
        (~taken).astype(y.dtype) * amount
    ).sum(1)


def _binned(y: Tensor, thresholds: Sequence[float]) -> tuple[Any, Any]:
    """The same for thresholds that lie evenly between 0 and 1: each prediction goes into the bin between two of them, and
    sums of bins are what is above each. A first threshold below 0 has everything above itself, nan excepted."""
    n = len(thresholds)
    least = 1 if thresholds[0] < 0 else 0
    bins = tg.maximum(tg.ceil(tg.clip(y, 0, 1) * (n - 1)), least)  # how many thresholds are below
    bins = tg.isnan(y).where(0, bins).astype("int64")

    def above(amount: Tensor) -> Tensor:
        sums = tg.zeros((n + 1, *y.shape[1:]), dtype=y.dtype, device=y.device)
        sums = tg.scatter_add(sums, n - bins, amount)
        return tg.flip(tg.cumulative_sum(sums, axis=0)[:n], axis=0)

    return above, lambda amount: amount.sum(0) - above(amount)


def _evenly_spaced(thresholds: Sequence[float]) -> bool:
    n = len(thresholds)
    return n > 2 and numpy.allclose(numpy.clip(thresholds, 0, 1), numpy.arange(n) / (n - 1), atol=epsilon())


def as_thresholds(given: Any, default: float = 0.5) -> list[float]:
    """Thresholds as a list. Raises `OptionError` for those that are not between 0 and 1."""
    found = list(given) if isinstance(given, (list, tuple)) else [default if given is None else given]
    if wrong := [t for t in found if t is None or not 0 <= t <= 1]:
        raise OptionError(f"thresholds must be between 0 and 1, and {wrong} are not")
    return found


def column(class_id: int | None, t: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The column of targets and predictions (..., classes) that `class_id` picks, (..., 1); both as they are for None."""
    if class_id is None:
        return t, y
    if y.ndim < 2:
        raise ShapeError(f"class_id picks a column of predictions (batch, classes), but got shape {y.shape}")
    return t[..., class_id : class_id + 1], y[..., class_id : class_id + 1]


def weights_of(sample_weight: Any, y: Tensor) -> Tensor | None:
    """Weights of the shape (batch, ...) of the predictions, with as many axes as they have; None for None."""
    if sample_weight is None:
        return None
    weights = as_floats(sample_weight, y)
    if weights.size == 1:
        return weights.reshape((1,) * y.ndim)
    weights = aligned(y, weights if weights.ndim >= y.ndim else weights.expand_dims(-1), columns=False)[1]
    if weights.ndim != y.ndim or any(w not in (1, n) for w, n in zip(weights.shape, y.shape, strict=True)):
        raise ShapeError(f"sample_weight of shape {weights.shape} does not fit predictions of shape {y.shape}")
    return weights


class _Count(_Outcomes):
    """The sum of the weights of one outcome, for each threshold.

    thresholds  a number, or a list of such: then the result has one number for each; 0.5 by default
    """

    _outcome: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(dtype, name)
        self.thresholds = self._thresholds = as_thresholds(thresholds)
        self.accumulator = self.add_variable((len(self.thresholds),), name="accumulator")
        self._counted = {self._outcome: self.accumulator}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = as_pair(y_true, y_pred)
        self._add(t, y, weights_of(sample_weight, y))

    def result(self) -> Tensor:
        return self.accumulator[0] if len(self.thresholds) == 1 else self.accumulator * 1


class TruePositives(_Count):
    """How many are 1 and above the threshold; their weights, if there are any. See `Precision` for `thresholds`."""

    _outcome = "true_positives"


class FalsePositives(_Count):
    """How many are 0 and above the threshold, likewise."""

    _outcome = "false_positives"


class TrueNegatives(_Count):
    """How many are 0 and not above the threshold, likewise."""

    _outcome = "true_negatives"


class FalseNegatives(_Count):
    """How many are 1 and not above the threshold, likewise."""

    _outcome = "false_negatives"


class _Quotient(_Outcomes):
    """Right positives / (right positives + another count), for each threshold."""

    _direction = "up"
    _what: str  # the name of the other count

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(dtype, name)
        if top_k is None or thresholds is not None:
            self.thresholds = as_thresholds(thresholds)
        else:
            self.thresholds = [-1e10]
        self._thresholds = self.thresholds
        self.top_k, self.class_id = top_k, class_id
        self._keep(("true_positives", self._what), (len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = as_pair(y_true, y_pred)
        weights = weights_of(sample_weight, y)
        if self.top_k is not None:
            ranks = tg.argsort(tg.argsort(-y, -1), -1)
            y = (ranks < self.top_k).where(y, -math.inf)
        self._add(*column(self.class_id, t, y), weights)

    def result(self) -> Tensor:
        right, other = self._counted.values()
        found = quotient(right, right + other)
        return found[0] if len(self.thresholds) == 1 else found


class Precision(_Quotient):
    """How many of those above the threshold are 1: right positives / all that were taken as positive.

    thresholds  a number, or a list of such: then the result has one number for each; 0.5 by default
    top_k       only the k largest of a sample's predictions can be positives
    class_id    only this column of predictions and targets counts
    """

    _what = "false_positives"


class Recall(_Quotient):
    """How many of those that are 1 are above the threshold: right positives / all positives. Options as of `Precision`."""

    _what = "false_negatives"
