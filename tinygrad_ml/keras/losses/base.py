"""The base of losses: what becomes of the numbers of the samples, and of what a mask leaves out. Read next: `functions.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...backend import dtypes
from ...errors import OptionError
from ...modes import scope
from ...structure import is_nested, leaves, mapped
from ...tensor import Tensor, as_tensor
from ..checks import one_of
from ..masks import mask_of
from ..naming import unique_name
from ..samples import Counted, aligned, as_floats, reduced
from ..serialization import Configurable

LOSS_REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configurable):
    """The base of losses: `loss(y_true, y_pred, sample_weight=None)` is a number. A subclass defines `call`.

    reduction  of the numbers that `call` gives for the samples: "sum_over_batch_size" or "mean", their mean, whatever the
               weights sum to; "mean_with_sample_weight", divided by the sum of the weights; "sum"; or "none"
    dtype      in which it is computed: "float16", "float32" or "float64"; by default that of the predictions

    What the mask of the predictions leaves out does not count. `call` is given tensors of floats, whatever the targets are. A name for the logs is made of the class, if none is given.
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        one_of("reduction", reduction, LOSS_REDUCTIONS)
        self.name, self.reduction = name or unique_name(type(self)), reduction
        self.dtype = None if dtype is None else dtypes.as_dtype(getattr(dtype, "name", dtype)).name
        if dtype is not None and not dtypes.is_float(dtypes.as_dtype(self.dtype)):
            raise OptionError(
                f"{type(self).__name__}: dtype={self.dtype!r} is none of floats, in which losses are computed"
            )

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """A loss for each sample."""
        raise NotImplementedError(f"{type(self).__name__} is a loss without call(): define call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        with scope("", type(self).__name__):  # pictures show it as one box
            return self._reduce(y_true, y_pred, sample_weight)

    def _reduce(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Tensor:
        mask = None if is_nested(y_pred) else mask_of(y_pred)
        if (dtype := self.dtype) is not None:
            floats = lambda y: as_tensor(y).astype(dtype)  # noqa: E731
            y_pred = mapped(floats, y_pred) if _holds_arrays(y_pred) else floats(y_pred)
        values = as_tensor(self.call(*self._floats(y_true, y_pred)))
        if mask is not None:
            values = Counted(values, mask & values.counts if isinstance(values, Counted) else mask)
        return reduced(values, sample_weight, self.reduction)

    def _floats(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        if not _holds_arrays(y_pred) and not _holds_arrays(y_true):
            y_pred = as_floats(y_pred)
            return as_floats(y_true, y_pred), y_pred
        y_pred = mapped(as_floats, y_pred)
        like = leaves(y_pred)[0]
        return mapped(lambda y: as_floats(y, like), y_true), y_pred


def _holds_arrays(value: Any) -> bool:
    """Whether it is a structure of arrays, and not a list of numbers."""
    parts = list(value.values()) if isinstance(value, Mapping) else value
    return is_nested(value) and any(hasattr(part, "shape") or _holds_arrays(part) for part in parts)


class LossFunctionWrapper(Loss):
    """A function `f(y_true, y_pred, **options)` as a loss; (batch,) and (batch, 1) come to it as (batch, 1)."""

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ):
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn, self.options = fn, options

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        if isinstance(y_true, Tensor) and isinstance(y_pred, Tensor):
            y_true, y_pred = aligned(y_true, y_pred)
        return self.fn(y_true, y_pred, **self.options)
