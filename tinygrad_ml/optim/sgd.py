"""Stochastic gradient descent, with momentum."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ..errors import OptionError
from ..tensor import Tensor
from .optimizer import Optimizer, not_negative, penalised, require


class SGD(Optimizer):
    """θ ← θ - lr · g; with momentum μ, θ ← θ - lr · v, where v ← μ·v + (1 - τ)·g.

    lr            the learning rate
    momentum      μ, how much of the last step goes on
    dampening     τ; not in the first step, in which v = g
    weight_decay  λ, adds λ·θ to the gradient
    nesterov      step along g + μ·v instead of v (Y. Nesterov, 1983); needs momentum, and no dampening
    maximize      climb instead of descending

    Source: I. Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "nesterov": nesterov, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, lr=not_negative, momentum=not_negative, weight_decay=not_negative)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise OptionError("nesterov=True needs a momentum above 0, and dampening=0")

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"momentum_buffer": 0} if group["momentum"] else {}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        fresh = 1.0 if t == 1 else 1 - group["dampening"]
        return {"lr": group["lr"], "momentum": group["momentum"], "fresh": fresh, "weight_decay": group["weight_decay"]}

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        g = penalised(g, p, n, group)
        if not state:
            return (p - g * n.lr,)
        (v,) = state
        v = v * n.momentum + (g * n.fresh if group["dampening"] else g)
        step = g + v * n.momentum if group["nesterov"] else v
        return p - step * n.lr, v
