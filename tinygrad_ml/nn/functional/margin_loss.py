"""Losses of margins: what is right must be better than what is wrong by some distance, beyond which nothing is to be gained.

Nearly all are a sum of hinges max(0, margin - ...). They compare two outputs, pairs and triples of embeddings, or the
scores of classes. `reduction` and targets are as in `loss.py`.
"""

from collections.abc import Callable

import numpy

from ... import functional as tg
from ...errors import DTypeError, OptionError, ShapeError
from ...functional.composed import composed
from ...functional.indexing import check_labels
from ...functional.reductions import floating
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike, as_tensor, beside
from .distance import pairwise_distance
from .loss import match_pair, reduce_loss, weigh


def _hinge(x: Tensor) -> Tensor:
    """max(0, x), with derivative 1 at 0, as in PyTorch."""
    return tg.clip(x, min=0)


@composed
def margin_ranking_loss(
    input1: TensorLike, input2: TensorLike, target: TensorLike, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, margin - t · (x₁ - x₂)): x₁ is to be the larger where t = 1, and x₂ where t = -1. All have one shape."""
    x1, x2 = match_pair(input1, input2, "margin_ranking_loss")
    _, t = match_pair(x1, target, "margin_ranking_loss")
    return reduce_loss(_hinge(-t * (x1 - x2) + margin), reduction)


@composed
def hinge_embedding_loss(input: TensorLike, target: TensorLike, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """x where t = 1, max(0, margin - x) where t = -1: distances x that are to be small, or not to be.

    Source: R. Hadsell, S. Chopra, Y. LeCun, "Dimensionality Reduction by Learning an Invariant Mapping" (2006).
    """
    x, t = match_pair(input, target, "hinge_embedding_loss")
    return reduce_loss((t != -1).where(x, 0) + (t != 1).where(_hinge(margin - x), 0), reduction)


@composed
def cosine_embedding_loss(
    input1: TensorLike, input2: TensorLike, target: TensorLike, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x₁, x₂) where t = 1, max(0, cos(x₁, x₂) - margin) where t = -1.

    input1, input2  (batch, features), or (features,)
    target          (batch,), or ()
    """
    x1, x2 = match_pair(input1, input2, "cosine_embedding_loss")
    if x1.ndim not in (1, 2):
        raise ShapeError(
            f"cosine_embedding_loss needs inputs (batch, features) or (features,), but got {x1._described()}"
        )
    squares = ((x1 * x1).sum(-1) + 1e-12) * ((x2 * x2).sum(-1) + 1e-12)
    cosine = (x1 * x2).sum(-1) / tg.sqrt(squares)
    cosine, t = match_pair(cosine, target, "cosine_embedding_loss")
    return reduce_loss((t == 1).where(1 - cosine, 0) + (t == -1).where(_hinge(cosine - margin), 0), reduction)


@composed
def triplet_margin_loss(
    anchor: TensorLike,
    positive: TensorLike,
    negative: TensorLike,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(a, positive) - d(a, negative) + margin), d(x, y) = ‖x - y + ε‖ₚ along the last axis.

    anchor, positive, negative  (..., features)
    swap  whether the negative's distance is that to the nearer of a and the positive

    Source: V. Balntas et al., "Learning Shallow Convolutional Feature Descriptors with Triplet Losses" (2016).
    """
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


@composed
def triplet_margin_with_distance_loss(
    anchor: TensorLike,
    positive: TensorLike,
    negative: TensorLike,
    *,
    distance_function: Callable | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of your own, a function of two tensors (..., features) to one (...)."""
    if margin <= 0:
        raise OptionError(f"a triplet loss needs a margin > 0, not {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    anchor, positive = match_pair(anchor, positive, "triplet_margin_loss")
    _, negative = match_pair(anchor, negative, "triplet_margin_loss")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = tg.minimum(far, distance(positive, negative))
    return reduce_loss(_hinge(near - far + margin), reduction)


@composed
def soft_margin_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """ln(1 + e^(-t·x)) for targets t = 1 or -1."""
    x, t = match_pair(input, target, "soft_margin_loss")
    return reduce_loss(tg.softplus(-t * x), reduction)


@composed
def multilabel_soft_margin_loss(
    input: TensorLike, target: TensorLike, weight: TensorLike | None = None, reduction: str = "mean"
) -> Tensor:
    """-(1/C) Σ over the C classes of w · (t ln σ(x) + (1 - t) ln(1 - σ(x))), σ the sigmoid; a number for each sample.

    input, target  (..., classes), targets 0 or 1
    weight         w, (classes,)
    """
    x, t = match_pair(input, target, "multilabel_soft_margin_loss")
    loss = (1 - t) * x + tg.softplus(-x)
    return reduce_loss(weigh(loss, weight).mean(-1), reduction)


@composed
def multi_margin_loss(
    input: TensorLike,
    target: TensorLike,
    p: int = 1,
    margin: float = 1.0,
    weight: TensorLike | None = None,
    reduction: str = "mean",
) -> Tensor:
    """(1/C) Σ over classes i ≠ t of w[t] · max(0, margin - x[t] + x[i])ᵖ, C the number of classes.

    input   (batch, classes), or (classes,)
    target  class numbers (batch,), or ()
    p       1 or 2
    weight  w, (classes,)
    """
    if p not in (1, 2):
        raise OptionError(f"multi_margin_loss has p = 1 or 2, not {p}")
    x = floating(input)
    target = _labels(target, x, "multi_margin_loss")
    if x.ndim not in (1, 2) or target.shape != x.shape[:-1]:
        raise ShapeError(
            f"multi_margin_loss{inside(modes.scope)} needs scores (batch, classes) and class numbers (batch,), but got "
            f"{x._described()} and {target._described()}"
        )
    classes = x.shape[-1]
    check_labels(target, classes, "multi_margin_loss")
    is_target = target.expand_dims(-1) == as_tensor(numpy.arange(classes), device=x.device)
    right = tg.take_along_axis(x, target.expand_dims(-1), -1)
    excess = tg.relu(x - right + margin)
    loss = is_target.where(0, excess if p == 1 else excess * excess).mean(-1)
    return reduce_loss(loss if weight is None else loss * beside(weight, x).astype(x.dtype)[target], reduction)


@composed
def multilabel_margin_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """(1/C) Σ over targets t and over classes i that are none of max(0, 1 - (x[t] - x[i])), C the number of classes.

    input   (batch, classes), or (classes,)
    target  class numbers, of the shape of the input: those that are before the first -1
    """
    x = floating(input)
    target = _labels(target, x, "multilabel_margin_loss")
    if x.ndim not in (1, 2) or target.shape != x.shape:
        raise ShapeError(
            f"multilabel_margin_loss{inside(modes.scope)} needs scores (batch, classes) and class numbers of the same "
            f"shape, but got {x._described()} and {target._described()}"
        )
    classes = x.shape[-1]
    counts = tg.cumulative_sum((target < 0).astype("int64"), -1) == 0
    labels = counts.where(target, 0)
    check_labels(labels, classes, "multilabel_margin_loss")
    numbered = as_tensor(numpy.arange(classes), device=x.device)
    is_target = ((labels.expand_dims(-1) == numbered) & counts.expand_dims(-1)).any(-2, keepdims=True)
    right = tg.take_along_axis(x, labels, -1).expand_dims(-1)
    excess = tg.relu(x.expand_dims(-2) - right + 1)  # (..., target, class)
    loss = (counts.expand_dims(-1) & ~is_target).where(excess, 0).sum(-2).mean(-1)
    return reduce_loss(loss, reduction)


def _labels(target, scores: Tensor, what: str) -> Tensor:
    """Class numbers, on the device of the scores."""
    target = beside(target, scores)
    if target.dtype.kind not in "iu":
        raise DTypeError(
            f"{what}{inside(modes.scope)} needs integer class numbers as targets, but got {target._described()}"
        )
    return target
