"""Optimisers that divide by the size that gradients had: Adagrad, RMSprop, Adadelta. Adam is in `adam.py`."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ..tensor import Tensor
from .optimizer import Optimizer, not_negative, penalised, require


class Adagrad(Optimizer):
    """θ ← θ - lr · g / (√s + ε), where s ← s + g²: the more a number has moved, the smaller its steps.

    lr                         the learning rate
    lr_decay                   δ, makes it lr / (1 + (t - 1)·δ) in the t-th step
    weight_decay               λ, adds λ·θ to the gradient
    initial_accumulator_value  what s starts from
    eps                        ε, keeps the division finite
    maximize                   climb instead of descending

    Source: J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods" (2011).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps, "maximize": maximize}
        super().__init__(params, {**defaults, "initial_accumulator_value": initial_accumulator_value})

    def check(self, group: Mapping[str, Any]) -> None:
        sizes = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
        require(group, **dict.fromkeys(sizes, not_negative))

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        return {"lr": lr, "eps": group["eps"], "weight_decay": group["weight_decay"]}

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        (s,) = state
        g = penalised(g, p, n, group)
        s = s + g * g
        return p - g * n.lr / (s.sqrt() + n.eps), s


class RMSprop(Optimizer):
    """θ ← θ - lr · g / (√v + ε), where v ← α·v + (1 - α)·g²: Adagrad that forgets.

    lr            the learning rate
    alpha         α, how slowly v forgets
    eps           ε, keeps the division finite
    weight_decay  λ, adds λ·θ to the gradient
    momentum      μ: the steps s, s ← μ·s + g / (√v + ε), go on
    centered      divide by the deviation √(v - ḡ²), ḡ the running mean of g, instead of √v
    maximize      climb instead of descending

    Source: T. Tieleman, G. Hinton, Lecture 6.5 of "Neural Networks for Machine Learning" (2012);
    centred: A. Graves, "Generating Sequences with Recurrent Neural Networks" (2013).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, {**defaults, "centered": centered, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, **dict.fromkeys(("lr", "alpha", "eps", "weight_decay", "momentum"), not_negative))

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        names = ["square_avg"] + ["momentum_buffer"] * bool(group["momentum"]) + ["grad_avg"] * group["centered"]
        return dict.fromkeys(names, 0)

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        names = ("lr", "alpha", "eps", "weight_decay", "momentum")
        return {**{name: group[name] for name in names}, "fresh": 1 - group["alpha"]}

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        v, *rest = state
        g = penalised(g, p, n, group)
        v = v * n.alpha + g * g * n.fresh
        square = v
        if group["centered"]:
            mean = rest.pop()
            mean = mean + (g - mean) * n.fresh
            square = v - mean * mean
        step = g / (square.sqrt() + n.eps)
        new = [v]
        if group["momentum"]:
            step = rest.pop() * n.momentum + step
            new.append(step)
        if group["centered"]:
            new.append(mean)
        return p - step * n.lr, *new


class Adadelta(Optimizer):
    """θ ← θ - lr · Δ, with Δ = g · √(u + ε) / √(v + ε): steps in the units of θ.

        v ← ρ·v + (1 - ρ)·g²            u ← ρ·u + (1 - ρ)·Δ²

    lr            scales the steps; 1 in the paper
    rho           ρ, how slowly the two means forget
    eps           ε, also what the first steps grow out of
    weight_decay  λ, adds λ·θ to the gradient
    maximize      climb instead of descending

    Source: M. Zeiler, "ADADELTA: An Adaptive Learning Rate Method" (2012).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        maximize: bool = False,
    ):
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, lr=not_negative, rho=lambda rho: 0 <= rho <= 1, eps=not_negative, weight_decay=not_negative)

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"square_avg": 0, "acc_delta": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        names = ("lr", "rho", "eps", "weight_decay")
        return {**{name: group[name] for name in names}, "fresh": 1 - group["rho"]}

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        v, u = state
        g = penalised(g, p, n, group)
        v = v * n.rho + g * g * n.fresh
        delta = g * (u + n.eps).sqrt() / (v + n.eps).sqrt()
        u = u * n.rho + delta * delta * n.fresh
        return p - delta * n.lr, v, u
