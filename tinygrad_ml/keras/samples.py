"""What the shapes of targets, predictions and weights mean: which number belongs to which sample, and how much it counts.

Keras never broadcasts targets of shape (batch,) against outputs of shape (batch, 1), nor do we: that would be a table of
(batch, batch) errors, whose mean looks like a loss. `aligned` is the one place that says what happens instead. Losses and
metrics stand on it, and on `weighted`, which does the same for the weights of samples.
"""

from __future__ import annotations

from typing import Any

from ..backend import DEFAULT_FLOAT, dtypes
from ..errors import ShapeError
from ..tensor import Tensor, as_tensor


class Counted(Tensor):
    """Numbers of samples of which some do not count. What is computed of it is an ordinary tensor.

    counts  which of them count, as a tensor of bools of the same shape
    """

    __slots__ = ("counts",)

    def __init__(self, values: Tensor, counts: Tensor):
        super().__init__(values._data, values._node, values._needs)
        self.counts = counts


def as_floats(value: Any, like: Tensor | None = None) -> Tensor:
    """A tensor of floats: of the dtype of `like`, and on its device where `value` is no tensor yet."""
    if not isinstance(value, Tensor):
        value = as_tensor(value, device=None if like is None else like.device)
    dtype = like.dtype if like is not None else value.dtype if dtypes.is_float(value.dtype) else DEFAULT_FLOAT
    return value if value.dtype == dtype else value.astype(dtype)


def aligned(a: Tensor, b: Tensor, columns: bool = True) -> tuple[Tensor, Tensor]:
    """Both with one number of axes, if one of them has a last axis of size 1 more than the other.

    That is (batch,) with (batch, 1): both become (batch, 1), or both (batch,) if not `columns`. Of more axes the one of size
    1 goes: (batch, steps, 1) with (batch, steps) are both (batch, steps).
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b.expand_dims(-1)) if columns and b.ndim == 1 else (a.squeeze(-1), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a.expand_dims(-1), b) if columns and a.ndim == 1 else (a, b.squeeze(-1))
    return a, b


def as_pair(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Targets and predictions of one shape, as tensors of the predictions' dtype. Raises `ShapeError`."""
    y_pred = as_floats(y_pred)
    y_true, y_pred = aligned(as_floats(y_true, y_pred), y_pred)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"targets of shape {y_true.shape} do not fit predictions of shape {y_pred.shape}. Class numbers need a "
            f"sparse loss, such as 'sparse_categorical_crossentropy', or utils.to_categorical(y, classes)"
        )
    return y_true, y_pred


def weights_like(sample_weight: Any, values: Tensor) -> tuple[Tensor, Tensor]:
    """`values` and their weights, of one number of axes. Raises `ShapeError` for weights that fit no sample.

    Weights are one for all; one for each number; or one for each sample, whatever else it consists of: weights of shape
    (batch,) or (batch, 1) weigh losses of shape (batch, steps).
    """
    weights = as_floats(sample_weight, values)
    values, weights = aligned(values, weights)
    if weights.size == 1 and weights.ndim < values.ndim:
        weights = weights.reshape((1,) * values.ndim)
    elif 0 < weights.ndim < values.ndim and weights.shape == values.shape[: weights.ndim]:
        weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
    fits = weights.ndim == values.ndim and all(w in (1, v) for w, v in zip(weights.shape, values.shape, strict=True))
    if not fits:
        what = f"{values.shape}: give one for each of them, or one for each sample, {values.shape[:1]}"
        if not values.ndim:
            what = "(), which targets and predictions of shape (batch,) have together: give them as (batch, 1)"
        raise ShapeError(f"sample_weight of shape {weights.shape} does not fit losses of shape {what}")
    return values, weights


def quotient(total: Tensor, count: Tensor) -> Tensor:
    """total / count, and 0 for a count of 0."""
    nothing = count == 0
    return nothing.where(0.0, total / nothing.where(1.0, count))


def reduced(values: Tensor, sample_weight: Any, reduction: str | None) -> Tensor:
    """Losses of samples as one number.

    A mean is over all numbers, whatever their weights sum to, but for "mean_with_sample_weight"; of `Counted` losses it is
    over those that count.
    """
    counts = values.counts if isinstance(values, Counted) else None
    weights = None
    if counts is not None:
        weights = counts.astype(values.dtype)
        if reduction in ("mean", "sum_over_batch_size"):
            weights = weights * quotient(as_floats(float(counts.size), weights), weights.sum())
    if sample_weight is not None and weights is not None:
        weights, more = weights_like(sample_weight, weights)
        weights = weights * more
    elif sample_weight is not None:
        weights = sample_weight
    if weights is not None:
        values, weights = weights_like(weights, values)
        values = values * weights
    if reduction in (None, "none") or not values.ndim:
        return values
    if reduction == "sum" or not values.size:
        return values.sum()
    if reduction == "mean_with_sample_weight" and weights is not None:
        return quotient(values.sum(), weights.sum())
    return values.mean()


def by_sample(values: Tensor, sample_weight: Any, reduce: str) -> tuple[Tensor, Tensor | None]:
    """One number for each sample, already multiplied by its weight, and the weights, None if there are none.

    reduce  what becomes of a sample's several numbers and weights: their "mean" or their "sum"

    Weights of shape (batch,) weigh what has become of a sample's numbers; one weight for all gives one number for all.
    `Counted` numbers that do not count weigh 0, if there are weights (Keras counts them where there are none).
    """
    counts = values.counts if isinstance(values, Counted) else None
    values, weights = as_floats(values).detach(), None

    def rest(x: Tensor, first: int) -> Tensor:
        axes = tuple(range(first, x.ndim))
        return x if not axes else x.mean(axes) if reduce == "mean" else x.sum(axes)

    if sample_weight is not None:
        weights = as_floats(sample_weight, values).detach()
        if counts is not None:
            weights, share = weights_like(weights, counts.astype(values.dtype))[::-1]
            weights = weights * share
        values, weights = aligned(values, weights)
        values, axes = rest(values, weights.ndim), weights.ndim
        values, weights = weights_like(weights, values)
        weights = weights.broadcast_to(values.shape)
        values = values * weights
        weights = rest(weights, 1) if axes > 1 else weights
    return rest(values, 1), weights
