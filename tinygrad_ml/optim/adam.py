"""Adam and AdamW: steps of a size that does not depend on that of the gradient."""

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ..functional import maximum
from ..tensor import Tensor
from .optimizer import Optimizer, not_negative, penalised, require


class Adam(Optimizer):
    """θ ← θ - lr · m̂ / (√v̂ + ε), from running means of the gradient and of its square.

        m ← β₁·m + (1 - β₁)·g           m̂ = m / (1 - β₁ᵗ)
        v ← β₂·v + (1 - β₂)·g²          v̂ = v / (1 - β₂ᵗ)

    lr            about the largest change of a number in one step
    betas         (β₁, β₂), how slowly the two means forget
    eps           ε, keeps the division finite
    weight_decay  λ, adds λ·θ to the gradient
    amsgrad       divide by the largest v̂ so far (S. Reddi et al., 2018)
    maximize      climb instead of descending

    Source: D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization" (2015).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "amsgrad": amsgrad, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, lr=not_negative, eps=not_negative, weight_decay=not_negative, betas=two_fractions)

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        state: dict[str, float] = {"exp_avg": 0, "exp_avg_sq": 0}
        return {**state, "max_exp_avg_sq": 0} if group["amsgrad"] else state

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        correction1, correction2 = 1 - beta1**t, math.sqrt(1 - beta2**t)
        return {
            "fresh1": 1 - beta1,
            "beta2": beta2,
            "fresh2": 1 - beta2,
            # lr·m̂ / (√v̂ + ε) with both corrections put into numbers: section 2 of the paper, at its end.
            "rate": group["lr"] * correction2 / correction1,
            "eps": group["eps"] * correction2,
            "weight_decay": group["weight_decay"],
            "kept": 1 - group["lr"] * group["weight_decay"],
        }

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        return self._adam(p, penalised(g, p, n, group), state, n)

    def _adam(self, p, g, state, n):
        m, v, *peak = state
        m = m + (g - m) * n.fresh1
        v = v * n.beta2 + g * g * n.fresh2
        if peak:
            peak = [maximum(peak[0], v)]
        p = p - m * n.rate / ((peak[0] if peak else v).sqrt() + n.eps)
        return p, m, v, *peak


class AdamW(Adam):
    """Adam, with θ ← (1 - lr·λ)·θ beside it: the decay of weights does not go through the means of the gradient.

    The options are Adam's; `weight_decay` is 0.01 by default.
    Source: I. Loshchilov, F. Hutter, "Decoupled Weight Decay Regularization" (2019).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        maximize: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize)

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        return self._adam(p * n.kept if group["weight_decay"] else p, g, state, n)


def two_fractions(betas: tuple[float, float]) -> bool:
    """Whether betas are two numbers from 0 to below 1."""
    return len(betas) == 2 and all(0 <= beta < 1 for beta in betas)
