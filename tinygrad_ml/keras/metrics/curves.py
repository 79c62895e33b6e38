"""What many thresholds say together: areas under curves, and the best of one quotient where another is good enough.

Read before: `counts.py`, which counts what is above each threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...tensor import Tensor, as_tensor
from ..checks import number, one_of, whole
from ..config import epsilon
from ..samples import as_floats, as_pair, quotient
from .counts import OUTCOMES, _Outcomes, column, weights_of


def _between(count: int) -> list[float]:
    """`count` - 2 numbers that divide the way from 0 to 1 evenly."""
    return [(i + 1) / (count - 1) for i in range(count - 2)]


class AUC(_Outcomes):
    """The area under a curve that goes through a point for each threshold.

    num_thresholds    how many thresholds there are, from just below 0 to just above 1
    curve             "ROC": true positives of all positives, over false positives of all negatives;
                      "PR": precision over recall; "PRGAIN": both as gains over what is always positive
    summation_method  between two points: "interpolation", for "PR" that of counts; "minoring" or "majoring", the lower or
                      the higher of both
    thresholds        in place of evenly spaced ones; 0 and 1 are added
    multi_label       predictions (batch, labels) have a curve for each label, and the result is the mean of the areas
    num_labels        how many, if it is to be ready before the first batch
    label_weights     of the labels: of their areas, or without `multi_label` of the samples in their columns
    from_logits       predictions are x with p = sigmoid(x)

    Sources: T. Fawcett, "An introduction to ROC analysis" (2006); J. Davis, M. Goadrich, "The Relationship Between
    Precision-Recall and ROC Curves" (2006); P. Flach, M. Kull, "Precision-Recall-Gain Curves" (2015).
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        super().__init__(dtype, name)
        self.curve = one_of("curve", curve, ("ROC", "PR", "PRGAIN"))
        self.summation_method = one_of("summation_method", summation_method, ("interpolation", "minoring", "majoring"))
        if thresholds is None:
            inner = _between(whole("num_thresholds", num_thresholds, 2))
        else:
            inner = sorted(float(t) for t in thresholds)
        self.num_thresholds = len(inner) + 2
        self._thresholds = [-epsilon(), *inner, 1 + epsilon()]
        if num_labels and not multi_label:
            raise OptionError("num_labels= is the number of curves, which is 1 without multi_label=True")
        self.multi_label = self._by_label = multi_label
        self.num_labels, self.label_weights, self.from_logits = num_labels, label_weights, from_logits
        if num_labels or not multi_label:
            self._keep(OUTCOMES, (self.num_thresholds, num_labels) if num_labels else (self.num_thresholds,))

    @property
    def thresholds(self) -> list[float]:
        """What predictions are compared with."""
        return list(self._thresholds)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = as_pair(y_true, y_pred)
        if self.multi_label and y.ndim != 2:
            raise ShapeError(f"AUC with multi_label=True needs predictions (batch, labels), but got shape {y.shape}")
        if not hasattr(self, "_counted"):
            self._keep(OUTCOMES, (self.num_thresholds, y.shape[1]))
        if self.from_logits:
            y = tg.sigmoid(y)
        weights = weights_of(sample_weight, y)
        if self.label_weights is not None and not self.multi_label:
            of_labels = as_floats(self.label_weights, y)
            weights = of_labels if weights is None else weights * of_labels
        self._add(t, y, weights)

    def result(self) -> Tensor:
        if not hasattr(self, "_counted"):
            return as_tensor(0.0)
        areas = self._areas().sum(0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return areas.mean()
        weights = as_floats(self.label_weights, areas)
        return quotient((areas * weights).sum(), weights.sum())

    def _areas(self) -> Tensor:
        """The areas between neighbouring thresholds."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._between_counts()
        x, y = self._points()
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2
        else:
            heights = (tg.minimum if self.summation_method == "minoring" else tg.maximum)(y[:-1], y[1:])
        return (x[:-1] - x[1:]) * heights

    def _points(self) -> tuple[Tensor, Tensor]:
        """x and y of the curve at each threshold."""
        tp, fp, tn, fn = self._counted.values()
        recall = quotient(tp, tp + fn)
        if self.curve == "ROC":
            return quotient(fp, fp + tn), recall
        if self.curve == "PR":
            return recall, quotient(tp, tp + fp)
        odds = quotient(tp + fn, tn + fp)
        recall_gain = (tp == 0).where(0.0, 1 - odds * quotient(fn, tp))
        return tg.maximum(recall_gain, 0), (tp == 0).where(1.0, 1 - odds * quotient(fp, tp))

    def _between_counts(self) -> Tensor:
        """Areas below precision over recall, true and false positives changing evenly from one threshold to the next.

        With P = TP + FP, and TP = intercept + slope · P on the way, the area is

            ∫ TP/P dTP / positives = slope · (ΔTP + intercept · ln(P₁ / P₂)) / positives
        """
        tp, fp, _, fn = self._counted.values()
        taken = tp + fp
        change = tp[:-1] - tp[1:]
        slope = quotient(change, tg.maximum(taken[:-1] - taken[1:], 0))
        intercept = tp[1:] - slope * taken[1:]
        both = (taken[:-1] > 0) & (taken[1:] > 0)
        ratio = both.where(taken[:-1], 1.0) / both.where(taken[1:], 1.0)
        return quotient(slope * (change + intercept * tg.log(ratio)), tp[1:] + fn[1:])

    def _options(self, kind: type) -> dict[str, Any]:
        options = super()._options(kind)
        if self._arguments.get("thresholds") is None:
            return {name: value for name, value in options.items() if name != "thresholds"}
        return options | {"thresholds": self.thresholds[1:-1]}


_RATES = {
    "sensitivity": ("true_positives", "false_negatives"),
    "recall": ("true_positives", "false_negatives"),
    "specificity": ("true_negatives", "false_positives"),
    "precision": ("true_positives", "false_positives"),
}
"""What is a quotient of outcomes: the first / the sum of both."""


class _BestWhere(_Outcomes):
    """The largest of one rate at those thresholds at which another is at least a number; 0 where there are none."""

    _direction = "up"
    _wanted: str

    def __init__(
        self,
        limited: str,
        least: float,
        num_thresholds: int,
        class_id: int | None,
        name: str | None,
        dtype: Any,
    ):
        super().__init__(dtype, name)
        self._limited, self._least = limited, number(limited, least, 0, 1)
        setattr(self, limited, least)
        self.num_thresholds, self.class_id = whole("num_thresholds", num_thresholds), class_id
        self.thresholds = [0.5] if num_thresholds == 1 else [0.0, *_between(num_thresholds), 1.0]
        self._thresholds = self.thresholds
        self._keep(OUTCOMES, (len(self.thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = as_pair(y_true, y_pred)
        weights = weights_of(sample_weight, y)
        self._add(*column(self.class_id, t, y), weights)

    def result(self) -> Tensor:
        wanted, limited = map(self._rate, (self._wanted, self._limited))
        return (limited >= self._least).where(wanted, 0.0).max()

    def _rate(self, name: str) -> Tensor:
        first, second = (self._counted[outcome] for outcome in _RATES[name])
        return quotient(first, first + second)


class SensitivityAtSpecificity(_BestWhere):
    """The best share of positives that are found, where at least `specificity` of the negatives are taken as such.

    num_thresholds  how many thresholds are tried, from 0 to 1
    class_id        only this column of predictions and targets counts
    """

    _wanted = "sensitivity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__("specificity", specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_BestWhere):
    """The best share of negatives that are taken as such, where at least `sensitivity` of the positives are found. Other
    options as of `SensitivityAtSpecificity`."""

    _wanted = "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__("sensitivity", sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_BestWhere):
    """The best precision where the recall is at least `recall`. Other options as of `SensitivityAtSpecificity`."""

    _wanted = "precision"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__("recall", recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_BestWhere):
    """The best recall where the precision is at least `precision`. Other options as of `SensitivityAtSpecificity`."""

    _wanted = "recall"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__("precision", precision, num_thresholds, class_id, name, dtype)
