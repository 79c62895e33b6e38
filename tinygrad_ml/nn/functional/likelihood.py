"""Negative log-likelihoods of numbers: how unlikely a target is under the distribution that a network predicts."""

import math

from ... import functional as tg
from ...errors import OptionError, RangeError, ShapeError
from ...functional.composed import composed
from ...functional.indexing import look
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike, beside
from .loss import match_pair, reduce_loss


@composed
def gaussian_nll_loss(
    input: TensorLike,
    target: TensorLike,
    var: TensorLike,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """½ (ln v + (x - t)² / v), v = max(var, ε): targets t normal around x with a variance that is predicted too.

    input, target  of one shape
    var   of the same shape, or without its last axis, or with size 1 there; or a number
    full  whether the constant ½ ln 2π is added
    eps   ε, for stability; the gradient of var is as if it were not there

    Raises `RangeError` for negative variances.
    Source: D. Nix, A. Weigend, "Estimating the Mean and Variance of the Target Probability Distribution" (1994).
    """
    if eps <= 0:
        raise OptionError(f"gaussian_nll_loss needs eps > 0, not {eps}")
    x, t = match_pair(input, target, "gaussian_nll_loss")
    var = beside(var, x).astype(x.dtype)
    if var.ndim and var.shape == x.shape[:-1]:
        var = var.expand_dims(-1)
    if var.ndim and var.shape not in (x.shape, (*x.shape[:-1], 1)):
        raise ShapeError(
            f"gaussian_nll_loss{inside(modes.scope)} needs variances of shape {x.shape}, {x.shape[:-1]} or "
            f"{(*x.shape[:-1], 1)}, but got {var._described()}"
        )
    look(_check_not_negative, var)
    seen = var.detach()
    var = var + (tg.clip(seen, min=eps) - seen)
    loss = (tg.log(var) + tg.square(x - t) / var) * 0.5
    return reduce_loss(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def _check_not_negative(array) -> None:
    if array.min() < 0:
        raise RangeError(f"gaussian_nll_loss: variances are 0 or more, but one is {array.min():g}")


@composed
def poisson_nll_loss(
    input: TensorLike,
    target: TensorLike,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """eˣ - t·x, or with `log_input=False` x - t·ln(x + ε): targets t counted events, of which eˣ, or x, are expected.

    full  whether ln t! is added, by Stirling's formula t ln t - t + ½ ln 2πt where t > 1
    eps   ε, keeps the logarithm finite at 0
    """
    x, t = match_pair(input, target, "poisson_nll_loss")
    loss = tg.exp(x) - t * x if log_input else x - t * tg.log(x + eps)
    if full:
        several = t > 1
        safe = several.where(t, 1)
        stirling = safe * tg.log(safe) - safe + tg.log(safe * (2 * math.pi)) * 0.5
        loss = loss + several.where(stirling, 0)
    return reduce_loss(loss, reduction)
