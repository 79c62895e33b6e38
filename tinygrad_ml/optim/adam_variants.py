"""What was made of Adam: NAdam, RAdam, Adamax. Adam itself is in `adam.py`."""

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ..functional import abs, maximum
from ..tensor import Tensor
from .adam import two_fractions
from .optimizer import Optimizer, not_negative, penalised, require


class NAdam(Optimizer):
    """Adam that looks ahead, as Nesterov's momentum does: θ ← θ - lr · m̂ / (√v̂ + ε), with v̂ of Adam and

        m ← β₁·m + (1 - β₁)·g           m̂ = μₜ₊₁·m / (1 - μ₁···μₜ₊₁) + (1 - μₜ)·g / (1 - μ₁···μₜ)

    where μᵢ = β₁·(1 - ½·0.96^(i·ψ)).

    lr                      about the largest change of a number in one step
    betas                   (β₁, β₂), how slowly the two means forget
    eps                     ε, keeps the division finite
    weight_decay            λ, adds λ·θ to the gradient
    momentum_decay          ψ, how fast the momentum grows
    decoupled_weight_decay  θ ← (1 - lr·λ)·θ instead, as in AdamW
    maximize                climb instead of descending

    Source: T. Dozat, "Incorporating Nesterov Momentum into Adam" (2016).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
        }
        super().__init__(params, {**defaults, "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        limits = dict.fromkeys(("lr", "eps", "weight_decay", "momentum_decay"), not_negative)
        require(group, betas=two_fractions, **limits)

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0, "exp_avg_sq": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        mu = lambda i: _momentum(beta1, group["momentum_decay"], i)  # noqa: E731
        product = product_of_momenta(beta1, group["momentum_decay"], t)
        return {
            "fresh1": 1 - beta1,
            "beta2": beta2,
            "fresh2": 1 - beta2,
            "ahead": group["lr"] * mu(t + 1) / (1 - product * mu(t + 1)),
            "now": group["lr"] * (1 - mu(t)) / (1 - product),
            "correction2": 1 / math.sqrt(1 - beta2**t),
            "eps": group["eps"],
            "weight_decay": group["weight_decay"],
            "kept": 1 - group["lr"] * group["weight_decay"],
        }

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        m, v = state
        p, g = decay(p, g, n, group)
        m = m + (g - m) * n.fresh1
        v = v * n.beta2 + g * g * n.fresh2
        return p - (m * n.ahead + g * n.now) / (v.sqrt() * n.correction2 + n.eps), m, v


class RAdam(Optimizer):
    """Adam whose first steps are those of momentum alone, until √v̂ can be relied on: θ ← θ - lr · r · m̂ / (√v̂ + ε),

        r² = (ρₜ - 4)(ρₜ - 2)·ρ / ((ρ - 4)(ρ - 2)·ρₜ)        ρ = 2 / (1 - β₂) - 1        ρₜ = ρ - 2t·β₂ᵗ / (1 - β₂ᵗ)

    with m̂ and v̂ of Adam; as long as ρₜ ≤ 5, θ ← θ - lr · m̂. (ε is added before v is corrected, as in PyTorch.)

    lr                      the learning rate
    betas                   (β₁, β₂), how slowly the two means forget
    eps                     ε, keeps the division finite
    weight_decay            λ, adds λ·θ to the gradient
    decoupled_weight_decay  θ ← (1 - lr·λ)·θ instead, as in AdamW
    maximize                climb instead of descending

    Source: L. Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond" (2020).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, lr=not_negative, eps=not_negative, weight_decay=not_negative, betas=two_fractions)

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0, "exp_avg_sq": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        correction2 = 1 - beta2**t
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * t * beta2**t / correction2
        relied_on = length > 5
        r = 1.0
        if relied_on:
            r = math.sqrt(
                (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length) * correction2
            )
        return {
            "fresh1": 1 - beta1,
            "beta2": beta2,
            "fresh2": 1 - beta2,
            "rate": group["lr"] * r / (1 - beta1**t),
            # The divisor is √v + ε, or 1.
            "of_root": float(relied_on),
            "added": group["eps"] if relied_on else 1.0,
            "weight_decay": group["weight_decay"],
            "kept": 1 - group["lr"] * group["weight_decay"],
        }

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        m, v = state
        p, g = decay(p, g, n, group)
        m = m + (g - m) * n.fresh1
        v = v * n.beta2 + g * g * n.fresh2
        return p - m * n.rate / (v.sqrt() * n.of_root + n.added), m, v


class Adamax(Optimizer):
    """θ ← θ - lr · m̂ / u: Adam with the largest of the recent gradients, u ← max(β₂·u, |g| + ε), in the place of √v̂.

    lr            the largest change of a number in one step
    betas         (β₁, β₂), how slowly m and u forget
    eps           ε, keeps the division finite
    weight_decay  λ, adds λ·θ to the gradient
    maximize      climb instead of descending

    Source: D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization" (2015), section 7.1.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        maximize: bool = False,
    ):
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        )

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, lr=not_negative, eps=not_negative, weight_decay=not_negative, betas=two_fractions)

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0, "exp_inf": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        names = ("eps", "weight_decay")
        numbers = {"fresh1": 1 - beta1, "beta2": beta2, "rate": group["lr"] / (1 - beta1**t)}
        return {**numbers, **{name: group[name] for name in names}}

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        m, u = state
        g = penalised(g, p, n, group)
        m = m + (g - m) * n.fresh1
        u = maximum(u * n.beta2, abs(g) + n.eps)
        return p - m * n.rate / u, m, u


def decay(p: Tensor, g: Tensor, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Parameter and gradient after the decay of weights, beside the gradient or within it."""
    if group["decoupled_weight_decay"] and group["weight_decay"]:
        return p * n.kept, g
    return p, penalised(g, p, n, group)


def _momentum(beta1: float, decay: float, i: int) -> float:
    """μᵢ of NAdam."""
    return beta1 * (1 - 0.5 * 0.96 ** (i * decay))


def product_of_momenta(beta1: float, momentum_decay: float, t: int) -> float:
    """μ₁ · μ₂ ··· μₜ of NAdam, as far as 1 minus it can tell."""
    product, i = 1.0, 1
    while i <= t and product > 1e-18:
        product, i = product * _momentum(beta1, momentum_decay, i), i + 1
    return product
