"""Losses of classes. Read before: `../table.py`."""

from __future__ import annotations

from typing import Any

from ... import functional as tg
from ...nn import functional as F
from ...tensor import Tensor
from ..table import NodeCall, operator

NO_CLASS = -(2**31)
"""The class that is not counted, where none is named."""


@operator("NegativeLogLikelihoodLoss", versions=(12, 13, 22))
def negative_log_likelihood_loss(
    x: Tensor, target: Tensor, weight: Tensor | None = None, *, ignore_index: int = NO_CLASS, reduction: str = "mean"
) -> Tensor:
    """-w·x[class], x being logarithms of probabilities; their mean is weighted."""
    return F.nll_loss(x, target, weight, ignore_index, reduction)


@operator("SoftmaxCrossEntropyLoss", versions=(12, 13))
def softmax_cross_entropy_loss(
    x: Tensor,
    labels: Tensor,
    weights: Tensor | None = None,
    *,
    ignore_index: int = NO_CLASS,
    reduction: str = "mean",
    call: NodeCall,
) -> Any:
    """-w·log_softmax(x)[class]; and the log_softmax, if asked for."""
    if not call.wants(1):
        return F.cross_entropy(x, labels, weights, ignore_index, reduction)
    log_p = tg.log_softmax(x, axis=1)
    return F.nll_loss(log_p, labels, weights, ignore_index, reduction), log_p
