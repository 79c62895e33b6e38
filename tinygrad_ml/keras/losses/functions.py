"""Loss functions `loss(y_true, y_pred)`, one number a sample, with Keras's names.

The targets come first here, the reverse of `nn.functional`, on whose functions these stand. Keras's
functions differ from PyTorch's in that they take probabilities, which are kept away from 0 and 1 by 10⁻⁷,
unless told `from_logits=True`: then nothing is cut off, and nothing rounds to 0, which is why it is more accurate.

Read next: `overlap.py`, for losses of regions, sequences and pairs; `classes.py`, where each becomes a class.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...nn import functional as F
from ...tensor import Tensor, as_tensor
from ..config import epsilon
from ..samples import Counted, as_floats, as_pair


def _mean(x: Tensor) -> Tensor:
    return x.mean(-1) if x.ndim else x


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of (t - y)² over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(F.mse_loss(y, t, "none"))


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of |t - y| over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(F.l1_loss(y, t, "none"))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """100 times the mean of |t - y| / |t| over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(abs((t - y) / tg.maximum(abs(t), epsilon()))) * 100


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of (ln(t + 1) - ln(y + 1))² over the last axis, numbers below 10⁻⁷ counting as that."""
    t, y = as_pair(y_true, y_pred)
    return _mean(tg.square(tg.log(tg.maximum(y, epsilon()) + 1) - tg.log(tg.maximum(t, epsilon()) + 1)))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """The mean of ½d² where |d| ≤ delta, else delta · (|d| - ½delta), with d = t - y, over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(F.huber_loss(y, t, "none", delta))


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of ln cosh(y - t) over the last axis."""
    t, y = as_pair(y_true, y_pred)
    d = y - t
    return _mean(d + tg.softplus(d * -2) - math.log(2))


def _signs(t: Tensor) -> Tensor:
    """Targets 0 and 1 as -1 and 1."""
    binary = tg.all((t == 0) | (t == 1))
    return tg.where(binary, t * 2 - 1, t)


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of max(1 - t·y, 0) over the last axis, for targets -1 and 1 (or 0 and 1)."""
    t, y = as_pair(y_true, y_pred)
    return _mean(F.relu(1 - _signs(t) * y))


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of max(1 - t·y, 0)² over the last axis, for targets -1 and 1 (or 0 and 1)."""
    t, y = as_pair(y_true, y_pred)
    return _mean(tg.square(F.relu(1 - _signs(t) * y)))


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """max(the largest of (1 - t)·y - Σ t·y + 1, 0) over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return F.relu(((1 - t) * y).max(axis=-1) - (t * y).sum(-1) + 1)


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Σ t · ln(t / y) over the last axis, both limited to [10⁻⁷, 1]."""
    t, y = (tg.clip(p, epsilon(), 1) for p in as_pair(y_true, y_pred))
    return (t * tg.log(t / y)).sum(-1)


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of y - t · ln y over the last axis."""
    t, y = as_pair(y_true, y_pred)
    return _mean(y - t * tg.log(y + epsilon()))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """-cos of the angle between t and y: -1 where they point the same way."""
    t, y = (p / tg.maximum(tg.norm(p, axis=axis, keepdims=True), epsilon()) for p in as_pair(y_true, y_pred))
    return -(t * y).sum(axis)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """The mean of -(t ln p + (1 - t) ln(1 - p)) over `axis`.

    y_pred           p; or, with `from_logits`, x with p = sigmoid(x)
    label_smoothing  s: targets become t·(1 - s) + s / 2
    """
    t, p = as_pair(y_true, y_pred)
    if label_smoothing:
        t = t * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        return F.binary_cross_entropy_with_logits(p, t, reduction="none").mean(axis)
    return F.binary_cross_entropy(clipped(p), t, reduction="none").mean(axis)


def clipped(p: Tensor) -> Tensor:
    """Probabilities, kept away from 0 and 1."""
    return tg.clip(p, epsilon(), 1 - epsilon())


def log_probabilities(p: Tensor, from_logits: bool, axis: int) -> Tensor:
    """ln p of shares of their sum, or of logits."""
    return tg.log_softmax(p, axis) if from_logits else tg.log(clipped(p / p.sum(axis, keepdims=True)))


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Tensor:
    """-Σ t · ln p over `axis`, the classes.

    y_pred           p, made to sum to 1; or, with `from_logits`, x with p = softmax(x)
    label_smoothing  s: targets become t·(1 - s) + s / classes
    """
    t, p = as_pair(y_true, y_pred)
    _warn_of_one_class("categorical_crossentropy", p, axis)
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / t.shape[axis]
    return -(t * log_probabilities(p, from_logits, axis)).sum(axis)


def _warn_of_one_class(what: str, p: Tensor, axis: int) -> None:
    if p.ndim and p.shape[axis] == 1:
        warnings.warn(
            f"{what} of one class, y_pred having shape {p.shape}, is always 0: for two classes in one number there is "
            f"binary_crossentropy",
            SyntaxWarning,
            stacklevel=3,
        )


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Tensor:
    """-ln p[t], t being class numbers of shape (batch, ...) or (batch, ..., 1).

    y_pred        p, made to sum to 1; or, with `from_logits`, x with p = softmax(x)
    ignore_class  a class number whose loss is 0, and does not count in the mean of a loss
    """
    p = as_floats(y_pred)
    t = (y_true if isinstance(y_true, Tensor) else as_tensor(y_true, device=p.device)).astype("int64")
    if t.ndim == p.ndim and t.shape[axis] == 1:
        t = t.squeeze(axis)
    if t.shape == p.shape:
        raise ShapeError(
            f"sparse_categorical_crossentropy takes class numbers, one for each sample, but got targets of shape {t.shape}, "
            "that of the predictions: rows of zeros and ones need 'categorical_crossentropy'"
        )
    counts = None
    if ignore_class is not None and t.ndim == p.ndim - 1:
        counts = t != ignore_class
        t, p = counts.where(t, 0), counts.expand_dims(axis).where(p, 1.0)  # no nan comes from what does not count
    log_p = tg.moveaxis(log_probabilities(p, from_logits, axis), axis, min(1, p.ndim - 1))
    values = F.nll_loss(log_p, t, reduction="none")
    return values if counts is None else Counted(counts.where(values, 0.0), counts)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The mean over `axis` of (1 - q)^gamma times the binary cross-entropy, q = t·p + (1 - t)·(1 - p): what is right counts less.

    y_pred                 p; or, with `from_logits`, x with p = sigmoid(x)
    apply_class_balancing  multiply by alpha where t is 1, and by 1 - alpha where it is 0
    label_smoothing        s: targets become t·(1 - s) + s / 2

    Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection" (2017).
    """
    t, y = as_pair(y_true, y_pred)
    if label_smoothing:
        t = t * (1 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        p, entropy = F.sigmoid(y), F.binary_cross_entropy_with_logits(y, t, reduction="none")
    else:
        p, entropy = y, F.binary_cross_entropy(clipped(y), t, reduction="none")
    losses = _focus(t * (1 - p) + (1 - t) * p, gamma) * entropy
    if apply_class_balancing:
        losses = losses * (t * alpha + (1 - t) * (1 - alpha))
    return losses.mean(axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """-Σ alpha · (1 - p)^gamma · t · ln p over `axis`, the classes: what is right counts less.

    y_pred           p, made to sum to 1; or, with `from_logits`, x with p = softmax(x)
    alpha            a number, or one for each class
    label_smoothing  s: targets become t·(1 - s) + s / classes

    Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection" (2017).
    """
    if isinstance(axis, bool):
        raise OptionError(f"categorical_focal_crossentropy: axis={axis} must be an integer")
    t, p = as_pair(y_true, y_pred)
    _warn_of_one_class("categorical_focal_crossentropy", p, -1)
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / t.shape[-1]
    log_p = log_probabilities(p, from_logits, axis)
    factor = _focus(-tg.expm1(log_p), gamma) * (alpha if isinstance(alpha, (int, float)) else as_floats(alpha, p))
    return -(factor * t * log_p).sum(axis)


def _focus(wrong: Tensor, gamma: float) -> Tensor:
    """wrong^gamma, with a derivative that is finite at 0 for any gamma."""
    return tg.clip(wrong, epsilon(), 1) ** gamma


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float = 0.5) -> Tensor:
    """(1 - p[t]^q) / q, t being class numbers of shape (batch, ...) or (batch, ..., 1): wrong labels do less harm.

    q  between the cross-entropy, for q near 0, and the mean absolute error, for q near 1

    Source: Z. Zhang, M. Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels" (2018).
    """
    if not 0 < q < 1:
        raise OptionError(f"categorical_generalized_cross_entropy: q={q!r} must be between 0 and 1")
    p = as_floats(y_pred)
    t = as_tensor(y_true, device=p.device).astype("int64")
    t = t if t.ndim == p.ndim else t.expand_dims(-1)
    return (1 - tg.take_along_axis(p, t, -1).squeeze(-1) ** q) / q
