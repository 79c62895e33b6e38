"""Keras's updates where they differ from PyTorch's: each is the optimiser of `optim` with one function replaced.

SGDRule       the velocity holds the learning rate: v ← μ·v - lr·g, θ ← θ + v, instead of v ← μ·v + g, θ ← θ - lr·v.
              The two part ways when the learning rate changes
RMSpropRule   √(v + ε) instead of √v + ε, and the learning rate inside of the momentum
AdagradRule   √(s + ε) instead of √s + ε
AdamRule      ε is added to √v before the bias is corrected, instead of after it
AdamaxRule    ε is added to u where it divides, instead of within the maximum
AdafactorRule v is kept as well, ε₁ is added to g², and the learning rate of a number is limited twice

Then those that PyTorch does not have: FtrlRule, LambRule, LionRule, ScheduleFreeRule, and MuonRule, which is Muon for some
groups of weights, and Adam for others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ... import optim
from ...functional import abs, clip, maximum, mean, norm, sign, sqrt, square
from ...optim.muon import orthogonalise
from ...optim.optimizer import require
from ...tensor import Tensor


class SGDRule(optim.SGD):
    """v ← μ·v - lr·g; θ ← θ + v, or with `nesterov` θ ← θ + μ·v - lr·g."""

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        if not state:
            return (p - g * n.lr,)
        (v,) = state
        v = v * n.momentum - g * n.lr
        return p + (v * n.momentum - g * n.lr if group["nesterov"] else v), v


class RMSpropRule(optim.RMSprop):
    """θ ← θ - s, s ← μ·s + lr·g / √(v + ε), where v ← α·v + (1 - α)·g²."""

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        v, *rest = state
        v = v * n.alpha + g * g * n.fresh
        new, square = [v], v
        if group["centered"]:
            mean = rest.pop()
            mean = mean * n.alpha + g * n.fresh
            square = v - mean * mean
        step = g * n.lr / (square + n.eps).sqrt()
        if group["momentum"]:
            step = rest.pop() * n.momentum + step
            new.append(step)
        if group["centered"]:
            new.append(mean)
        return p - step, *new


class AdagradRule(optim.Adagrad):
    """θ ← θ - lr·g / √(s + ε), where s ← s + g²."""

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        s = state[0] + g * g
        return p - g * n.lr / (s + n.eps).sqrt(), s


class AdamRule(optim.Adam):
    """θ ← θ - lr · √(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε)."""

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        return super().numbers(group, t) | {"eps": group["eps"]}


class AdamaxRule(optim.Adamax):
    """θ ← θ - lr / (1 - β₁ᵗ) · m / (u + ε), where u ← max(β₂·u, |g|)."""

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        m, u = state
        m = m + (g - m) * n.fresh1
        u = maximum(u * n.beta2, abs(g))
        return p - m * n.rate / (u + n.eps), m, u


class AdafactorRule(optim.Adafactor):
    """As `optim.Adafactor`, with r and c of g² + ε₁, and v a part of the state."""

    def check(self, group: Mapping[str, Any]) -> None:
        require(group, d=lambda d: d > 0)

    def shapes(self, p: Tensor, group: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
        if p.ndim < 2:
            return {"row_var": (), "col_var": (), "variance": p.shape}
        return {"row_var": p.shape[:-1], "col_var": (*p.shape[:-2], p.shape[-1]), "variance": p.shape}

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        rows, columns, v = state
        squares = square(g) + group["eps"][0]
        if p.ndim < 2:
            v = v + (squares - v) * n.fresh
        else:
            rows = rows + (mean(squares, axis=-1) - rows) * n.fresh
            columns = columns + (mean(squares, axis=-2) - columns) * n.fresh
            v = (rows / mean(rows, axis=-1, keepdims=True)).expand_dims(-1) * columns.expand_dims(-2)
        u = g / sqrt(v)
        alpha = maximum(sqrt(mean(square(p))), n.least) * n.rate
        return p - u * (alpha / maximum(sqrt(mean(square(u))) / n.limit, 1)), rows, columns, v


class FtrlRule(optim.Optimizer):
    """θ ← (clip(z, -l1, l1) - z) / (s^-p / lr + 2·l2 + beta / lr): see `descent.Ftrl`."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        power: float = -0.5,
        start: float = 0.1,
        l1: float = 0.0,
        l2: float = 0.0,
        shrinkage: float = 0.0,
        beta: float = 0.0,
    ):
        defaults = {"lr": lr, "power": power, "start": start, "l1": l1, "l2": l2, "shrinkage": shrinkage, "beta": beta}
        super().__init__(params, defaults)

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"accumulator": group["start"], "linear": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        lr = group["lr"]
        names = ("l1", "power", "shrinkage")
        return {
            **{name: group[name] for name in names},
            "lr": lr,
            "least": 2 * group["l2"] + group["beta"] / lr,
            "lowest": -group["l1"],
            "twice": 2 * group["shrinkage"],
            "raised": -group["power"],
        }

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        s, z = state
        new = s + g * g
        root, before = (new.sqrt(), s.sqrt()) if group["power"] == -0.5 else (new**n.raised, s**n.raised)
        pull = g + p * n.twice if group["shrinkage"] else g
        z = z + pull - (root - before) / n.lr * p
        kept = clip(z, n.lowest, n.l1) if group["l1"] else z * 0
        return (kept - z) / (root / n.lr + n.least), new, z


class LionRule(optim.Optimizer):
    """θ ← θ - lr · sign(β₁·m + (1 - β₁)·g); m ← β₂·m + (1 - β₂)·g."""

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.99)):
        super().__init__(params, {"lr": lr, "betas": betas})

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        return {"lr": group["lr"], "beta1": beta1, "fresh1": 1 - beta1, "beta2": beta2, "fresh2": 1 - beta2}

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        (m,) = state
        return p - sign(m * n.beta1 + g * n.fresh1) * n.lr, m * n.beta2 + g * n.fresh2


class _Means(optim.Optimizer):
    """What has two betas, and an ε, as Adam."""

    elementwise: bool = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        warmup_steps: int = 0,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "warmup_steps": warmup_steps})

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        return {
            "lr": group["lr"],
            "eps": group["eps"],
            "beta1": beta1,
            "fresh1": 1 - beta1,
            "fresh2": 1 - beta2,
            "correction2": 1 / (1 - beta2**t),
        }


class LambRule(_Means):
    """θ ← θ - lr · |θ| / |u| · u, u = m̂ / (√v̂ + ε); where one of both norms is 0, their quotient is 1."""

    elementwise = False

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0, "exp_avg_sq": 0}

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        return super().numbers(group, t) | {"correction1": 1 / (1 - group["betas"][0] ** t)}

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        m, v = state
        m = m + (g - m) * n.fresh1
        v = v + (g * g - v) * n.fresh2
        u = m * n.correction1 / (sqrt(v * n.correction2) + n.eps)
        size, length = norm(p), norm(u)
        both = (size > 0) & (length > 0)
        return p - u * (both.where(size, 1.0) / both.where(length, 1.0)) * n.lr, m, v


class ScheduleFreeRule(_Means):
    """θ = (1 - β₁)·z + β₁·x, z ← z - lr · g / (√v̂ + ε), x ← x + (z - x) / t. z begins as θ."""

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return {"z": 0, "exp_avg_sq": 0}

    def begin(self, p: Tensor, group: Mapping[str, Any]) -> list[str]:
        new = "z" not in self.state.get(p, ())
        names = super().begin(p, group)
        if new:
            self.state[p]["z"].assign(p.detach())
        return names

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        warm = min(t / group["warmup_steps"], 1) if group["warmup_steps"] else 1
        return super().numbers(group, t) | {"lr": group["lr"] * warm, "share": 1 / t, "rest": 1 - 1 / t}

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        z, v = state
        v = v + (g * g - v) * n.fresh2
        x = (p - z * n.fresh1) / n.beta1
        z = z - g * n.lr / ((v * n.correction2).sqrt() + n.eps)
        x = x * n.rest + z * n.share
        return z * n.fresh1 + x * n.beta1, z, v


class MuonRule(optim.Optimizer):
    """θ ← θ - lr·s·NS(m), m ← μ·m + g, s = rms_rate · √max(rows, columns); for groups with `adam` the update of `AdamRule`."""

    elementwise = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        ns_steps: int = 5,
        rms_rate: float | None = 0.2,
        adam_lr_ratio: float = 1,
        adam: bool = False,
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "momentum": momentum, "nesterov": nesterov, "adam": adam}
        others = {"ns_coefficients": ns_coefficients, "ns_steps": ns_steps, "rms_rate": rms_rate}
        super().__init__(params, {**defaults, **others, "adam_lr_ratio": adam_lr_ratio})

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        return dict.fromkeys(["exp_avg", "exp_avg_sq"] if group["adam"] else ["momentum_buffer"], 0)

    def numbers(self, group: Mapping[str, Any], t: int) -> dict[str, float]:
        beta1, beta2 = group["betas"]
        if not group["adam"]:
            return {"lr": group["lr"], "momentum": group["momentum"]}
        rate = group["lr"] * group["adam_lr_ratio"] * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        return {"rate": rate, "fresh1": 1 - beta1, "fresh2": 1 - beta2, "eps": group["eps"]}

    def update(self, p: Tensor, g: Tensor, state: tuple, n: SimpleNamespace, group: Mapping[str, Any]) -> tuple:
        if group["adam"]:
            m, v = state
            m, v = m + (g - m) * n.fresh1, v + (g * g - v) * n.fresh2
            return p - m * n.rate / (v.sqrt() + n.eps), m, v
        m = state[0] * n.momentum + g
        step = orthogonalise(m * n.momentum + g if group["nesterov"] else m, {**group, "eps": 1e-7})
        size = 1 if group["rms_rate"] is None else group["rms_rate"] * math.sqrt(max(p.shape))
        return p - step * n.lr * size, m
