"""Losses of whole regions, of pairs of samples and of sequences. Read before: `functions.py`."""

from __future__ import annotations

import math
from typing import Any

from ... import functional as tg
from ...errors import ShapeError
from ...nn import functional as F
from ...tensor import Tensor, as_tensor
from ..config import epsilon
from ..samples import Counted, as_floats, as_pair


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Tensor:
    """1 - 2·Σ t·y / (Σ t + Σ y), over all axes or those of `axis`: 0 where both regions are the same.

    For images (batch, height, width, classes) `axis=(1, 2, 3)` gives a loss a sample.
    Source: L. Dice, "Measures of the Amount of Ecologic Association Between Species" (1945).
    """
    t, y = as_pair(y_true, y_pred)
    axis = _axes(axis)
    return 1 - (t * y).sum(axis) * 2 / (t.sum(axis) + y.sum(axis) + epsilon())


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Tensor:
    """1 - Σ t·y / (Σ t·y + alpha·Σ t·(1 - y) + beta·Σ y·(1 - t)), over all axes or those of `axis`: `dice`, weighed.

    alpha  how much what is missing counts
    beta   how much what is too much counts

    Source: S. Salehi, D. Erdogmus, A. Gholipour, "Tversky loss function for image segmentation" (2017).
    """
    t, y = as_pair(y_true, y_pred)
    axis = _axes(axis)
    both = (t * y).sum(axis)
    return 1 - both / (both + (t * (1 - y)).sum(axis) * alpha + (y * (1 - t)).sum(axis) * beta + epsilon())


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """ln(1 + Σₙ exp γ·aₙ·(δₙ - dₙ) · Σₚ exp -γ·aₚ·(δₚ - dₚ)): alike what has one label, and apart what has not.

    d is 1 - the product of two embeddings, p those of the same label and n the others; with m = `margin` aₚ = m + d,
    aₙ = 1 + m - d (0 where that is below 0), δₚ = m and δₙ = 1 - m.

    y_true           class numbers, (batch,) or (batch, 1)
    y_pred           embeddings of length 1, (batch, size)
    ref_labels, ref_embeddings  of what they are compared with; by default the batch itself
    remove_diagonal  do not compare a sample with itself
    gamma            γ, how much hard pairs count

    Samples whose loss is 0, such as those without another of their label, do not count in the mean of a loss.
    Source: Y. Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization" (2020).
    """
    y = as_floats(y_pred)
    labels = as_tensor(y_true, device=y.device).astype("int64").reshape(-1, 1)
    others = y if ref_embeddings is None else as_floats(ref_embeddings, y)
    their_labels = labels if ref_labels is None else as_tensor(ref_labels, device=y.device).astype("int64")
    if y.ndim != 2 or labels.shape[0] != y.shape[0]:
        raise ShapeError(
            f"circle needs embeddings (batch, size) and a class number for each, not shapes {y.shape} and {labels.shape}"
        )
    distances = F.relu(1 - y @ others.T)
    same = labels == their_labels.reshape(1, -1)
    apart = ~same
    if remove_diagonal:
        same = same & (tg.eye(*same.shape, dtype="int64", device=y.device) == 0)
    pull = F.relu(distances + margin) * (distances - margin) * gamma
    push = F.relu(1 + margin - distances) * (1 - margin - distances) * gamma
    hardest = [tg.logsumexp(mask.where(x, -math.inf), axis=1) for mask, x in ((same, pull), (apart, push))]
    losses = tg.softplus(hardest[0] + hardest[1])
    return Counted(losses, losses > 0)


def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """-ln of the likelihood of the labels, of which nobody has said when they occur: see `nn.functional.ctc_loss`.

    y_true  class numbers (batch, length); 0 is the blank, and fills up what is shorter
    y_pred  logits (batch, time, classes)
    """
    y, t = as_floats(y_pred), as_tensor(y_true)
    if t.ndim != 2 or y.ndim != 3:
        raise ShapeError(
            f"ctc needs class numbers (batch, length) and logits (batch, time, classes), not shapes {t.shape} and {y.shape}"
        )
    t = t.astype("int64").to(y.device)
    moments = tg.full((y.shape[0],), y.shape[1], dtype="int64", device=y.device)
    log_p = tg.log_softmax(tg.swapaxes(y, 0, 1), -1)
    return F.ctc_loss(log_p, t, moments, (t != 0).sum(1), reduction="none")
