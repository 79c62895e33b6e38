"""Schedules that multiply the rate that they find: several of them on one optimiser multiply.

Each is a factor f, a function of the epoch, between the rate of the beginning and a lowest one, η (mostly 0):

    lr(t) = η + (base - η)·f(t)          so that          lr(t) = η + (lr(t - 1) - η)·f(t) / f(t - 1)

The second form is what `step()` does, as in PyTorch: it keeps what others did to the rate, be it another schedule, a
reduction on a plateau, or a line of yours. Read next: `cycles.py`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from ...errors import OptionError
from ..optimizer import Optimizer
from .base import LRScheduler, at_least, of_group, one_for_each


class ScalingLR(LRScheduler):
    """The base of those; a subclass says `factor(t, i)`."""

    eta_min = 0.0

    def factor(self, t: float, i: int) -> float:
        """f(t), in epoch t of group i."""
        raise NotImplementedError(f"{type(self).__name__} must define factor(t, i)")

    def lr(self, base: float, t: float, i: int) -> float:
        return self._scale(base, self.factor(t, i))

    def first_lr(self, lr: float, base: float, t: float, i: int) -> float:
        # The rate of an optimiser that has loaded its state is that of the epoch already.
        return self._scale(lr, self.factor(t, i)) if t == 0 or i in self.optimizer.begun else lr

    def next_lr(self, lr: float, base: float, t: float, i: int) -> float:
        before, now = self.factor(t - 1, i), self.factor(t, i)
        if before == 0:  # nothing is left to multiply
            return lr + (base - self.eta_min) * now
        return self._scale(lr, now / before)

    def _scale(self, lr: float, part: float) -> float:
        return lr if part == 1 else self.eta_min + (lr - self.eta_min) * part


class StepLR(ScalingLR):
    """base · γ^⌊t / step_size⌋: multiplied by γ every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        at_least(1, step_size=step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float, i: int) -> float:
        return self.gamma ** (t // self.step_size)


class MultiStepLR(ScalingLR):
    """base · γ^(how many of the `milestones` have been reached)."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float, i: int) -> float:
        return self.gamma ** bisect_right(self.milestones, t)


class ExponentialLR(ScalingLR):
    """base · γᵗ."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float, i: int) -> float:
        return self.gamma**t

    def next_lr(self, lr: float, base: float, t: float, i: int) -> float:
        return lr * self.gamma  # γᵗ itself is 0 one day


class MultiplicativeLR(ScalingLR):
    """base · λ(1) · λ(2) · ... · λ(t), λ being a function of yours, or a list with one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable | Sequence[Callable], last_epoch: int = -1):
        self.lr_lambda = one_for_each(lr_lambda, optimizer, "lr_lambda")
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float, i: int) -> float:
        return math.prod(of_group(self.lr_lambda, i, "lr_lambda")(epoch) for epoch in range(1, int(t) + 1))

    def next_lr(self, lr: float, base: float, t: float, i: int) -> float:
        return lr * of_group(self.lr_lambda, i, "lr_lambda")(t)


class ConstantLR(ScalingLR):
    """base times `factor` for `total_iters` epochs, and base from then on."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1):
        if not 0 <= factor <= 1:
            raise OptionError(f"factor={factor!r} is impossible: it must be from 0 to 1")
        at_least(1, total_iters=total_iters)
        self.beginning, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float, i: int) -> float:
        return self.beginning if t < self.total_iters else 1.0


class LinearLR(ScalingLR):
    """base times a factor that goes straight from `start_factor` to `end_factor` in `total_iters` epochs, and stays."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        if not 0 < start_factor <= 1 or not 0 <= end_factor <= 1:
            raise OptionError(f"LinearLR needs factors up to 1, the first above 0, not {start_factor} and {end_factor}")
        at_least(1, total_iters=total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float, i: int) -> float:
        way = min(t, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * way


class PolynomialLR(ScalingLR):
    """base · (1 - t / total_iters)^power, down to 0 in `total_iters` epochs."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1):
        at_least(1, total_iters=total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float, i: int) -> float:
        return (1 - min(t, self.total_iters) / self.total_iters) ** self.power


class CosineAnnealingLR(ScalingLR):
    """η + ½ (base - η)(1 + cos(π t / T)), η being `eta_min`: down half a wave in T = `T_max` epochs, and up again.

    Source: I. Loshchilov, F. Hutter, "SGDR" (2017), without its restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        at_least(1, T_max=T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def factor(self, t: float, i: int) -> float:
        return (1 + math.cos(math.pi * t / self.T_max)) / 2
