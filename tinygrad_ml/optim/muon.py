"""Muon: momentum whose steps are made orthogonal, for the matrices of hidden layers."""

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ..errors import OptionError
from ..functional import maximum, norm
from ..tensor import Tensor
from .optimizer import Optimizer, not_negative, require


class Muon(Optimizer):
    """θ ← (1 - lr·λ)·θ - lr·s·O, for matrices θ, O being nearly the orthogonal matrix next to the momentum.

        m ← μ·m + (1 - μ)·g        O = NS(m), with `nesterov` NS(μ·m + (1 - μ)·g)

    NS, for Newton and Schulz, divides a matrix by its norm, and brings its singular values near to 1:

        X ← a·X + (b·A + c·A²)·X,   A = X·Xᵀ,   `ns_steps` times

    All directions of a step are then as long as each other, not only those in which the gradient is large. Vectors,
    embeddings and the last layer are for another optimiser, such as AdamW.

    lr               the learning rate
    weight_decay     λ
    momentum         μ
    nesterov         look ahead
    ns_coefficients  (a, b, c)
    eps              the least norm to divide by
    ns_steps         how many steps of NS
    adjust_lr_fn     s for a matrix of n rows and m columns: "original", or None, √max(1, n / m);
                     "match_rms_adamw" 0.2·√max(n, m), steps as large as AdamW's

    Raises `OptionError` for parameters that are not matrices. PyTorch computes NS in bfloat16, this is in the
    parameter's dtype. Source: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024).
    """

    elementwise = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ):
        defaults = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov, "eps": eps}
        others = {"ns_coefficients": ns_coefficients, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn}
        super().__init__(params, {**defaults, **others})

    def check(self, group: Mapping[str, Any]) -> None:
        require(
            group,
            lr=not_negative,
            weight_decay=not_negative,
            momentum=not_negative,
            ns_coefficients=lambda three: len(three) == 3,
            ns_steps=lambda steps: 0 <= steps < 100,
            adjust_lr_fn=lambda name: name in (None, "original", "match_rms_adamw"),
        )
        for p in group["params"]:
            if p.ndim != 2:
                raise OptionError(f"Muon trains matrices, and not {p._described()}: give that to another optimiser")

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"momentum_buffer": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        kept = 1 - group["lr"] * group["weight_decay"]
        return {"lr": group["lr"], "kept": kept, "momentum": group["momentum"], "fresh": 1 - group["momentum"]}

    def update(
        self, p: Tensor, g: Tensor, state: tuple[Tensor, ...], n: SimpleNamespace, group: Mapping[str, Any]
    ) -> tuple[Tensor, ...]:
        (m,) = state
        m = m * n.momentum + g * n.fresh
        direction = orthogonalise(m * n.momentum + g * n.fresh if group["nesterov"] else m, group)
        rows, columns = p.shape
        as_adamw = group["adjust_lr_fn"] == "match_rms_adamw"
        size = 0.2 * math.sqrt(max(rows, columns)) if as_adamw else math.sqrt(max(1, rows / columns))
        return p * n.kept - direction * (n.lr * size), m


def orthogonalise(x: Tensor, group: Mapping[str, Any]) -> Tensor:
    """Nearly U·Vᵀ of x = U·S·Vᵀ: the singular values end somewhere from 0.7 to 1.2."""
    a, b, c = group["ns_coefficients"]
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / maximum(norm(x), group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.T
        x = x * a + (gram * b + gram @ gram * c) @ x
    return x.T if tall else x
