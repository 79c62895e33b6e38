"""ASGD: the average of where stochastic gradient descent has been."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ..tensor import Tensor
from .optimizer import Optimizer, not_negative, penalised, require


class ASGD(Optimizer):
    """θ ← (1 - λ·η)·θ - η·g, with η = lr / (1 + λ·lr·(t - 1))^α; and θ̄, the average of θ from step t₀ on, beside it.

    lr            the learning rate of the first step
    lambd         λ, the decay of weights, and with it the rate's
    alpha         α, how fast the rate falls
    t0            t₀: until then θ̄ is θ
    weight_decay  adds as much of θ to the gradient
    maximize      climb instead of descending

    θ̄ is `optimizer.state[parameter]["ax"]`. Source: B. Polyak, A. Juditsky, "Acceleration of Stochastic Approximation by
    Averaging" (1992).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, lr=not_negative, weight_decay=not_negative)

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"ax": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        rate = group["lr"] / (1 + group["lambd"] * group["lr"] * (t - 1)) ** group["alpha"]
        fresh = 1 / max(1, t - 1 - group["t0"])
        return {
            "rate": rate,
            "kept": 1 - group["lambd"] * rate,
            "fresh": fresh,
            "old": 1 - fresh,
            "weight_decay": group["weight_decay"],
        }

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        (average,) = state
        g = penalised(g, p, n, group)
        p = p * n.kept - g * n.rate
        return p, average * n.old + p * n.fresh
