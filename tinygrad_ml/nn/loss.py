"""Loss functions as modules. What each computes is in `functional/loss.py`."""

from ..tensor import Tensor, TensorLike
from . import functional as F
from .functional.loss import REDUCTION_NAMES, check_reduction
from .module import Module


class Loss(Module):
    """`reduction` is "mean", "sum" or "none"; `OptionError` for anything else."""

    reductions: tuple[str, ...] = REDUCTION_NAMES

    def __init__(self, reduction: str = "mean"):
        self.reduction = check_reduction(reduction, self.reductions)

    def weights(self, **weights: TensorLike | None) -> None:
        """Weights are buffers: they move with the module, and are saved with it."""
        for name, weight in weights.items():
            self.register_buffer(name, weight)

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class MSELoss(Loss):
    """The squared error (x - t)²."""

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(Loss):
    """The absolute error |x - t|."""

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class SmoothL1Loss(Loss):
    """½d²/β where |d| < β, else |d| - ½β, with d = x - t."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0):
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(Loss):
    """½d² where |d| ≤ δ, else δ(|d| - ½δ), with d = x - t."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0):
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(Loss):
    """-(t ln p + (1 - t) ln(1 - p)) of probabilities p; `weight` is a factor for each element."""

    weight: Tensor | None

    def __init__(self, weight: TensorLike | None = None, reduction: str = "mean"):
        super().__init__(reduction)
        self.weights(weight=weight)

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of logits: the sigmoid is part of the loss. `pos_weight` weighs positive targets."""

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(self, weight: TensorLike | None = None, reduction: str = "mean", pos_weight: TensorLike | None = None):
        super().__init__(reduction)
        self.weights(weight=weight, pos_weight=pos_weight)

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class KLDivLoss(Loss):
    """t (ln t - x), x being log-probabilities; "batchmean" is a fourth reduction, and the one mathematics means."""

    reductions = (*REDUCTION_NAMES, "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False):
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.kl_div(input, target, self.reduction, self.log_target)


class NLLLoss(Loss):
    """-w[t] · x[t], the negative log-likelihood of class t, x being log-probabilities (N, classes, *positions)."""

    weight: Tensor | None

    def __init__(self, weight: TensorLike | None = None, ignore_index: int = -100, reduction: str = "mean"):
        super().__init__(reduction)
        self.weights(weight=weight)
        self.ignore_index = ignore_index

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class CrossEntropyLoss(Loss):
    """-Σ over classes c of w[c] · t[c] · ln softmax(x)[c], of logits x (N, classes, *positions).

    Targets are class numbers (N, *positions), or probabilities of the shape of x.
    """

    weight: Tensor | None

    def __init__(
        self,
        weight: TensorLike | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__(reduction)
        self.weights(weight=weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)
