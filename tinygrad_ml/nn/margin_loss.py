"""Losses of margins, as modules. What each computes is in `functional/margin_loss.py`."""

from collections.abc import Callable

from ..errors import OptionError
from ..tensor import Tensor, TensorLike
from . import functional as F
from .loss import Loss


class MarginRankingLoss(Loss):
    """max(0, margin - t · (x₁ - x₂)): x₁ is to be the larger where t = 1, and x₂ where t = -1."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean"):
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: TensorLike, input2: TensorLike, target: TensorLike) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(Loss):
    """x where t = 1, max(0, margin - x) where t = -1: distances x that are to be small, or not to be."""

    def __init__(self, margin: float = 1.0, reduction: str = "mean"):
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class CosineEmbeddingLoss(Loss):
    """1 - cos(x₁, x₂) where t = 1, max(0, cos(x₁, x₂) - margin) where t = -1, of (batch, features)."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean"):
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: TensorLike, input2: TensorLike, target: TensorLike) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class TripletMarginLoss(Loss):
    """max(0, d(a, positive) - d(a, negative) + margin), d(x, y) = ‖x - y + ε‖ₚ.

    swap  whether the negative's distance is that to the nearer of a and the positive
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean"
    ):
        if margin <= 0:
            raise OptionError(f"a triplet loss needs a margin > 0, not {margin}")
        super().__init__(reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: TensorLike, positive: TensorLike, negative: TensorLike) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with a distance of your own, a function of two tensors (..., features) to one (...)."""

    def __init__(
        self,
        *,
        distance_function: Callable | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ):
        if margin <= 0:
            raise OptionError(f"a triplet loss needs a margin > 0, not {margin}")
        super().__init__(reduction)
        self.distance_function, self.margin, self.swap = distance_function, margin, swap

    def forward(self, anchor: TensorLike, positive: TensorLike, negative: TensorLike) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class SoftMarginLoss(Loss):
    """ln(1 + e^(-t·x)) for targets t = 1 or -1."""

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.soft_margin_loss(input, target, self.reduction)


class MultiLabelSoftMarginLoss(Loss):
    """-(1/C) Σ over the C classes of w · (t ln σ(x) + (1 - t) ln(1 - σ(x))), of (..., classes), targets 0 or 1."""

    weight: Tensor | None

    def __init__(self, weight: TensorLike | None = None, reduction: str = "mean"):
        super().__init__(reduction)
        self.weights(weight=weight)

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


class MultiMarginLoss(Loss):
    """(1/C) Σ over classes i ≠ t of w[t] · max(0, margin - x[t] + x[i])ᵖ, of (batch, classes) and class numbers t."""

    weight: Tensor | None

    def __init__(self, p: int = 1, margin: float = 1.0, weight: TensorLike | None = None, reduction: str = "mean"):
        if p not in (1, 2):
            raise OptionError(f"MultiMarginLoss has p = 1 or 2, not {p}")
        super().__init__(reduction)
        self.p, self.margin = p, margin
        self.weights(weight=weight)

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)


class MultiLabelMarginLoss(Loss):
    """(1/C) Σ over targets t and over classes i that are none of max(0, 1 - (x[t] - x[i])), of (batch, classes).

    The targets of a sample are the class numbers before its first -1.
    """

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.multilabel_margin_loss(input, target, self.reduction)
