"""Adafactor: Adam's second moments of a matrix, kept as the means of its rows and columns only."""

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ..functional import finfo, maximum, mean, sqrt, square
from ..tensor import Tensor
from .optimizer import Optimizer, not_negative, require


class Adafactor(Optimizer):
    """θ ← θ - α·u / max(1, rms(u) / d), with u = g / √v and α = max(ε₂, rms(θ)) · min(lr, 1 / √t).

        r ← r + t^β·(mean of g² over the columns - r)        c ← c + t^β·(mean of g² over the rows - c)

    v = r·c / mean(r), so that a matrix of n rows and m columns keeps n + m numbers; of more axes, the last two are these.
    A vector keeps v ← v + t^β·(g² - v) itself.

    lr            the largest rate, relative to the size of θ
    beta2_decay   β: how fast the means become slow
    eps           (ε₁, ε₂): the least √v, None for the precision of the dtype; and the least size of θ
    d             the largest rms(u) that a step may have
    weight_decay  λ: θ ← (1 - lr·λ)·θ first
    maximize      climb instead of descending

    Source: N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost" (2018).
    """

    elementwise = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "maximize": maximize})

    def check(self, group: Mapping[str, Any]) -> None:
        require(
            group,
            lr=not_negative,
            beta2_decay=lambda beta: beta <= 0,
            eps=lambda two: len(two) == 2 and (two[0] is None or two[0] >= 0) and two[1] >= 0,
            d=lambda d: d >= 1,
            weight_decay=not_negative,
        )

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"row_var": 0, "col_var": 0, "variance": 0}

    def shapes(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        if p.ndim < 2:
            return {"variance": p.shape}
        return {"row_var": (*p.shape[:-1], 1), "col_var": (*p.shape[:-2], 1, p.shape[-1])}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        lr = group["lr"]
        return {
            "fresh": t ** group["beta2_decay"],
            "rate": min(lr, 1 / math.sqrt(t)),
            "least": group["eps"][1],
            "limit": group["d"],
            "kept": 1 - lr * group["weight_decay"],
        }

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        least = finfo(p.dtype).eps if group["eps"][0] is None else group["eps"][0]
        alpha = maximum(_rms(p), n.least) * n.rate
        if group["weight_decay"]:
            p = p * n.kept
        if len(state) == 2:
            rows, columns = (
                kept + (mean(square(g), axis=axis, keepdims=True) - kept) * n.fresh
                for kept, axis in zip(state, (-1, -2), strict=True)
            )
            new = rows, columns
            v = rows * columns / maximum(mean(rows, axis=-2, keepdims=True), least)
        else:
            v = state[0] + (square(g) - state[0]) * n.fresh
            new = (v,)
        u = g / maximum(sqrt(v), least)
        return p - u * (alpha / maximum(_rms(u) / n.limit, 1)), *new


def _rms(x: Tensor) -> Tensor:
    """√ of the mean of squares."""
    return sqrt(mean(square(x)))
