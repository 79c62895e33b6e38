"""Negative log-likelihoods of numbers and of sequences, as modules.

What each computes is in `functional/likelihood.py` and `functional/ctc.py`.
"""

from ..tensor import Tensor, TensorLike
from . import functional as F
from .loss import Loss


class GaussianNLLLoss(Loss):
    """½ (ln v + (x - t)² / v), v = max(var, ε): targets t normal around x with a variance that is predicted too.

    full  whether the constant ½ ln 2π is added
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"):
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: TensorLike, target: TensorLike, var: TensorLike) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(Loss):
    """eˣ - t·x, or with `log_input=False` x - t·ln(x + ε): targets t counted events, of which eˣ, or x, are expected.

    full  whether ln t! is added, by Stirling's formula
    """

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"):
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return F.poisson_nll_loss(input, target, self.log_input, self.full, self.eps, self.reduction)


class CTCLoss(Loss):
    """-ln of the probability of a sequence of labels, summed over all ways to spread it over the time of the input.

    blank          the class that stands for no label
    zero_infinity  whether sequences that cannot be, which are infinitely unlikely, count as 0
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False):
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self, log_probs: TensorLike, targets: TensorLike, input_lengths: TensorLike, target_lengths: TensorLike
    ) -> Tensor:
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
