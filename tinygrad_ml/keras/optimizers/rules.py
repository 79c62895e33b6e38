"""Keras's updates where they differ from PyTorch's: each is the optimiser of `optim` with one function replaced.

SGDRule       the velocity holds the learning rate: v ← μ·v - lr·g, θ ← θ + v, instead of v ← μ·v + g, θ ← θ - lr·v.
              The two part ways when the learning rate changes
RMSpropRule   √(v + ε) instead of √v + ε, and the learning rate inside of the momentum
AdagradRule   √(s + ε) instead of √s + ε
AdamRule      ε is added to √v before the bias is corrected, instead of after it
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ... import optim
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
