"""How far two distributions are apart."""

import math
from collections.abc import Callable
from typing import Any

from .. import functional as tg
from ..errors import OptionError
from ..tensor import Tensor
from .continuous import Exponential, Laplace, Normal, Uniform
from .discrete import Bernoulli, Categorical
from .distribution import Distribution, Independent


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p ‖ q) = the mean of ln p(x) - ln q(x) over draws x of p, in nats, in closed form: of batch_shape.

    Offered for two distributions of one kind. Raises `OptionError` for others.
    Source: S. Kullback, R. Leibler, "On Information and Sufficiency" (1951).
    """
    if isinstance(p, Independent) and isinstance(q, Independent) and p.axes == q.axes:
        return p.over_the_event(kl_divergence(p.base, q.base))
    for kind, divergence in _DIVERGENCES.items():
        if isinstance(p, kind) and isinstance(q, kind):
            return divergence(p, q)
    raise OptionError(
        f"the divergence of {type(p).__name__} and {type(q).__name__} is not known in closed form: estimate it by "
        "x = p.sample((1000,)); (p.log_prob(x) - q.log_prob(x)).mean(0)"
    )


def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = tg.square(p.scale / q.scale)
    return 0.5 * (ratio + tg.square((p.loc - q.loc) / q.scale) - 1 - tg.log(ratio))


def _laplace(p: Laplace, q: Laplace) -> Tensor:
    apart = tg.abs(p.loc - q.loc)
    return -tg.log(p.scale / q.scale) + apart / q.scale + p.scale / q.scale * tg.exp(-apart / p.scale) - 1


def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - tg.log(ratio) - 1


def _uniform(p: Uniform, q: Uniform) -> Tensor:
    inside = (q.low <= p.low) & (p.high <= q.high)
    return tg.where(inside, tg.log((q.high - q.low) / (p.high - p.low)), math.inf)


def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    return _if_possible(
        p.probs, p.logits + tg.logaddexp(q.logits, 0) - q.logits - tg.logaddexp(p.logits, 0), q.probs
    ) + (_if_possible(1 - p.probs, tg.logaddexp(q.logits, 0) - tg.logaddexp(p.logits, 0), 1 - q.probs))


def _categorical(p: Categorical, q: Categorical) -> Tensor:
    return _if_possible(p.probs, p.logits - q.logits, q.probs).sum(-1)


def _if_possible(probability: Tensor, further: Tensor, other: Tensor) -> Tensor:
    """probability · further, the share of one outcome: 0 if p never has it, infinite if only p can have it."""
    share = tg.where(probability == 0, 0, probability * further)
    return tg.where((other == 0) & (probability > 0), math.inf, share)


_DIVERGENCES: dict[type, Callable[[Any, Any], Tensor]] = {
    Normal: _normal,
    Laplace: _laplace,
    Exponential: _exponential,
    Uniform: _uniform,
    Bernoulli: _bernoulli,
    Categorical: _categorical,
}
