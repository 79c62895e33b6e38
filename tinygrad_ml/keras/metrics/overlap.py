"""Intersection over union: how well what is predicted as a class covers what is of the class, as for pixels of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import functional as tg
from ...backend import dtypes
from ...errors import OptionError, ShapeError
from ...functional import tensor
from ...tensor import Tensor, as_tensor
from ..checks import whole
from ..config import epsilon
from ..samples import weights_like
from ..warn import warn
from .base import Metric


class IoU(Metric):
    """The mean over classes of |predicted and true| / |predicted or true|.

    num_classes       how many classes there are; numbers that are none of theirs do not count
    target_class_ids  the classes that the mean is of; those that do not occur are left out
    ignore_class      a class number; where it is the target, nothing counts
    sparse_y_true     targets are class numbers; or else scores or one-hot rows, of which the largest counts
    sparse_y_pred     predictions are class numbers, or else scores
    axis              where the classes of scores are

    Counts are integers, unless `dtype` says "float32": then weights of samples may be fractions.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__("int32" if dtype in (None, "int") else dtype, name)
        self.num_classes = whole("num_classes", num_classes)
        self.target_class_ids = list(target_class_ids)
        if wrong := [i for i in self.target_class_ids if not 0 <= i < num_classes]:
            raise OptionError(
                f"target_class_ids: {wrong} are no classes, which are numbered from 0 to {num_classes - 1}"
            )
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.total_cm = self.add_variable((num_classes, num_classes), dtype=self.dtype, name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        t, y = as_tensor(y_true), as_tensor(y_pred)
        t = t if self.sparse_y_true else t.argmax(self.axis)
        y = y if self.sparse_y_pred else y.argmax(self.axis)
        weights = self._weights(sample_weight, t)
        t, y = t.astype("int64").reshape(-1), y.astype("int64").reshape(-1)
        if t.shape != y.shape:
            raise ShapeError(
                f"{self.name}: {t.size} targets do not fit {y.size} predictions: sparse_y_true= and sparse_y_pred= say "
                f"whether they are class numbers"
            )
        n = self.num_classes
        counts = (t >= 0) & (t < n) & (y >= 0) & (y < n)
        if self.ignore_class is not None:
            counts = counts & (t != self.ignore_class)
        amounts = counts.where(weights, 0).astype(self.dtype)
        table = tg.zeros((n * n,), dtype=self.dtype, device=t.device)
        self.total_cm.assign_add(tg.scatter_add(table, counts.where(t * n + y, 0), amounts).reshape(n, n))

    def _weights(self, sample_weight: Any, t: Tensor) -> Tensor:
        if sample_weight is None:
            return tg.ones((t.size,), dtype=self.dtype, device=t.device)
        weights = as_tensor(sample_weight, device=t.device)
        if dtypes.is_float(weights.dtype) and not dtypes.is_float(dtypes.as_dtype(self.dtype)):
            warn(f"{self.name} counts integers, and rounds the weights down: use integers, or dtype='float32'")
        values, weights = weights_like(weights, tg.ones(t.shape, device=t.device))
        return weights.broadcast_to(values.shape).reshape(-1).astype(self.dtype)

    def result(self) -> Tensor:
        counts = self.total_cm.astype("float32")
        right = tg.diagonal(counts)
        either = counts.sum(0) + counts.sum(1) - right
        wanted = tensor(self.target_class_ids, device=counts.device)
        right, either = right[wanted], either[wanted]
        occurs = either > 1e-9
        shares = occurs.where(right / (either + epsilon()), 0.0)
        return shares.sum() / (occurs.astype("float32").sum() + epsilon())


class BinaryIoU(IoU):
    """The mean over the classes 0 and 1 of |predicted and true| / |predicted or true|; predictions are class 1 from
    `threshold` on."""

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, as_tensor(y_pred) >= self.threshold, sample_weight)


class MeanIoU(IoU):
    """The mean over all classes that occur of |predicted and true| / |predicted or true|. Options as of `IoU`."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        classes = range(whole("num_classes", num_classes))
        super().__init__(num_classes, classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """`IoU` of one-hot targets and of scores."""

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets and of scores."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
