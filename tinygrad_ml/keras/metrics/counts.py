"""Precision and recall: quotients of how many predictions are right and wrong positives."""

from __future__ import annotations

import math
from typing import Any

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...tensor import Tensor, tensor
from ..naming import snake_case
from ..samples import aligned, as_floats, as_pair, quotient
from .base import Metric


class _Quotient(Metric):
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
        super().__init__(dtype, name or snake_case(type(self).__name__))
        if thresholds is None:
            thresholds = 0.5 if top_k is None else -1e10
        self.thresholds = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
        if top_k is None and any(t is None or not 0 <= t <= 1 for t in self.thresholds):
            raise OptionError(f"thresholds lie between 0 and 1, not at {thresholds}")
        self.top_k, self.class_id = top_k, class_id
        self.true_positives = self.add_variable((len(self.thresholds),), name="true_positives")
        self._others = self.add_variable((len(self.thresholds),), name=self._what)
        setattr(self, self._what, self._others)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = as_pair(y_true, y_pred)
        weights = None if sample_weight is None else _weights(sample_weight, y)
        if self.top_k is not None:
            ranks = tg.argsort(tg.argsort(-y, -1), -1)
            y = (ranks < self.top_k).where(y, -math.inf)
        if self.class_id is not None:
            if y.ndim < 2:
                raise ShapeError(f"class_id picks a column of predictions (batch, classes), but got shape {y.shape}")
            t, y = t[..., self.class_id : self.class_id + 1], y[..., self.class_id : self.class_id + 1]
        if weights is not None:
            weights = weights.broadcast_to(y.shape).reshape(-1)
        positive = (t != 0).reshape(-1)
        taken = y.reshape(1, -1) > tensor(self.thresholds, dtype=y.dtype, device=y.device).expand_dims(-1)
        for variable, which in ((self.true_positives, taken & positive), (self._others, self._other(taken, positive))):
            which = which.astype(y.dtype)
            variable.assign_add((which if weights is None else which * weights).sum(-1))

    def _other(self, taken: Tensor, positive: Tensor) -> Tensor:
        raise NotImplementedError

    def result(self) -> Tensor:
        found = quotient(self.true_positives, self.true_positives + self._others)
        return found[0] if len(self.thresholds) == 1 else found


def _weights(sample_weight: Any, y: Tensor) -> Tensor:
    """Weights of the shape (batch, ...) of the predictions, with as many axes as they have."""
    weights = as_floats(sample_weight, y)
    if weights.size == 1:
        return weights.reshape((1,) * y.ndim)
    weights = aligned(y, weights if weights.ndim >= y.ndim else weights.expand_dims(-1), columns=False)[1]
    if weights.ndim != y.ndim or any(w not in (1, n) for w, n in zip(weights.shape, y.shape, strict=True)):
        raise ShapeError(f"sample_weight of shape {weights.shape} does not fit predictions of shape {y.shape}")
    return weights


class Precision(_Quotient):
    """How many of those above the threshold are 1: right positives / all that were taken as positive.

    thresholds  a number, or a list of such: then the result has one number for each; 0.5 by default
    top_k       only the k largest of a sample's predictions can be positives
    class_id    only this column of predictions and targets counts
    """

    _what = "false_positives"

    def _other(self, taken: Tensor, positive: Tensor) -> Tensor:
        return taken & ~positive


class Recall(_Quotient):
    """How many of those that are 1 are above the threshold: right positives / all positives. Options as of `Precision`."""

    _what = "false_negatives"

    def _other(self, taken: Tensor, positive: Tensor) -> Tensor:
        return ~taken & positive
