"""Loss functions: how far predictions are from targets, as one number.

`reduction` is "mean", "sum", or "none" for a loss for each element (for each sample, in the losses
of classes). Targets take the dtype of the predictions, and must have their shape: broadcasting
(N, 1) against (N,) to (N, N) is a mistake that no loss should average away.
"""

from collections.abc import Callable

import numpy

from ... import functional as tg
from ...backend import Array, dtypes
from ...errors import DTypeError, OptionError, RangeError, ShapeError
from ...functional.composed import composed
from ...functional.indexing import check_labels, check_range, look
from ...functional.reductions import floating, widened
from ...functional.whole import as_a_whole
from ...kernels import losses
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike, as_tensor, beside

REDUCTION_NAMES = ("mean", "sum", "none")


def check_reduction(reduction: str, allowed: tuple[str, ...] = REDUCTION_NAMES) -> str:
    """`reduction`; `OptionError` if there is no such."""
    if reduction not in allowed:
        raise OptionError(f"reduction={reduction!r} is not one of {', '.join(map(repr, allowed))}")
    return reduction


def reduce_loss(loss: Tensor, reduction: str) -> Tensor:
    """The mean or the sum of a loss, or the loss itself."""
    check_reduction(reduction)
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def match_pair(input: TensorLike, target: TensorLike, what: str) -> tuple[Tensor, Tensor]:
    """Predictions and targets of one shape and one floating dtype, on one device."""
    input = floating(input)
    target = beside(target, input)
    if input.shape != target.shape:
        raise ShapeError(
            f"{what}{inside(modes.scope)} needs predictions and targets of one shape, but got {input.shape} and "
            f"{target.shape}; reshape one of them"
        )
    return input, target.astype(input.dtype)


def weigh(loss: Tensor, weight: TensorLike | None) -> Tensor:
    """The loss times a factor for each element, which does not widen it."""
    return loss if weight is None else loss * beside(weight, loss).astype(loss.dtype)


@composed
def mse_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """The squared error (x - t)²."""
    input, target = match_pair(input, target, "mse_loss")
    return _mse_loss(input, target, reduction=check_reduction(reduction))


@as_a_whole(losses.mse_loss, losses.mse_loss_gradient, left=("difference",))
def _mse_loss(x: Tensor, target: Tensor, *, reduction: str) -> Tensor:
    return reduce_loss(tg.square(x - target), reduction)


@composed
def l1_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """The absolute error |x - t|."""
    input, target = match_pair(input, target, "l1_loss")
    return reduce_loss(abs(input - target), reduction)


@composed
def huber_loss(input: TensorLike, target: TensorLike, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """½d² where |d| ≤ δ, else δ(|d| - ½δ), with d = x - t: squared near 0, absolute far off. Source: P. Huber (1964)."""
    if delta <= 0:
        raise OptionError(f"huber_loss needs delta > 0, not {delta}")
    input, target = match_pair(input, target, "huber_loss")
    d = input - target
    size = abs(d)
    return reduce_loss((size <= delta).where(d * d * 0.5, (size - 0.5 * delta) * delta), reduction)


@composed
def smooth_l1_loss(input: TensorLike, target: TensorLike, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """½d²/β where |d| < β, else |d| - ½β, with d = x - t: the Huber loss divided by β. Source: R. Girshick (2015)."""
    if beta < 0:
        raise OptionError(f"smooth_l1_loss needs beta of 0 or more, not {beta}")
    return l1_loss(input, target, reduction) if beta == 0 else huber_loss(input, target, reduction, beta) / beta


@composed
def binary_cross_entropy(
    input: TensorLike, target: TensorLike, weight: TensorLike | None = None, reduction: str = "mean"
) -> Tensor:
    """-(t ln p + (1 - t) ln(1 - p)) of probabilities p. Logarithms below -100 count as -100, so that it stays finite.

    Better is `binary_cross_entropy_with_logits`, which need not cut anything off.
    weight  a factor for each element, of a shape that broadcasts
    """
    p, target = match_pair(input, target, "binary_cross_entropy")
    _check_probabilities(p)
    loss = -(target * _log_from_minus_100(p) + (1 - target) * _log_from_minus_100(1 - p))
    return reduce_loss(weigh(loss, weight), reduction)


def _check_probabilities(p: Tensor) -> None:
    """`RangeError` for what is no probability."""
    where = inside(modes.scope)

    def check(array) -> None:
        if array.min() < 0 or array.max() > 1:
            raise RangeError(
                f"binary_cross_entropy{where} needs probabilities from 0 to 1, but got numbers from {array.min():g} to "
                f"{array.max():g}; for logits there is binary_cross_entropy_with_logits"
            )

    look(check, p)


def _log_from_minus_100(p: Tensor) -> Tensor:
    """ln p, from -100 on; its derivative is 1/p, up to 10¹², so that what is surely wrong can still learn."""
    seen = p.detach()
    least = max(1e-12, float(numpy.finfo(p.dtype).tiny))
    sloped = tg.log(p + (tg.maximum(seen, least) - seen))
    zero = seen == 0
    exact = tg.clip(zero.where(-100.0, tg.log(zero.where(1, seen))), min=-100.0)
    return sloped + (exact - sloped.detach())


@composed
def binary_cross_entropy_with_logits(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    reduction: str = "mean",
    pos_weight: TensorLike | None = None,
) -> Tensor:
    """-(w t ln σ(x) + (1 - t) ln(1 - σ(x))) of logits x, σ the sigmoid; right for any size of x.

    weight      a factor for each element, of a shape that broadcasts
    pos_weight  w, the weight of positive targets; 1 by default
    """
    x, t = match_pair(input, target, "binary_cross_entropy_with_logits")
    if weight is None and pos_weight is None:
        return _logits_loss(x, t, reduction=check_reduction(reduction))
    return reduce_loss(weigh(_logits_losses(x, t, pos_weight), weight), reduction)


@as_a_whole(losses.logits_loss, losses.logits_loss_gradient)
def _logits_loss(x: Tensor, target: Tensor, *, reduction: str) -> Tensor:
    return reduce_loss(_logits_losses(x, target, None), reduction)


def _logits_losses(x: Tensor, t: Tensor, pos_weight: TensorLike | None) -> Tensor:
    missed = tg.softplus(-x)  # -ln σ(x); and -ln(1 - σ(x)) is x more
    return (1 - t) * x + (
        missed if pos_weight is None else ((beside(pos_weight, x).astype(x.dtype) - 1) * t + 1) * missed
    )


@composed
def kl_div(input: TensorLike, target: TensorLike, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """t (ln t - x), summed the divergence of distribution t from distribution eˣ; x are *log*-probabilities.

    reduction   also "batchmean": the sum divided by the size of axis 0, which is the divergence in the
                sense of mathematics
    log_target  whether the targets are logarithms too
    """
    check_reduction(reduction, (*REDUCTION_NAMES, "batchmean"))
    x, t = match_pair(input, target, "kl_div")
    if log_target:
        loss = tg.exp(t) * (t - x)
    else:
        zero = t == 0  # 0 · ln 0 counts as 0
        loss = t * (tg.log(zero.where(1, t)) - x)
    if reduction == "batchmean":
        return _quotient(loss, x.shape[0] if x.ndim else 1)
    return reduce_loss(loss, reduction)


@composed
def nll_loss(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """-w[t] · x[t], the negative log-likelihood of class t.

    input         log-probabilities (N, classes, *positions), or (classes,)
    target        class numbers (N, *positions), or ()
    weight        w, a weight for each class; the mean is then a weighted one
    ignore_index  a target that does not count
    reduction     "mean" over all targets that count, "sum", or "none"

    Raises `RangeError` for labels out of range.
    """
    log_p = floating(input)
    labels = _checked(log_p, beside(target, log_p), reduction, "nll_loss")
    if weight is None:
        return _nll_of_labels(log_p, labels, ignore_index=ignore_index, reduction=reduction)
    return _nll(log_p, labels, weight, ignore_index, reduction, 0.0, "nll_loss")


def _looking(value: Callable, what: str) -> Callable:
    """A loss of arrays that looks at its labels first, as `_nll` does."""

    def checked(x: Array, labels: Array, ignore_index: int, reduction: str) -> tuple:
        within = labels.dtype is dtypes.int64 and labels.view("u8").max(initial=0) < _classes(x)  # no number is below 0
        if labels.size and not within:
            check_range(labels, _classes(x), what, ignore_index)
        return value(x, labels, ignore_index, reduction)

    return checked


@as_a_whole(_looking(losses.nll_loss, "nll_loss"), losses.nll_loss_gradient, left=("share", "places"))
def _nll_of_labels(log_p: Tensor, labels: Tensor, *, ignore_index: int, reduction: str) -> Tensor:
    return _nll(log_p, labels, None, ignore_index, reduction, 0.0, "nll_loss")


@composed
def cross_entropy(
    input: TensorLike,
    target: TensorLike,
    weight: TensorLike | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-Σ over classes c of w[c] · t[c] · ln softmax(x)[c].

    input            logits (N, classes, *positions), or (classes,)
    target           class numbers (N, *positions), or ();
                     or probabilities of the classes, of the shape of `input`
    weight           w, a weight for each class; the mean is then a weighted one
    ignore_index     a class number that does not count
    reduction        "mean", "sum", or "none"
    label_smoothing  ε: targets are mixed with the uniform distribution, (1 - ε)·t + ε / classes

    Raises `RangeError` for labels out of range, `ShapeError`, `DTypeError`.
    Source of smoothing: C. Szegedy et al., "Rethinking the Inception Architecture" (2015).
    """
    if not 0 <= label_smoothing <= 1:
        raise OptionError(f"label_smoothing lies between 0 and 1, not at {label_smoothing}")
    input = as_tensor(input)
    if not input.ndim:
        raise ShapeError("cross_entropy needs logits with an axis of classes, but got a 0-d tensor")
    target = beside(target, input)
    if target.dtype.kind in "iu":
        labels = _checked(input, target, reduction, "cross_entropy")
        if weight is None and not label_smoothing and input.size:
            return _cross_entropy(floating(input), labels, ignore_index=ignore_index, reduction=reduction)
        return _nll(_log_p(input), labels, weight, ignore_index, reduction, label_smoothing, "cross_entropy")
    if target.shape != input.shape:
        raise DTypeError(
            f"cross_entropy{inside(modes.scope)}: the target is {target._described()}. Class numbers must be integers; "
            f"probabilities must have the shape of the logits, {input.shape}."
        )
    log_p = _log_p(input)
    _, t = match_pair(input, target, "cross_entropy")
    if label_smoothing:
        t = t * (1 - label_smoothing) + label_smoothing / _classes(log_p)
    loss = -_over_classes(log_p * t, weight)
    check_reduction(reduction)
    return _quotient(loss, loss.size) if reduction == "mean" else reduce_loss(loss, reduction)


@as_a_whole(
    _looking(losses.cross_entropy, "cross_entropy"), losses.cross_entropy_gradient, left=("share", "places", "p")
)
def _cross_entropy(x: Tensor, labels: Tensor, *, ignore_index: int, reduction: str) -> Tensor:
    return _nll(_log_p(x), labels, None, ignore_index, reduction, 0.0, "cross_entropy")


def _log_p(x: Tensor) -> Tensor:
    return tg.log_softmax(x, axis=min(1, x.ndim - 1))


def _quotient(loss: Tensor, count) -> Tensor:
    """Σ loss / count, neither of which may fit into float16."""
    return (widened(loss).sum() / count).astype(loss.dtype)


def _classes(log_p: Tensor | Array) -> int:
    return log_p.shape[min(1, log_p.ndim - 1)]


def _over_classes(x: Tensor, weight) -> Tensor:
    """Σ w[c] · x[c] over the axis of classes."""
    axis = min(1, x.ndim - 1)
    if weight is not None:
        x = x * _class_weights(weight, x).reshape((-1,) + (1,) * (x.ndim - 1 - axis))
    return x.sum(axis=axis)


def _class_weights(weight, log_p: Tensor) -> Tensor:
    weight = beside(weight, log_p).astype(log_p.dtype)
    if weight.shape != (_classes(log_p),):
        raise ShapeError(
            f"the weights of {_classes(log_p)} classes have shape ({_classes(log_p)},), not {weight.shape}"
        )
    return weight


def _checked(log_p: Tensor, target: Tensor, reduction: str, what: str) -> Tensor:
    """Class numbers, if they fit predictions."""
    check_reduction(reduction)
    if target.dtype.kind not in "iu":
        raise DTypeError(
            f"{what}{inside(modes.scope)} needs integer class numbers as targets, but got {target._described()}"
        )
    axis = min(1, log_p.ndim - 1)
    expected = (*log_p.shape[:axis], *log_p.shape[axis + 1 :])
    if target.shape != expected:
        raise ShapeError(
            f"{what}{inside(modes.scope)}: predictions of shape {log_p.shape} (axis {axis} being the classes) need "
            f"targets of shape {expected}, but got {target._described()}"
        )
    return target


def _nll(
    log_p: Tensor, target: Tensor, weight, ignore_index: int, reduction: str, smoothing: float, what: str
) -> Tensor:
    """The loss of class numbers, given log-probabilities."""
    axis = min(1, log_p.ndim - 1)
    counts = target != ignore_index  # which may be a number that is no label's, as -100 is no byte
    labels = counts.where(target, 0)
    check_labels(labels, _classes(log_p), what)
    rows = tg.moveaxis(log_p, axis, -1).reshape((labels.size, _classes(log_p)))
    loss = -rows[numpy.arange(labels.size), labels.reshape(-1)].reshape(labels.shape)
    share = counts.astype(log_p.dtype)
    if weight is not None:
        share = share * _class_weights(weight, log_p)[labels]
        loss = loss * share
    if smoothing:
        loss = loss * (1 - smoothing) - _over_classes(log_p, weight) * (smoothing / _classes(log_p))
    loss = counts.where(loss, 0)
    return _quotient(loss, widened(share).sum()) if reduction == "mean" else reduce_loss(loss, reduction)
