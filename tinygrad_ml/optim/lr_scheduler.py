"""Learning rate schedules: the rate as a function of the epoch (or of the step: of how often `step()` was called).

All but one are functions of the rate a group began with and of the number of the epoch, and of nothing
else, so they can be put one behind another (`SequentialLR`), plotted without training, and resumed
from a single number.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import OptionError
from ..modes import each_time
from .optimizer import Optimizer


class LRScheduler:
    """The base of schedules; a subclass says `lr(base, t)`, or `lrs(t)`.

    optimizer   whose groups' "lr" is set, at once and at each `step()`
    last_epoch  the number of the last epoch that was done, to go on from; -1 is the beginning
    """

    remembered: tuple[str, ...] = ("last_epoch",)  # what `state_dict` holds

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        self.optimizer, self.last_epoch = optimizer, last_epoch
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.step()

    def lr(self, base: float, t: float) -> float:
        """The rate in epoch t = 0, 1, ... of a group that began with `base`."""
        raise NotImplementedError

    def lrs(self, t: float) -> list[float]:
        """The rates of all groups in epoch t."""
        return [self.lr(base, t) for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to a given one. Call it behind the epoch, after the optimiser's steps."""
        each_time(lambda: self._step(epoch))

    def _step(self, epoch: float | None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        for group, lr in zip(self.optimizer.param_groups, self.lrs(self.last_epoch), strict=True):
            group["lr"] = lr

    def get_last_lr(self) -> list[float]:
        """The rates of all groups as they are now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here; functions and options are not part of it."""
        return {name: getattr(self, name) for name in (*self.remembered, "base_lrs")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned. The rates themselves are in the state of the optimiser."""
        for name in (*self.remembered, "base_lrs"):
            setattr(self, name, state_dict[name])


class LambdaLR(LRScheduler):
    """base · λ(t), λ being a function of yours, or a list with one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable | Sequence[Callable], last_epoch: int = -1):
        count = len(optimizer.param_groups)
        self.lr_lambdas = list(lr_lambda) if isinstance(lr_lambda, (list, tuple)) else [lr_lambda] * count
        if len(self.lr_lambdas) != count:
            raise OptionError(f"LambdaLR got {len(self.lr_lambdas)} functions for {count} groups of parameters")
        super().__init__(optimizer, last_epoch)

    def lrs(self, t):
        return [base * function(t) for base, function in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class StepLR(LRScheduler):
    """base · γ^⌊t / step_size⌋: multiplied by γ every `step_size` epochs."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def lr(self, base, t):
        return base * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    """base · γ^(how many of the `milestones` have been reached)."""

    def __init__(self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def lr(self, base, t):
        return base * self.gamma ** bisect_right(self.milestones, t)


class ExponentialLR(LRScheduler):
    """base · γᵗ."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def lr(self, base, t):
        return base * self.gamma**t


class LinearLR(LRScheduler):
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
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def lr(self, base, t):
        way = min(t, self.total_iters) / self.total_iters
        return base * (self.start_factor + (self.end_factor - self.start_factor) * way)


class CosineAnnealingLR(LRScheduler):
    """η + ½ (base - η)(1 + cos(π t / T)), η being `eta_min`: down half a wave in T = `T_max` epochs.

    Source: I. Loshchilov, F. Hutter, "SGDR" (2017), without its restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def lr(self, base, t):
        return _half_wave(base, self.eta_min, t / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half waves one after the other, the first of `T_0` epochs, each `T_mult` times as long as the one before.

    `step(epoch)` takes fractions of epochs too. Source: I. Loshchilov, F. Hutter, "SGDR" (2017).
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        if T_0 <= 0 or T_mult < 1:
            raise OptionError(
                f"CosineAnnealingWarmRestarts needs T_0 > 0 and T_mult of 1 or more, not {T_0} and {T_mult}"
            )
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def lr(self, base, t):
        length = self.T_0
        while t >= length and self.T_mult > 1:
            t, length = t - length, length * self.T_mult
        return _half_wave(base, self.eta_min, t % length / length)


def _half_wave(top: float, bottom: float, way: float) -> float:
    """From `top` at way = 0 along a cosine to `bottom` at way = 1."""
    return bottom + (top - bottom) * (1 + math.cos(math.pi * way)) / 2


def _straight(top: float, bottom: float, way: float) -> float:
    return top + (bottom - top) * way


class OneCycleLR(LRScheduler):
    """Up to `max_lr`, and down to almost nothing; one `step()` a batch. The momentum goes the other way.

    max_lr            the largest rate, or a list with one for each group
    total_steps       how many steps there are; or give `epochs` and `steps_per_epoch`
    pct_start         the part of them in which the rate rises
    anneal_strategy   "cos" or "linear"
    cycle_momentum    whether to move the momentum (SGD, RMSprop) or β₁ (Adam) between max_ and base_momentum
    div_factor        the rate begins at max_lr / div_factor
    final_div_factor  and ends at that divided by final_div_factor
    three_phase       down to the beginning at the pace of the rise, and only then to the end

    Raises `OptionError` for a step after the last. Source: L. Smith, N. Topin, "Super-Convergence" (2017).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise OptionError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        curves = {"cos": _half_wave, "linear": _straight}
        if anneal_strategy not in curves:
            raise OptionError(f"anneal_strategy={anneal_strategy!r} is not 'cos' or 'linear'")
        groups = optimizer.param_groups
        if cycle_momentum and not all("betas" in group or "momentum" in group for group in groups):
            raise OptionError(f"{type(optimizer).__name__} has no momentum: use OneCycleLR with cycle_momentum=False")
        self.total_steps, self._curve, self.cycle_momentum = total_steps, curves[anneal_strategy], cycle_momentum
        low, high = base_momentum, max_momentum
        rise = float(pct_start * total_steps) - 1
        self.max_lrs = list(max_lr) if isinstance(max_lr, (list, tuple)) else [max_lr] * len(groups)
        start, end = 1 / div_factor, 1 / (div_factor * final_div_factor)
        # (where the phase ends, the rate there as a part of max_lr, the momentum there), after the point of start
        self._points = [(0.0, start, high), (rise, 1.0, low)]
        if three_phase:
            self._points.append((2 * rise, start, high))
        self._points.append((total_steps - 1.0, end, high))
        super().__init__(optimizer, last_epoch)

    def _at(self, t: float) -> tuple[float, float]:
        """The rate as a part of max_lr, and the momentum."""
        if t > self.total_steps:  # the step after the last batch is made, and used by nobody
            raise OptionError(f"OneCycleLR was made for {self.total_steps} steps, and was asked for one more")
        index = next(i for i, (end, _, _) in enumerate(self._points) if i and (t <= end or i == len(self._points) - 1))
        (begin, rate0, momentum0), (end, rate1, momentum1) = self._points[index - 1 : index + 1]
        way = (t - begin) / (end - begin)
        return self._curve(rate0, rate1, way), self._curve(momentum0, momentum1, way)

    def lrs(self, t):
        rate, momentum = self._at(t)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
        return [rate * top for top in self.max_lrs]


class SequentialLR(LRScheduler):
    """One schedule after the other: schedule i from epoch `milestones[i - 1]` on, counting from 0 there.

    >>> SequentialLR(optimizer, [LinearLR(optimizer, 0.1), CosineAnnealingLR(optimizer, 50)], milestones=[5])
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ):
        if len(schedulers) != len(milestones) + 1:
            raise OptionError(
                f"SequentialLR of {len(schedulers)} schedules needs {len(schedulers) - 1} milestones, not {len(milestones)}"
            )
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer, last_epoch)

    def lrs(self, t):
        index = bisect_right(self.milestones, t)
        return self.schedulers[index].lrs(t - self.milestones[index - 1] if index else t)


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` when a metric has not become better for more than `patience` epochs.

    mode            "min" or "max": which way is better
    threshold       how much better counts, as a part of the best (threshold_mode "rel") or in numbers ("abs")
    cooldown        for how many epochs after a reduction no bad epoch counts
    min_lr          the rate stays above it; a number, or a list with one for each group
    eps             reductions by less are not made

    `step(metric)` reads the metric: on a GPU it waits for it.
    """

    remembered = ("last_epoch", "best", "num_bad_epochs", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ):
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise OptionError(f"mode={mode!r} must be 'min' or 'max', threshold_mode={threshold_mode!r} 'rel' or 'abs'")
        if factor >= 1:
            raise OptionError(f"factor={factor} would not reduce the rate; it must be below 1")
        self.mode, self.factor, self.patience, self.cooldown, self.eps = mode, factor, patience, cooldown, eps
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.min_lrs = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * len(optimizer.param_groups)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        self.optimizer, self.last_epoch, self.base_lrs = optimizer, 0, []

    def is_better(self, metric: float) -> bool:
        """Whether `metric` is better than the best so far, by more than the threshold."""
        sign = -1 if self.mode == "min" else 1
        if math.isinf(self.best):
            return sign * metric > sign * self.best
        margin = self.threshold * (self.best if self.threshold_mode == "rel" else 1)
        return sign * metric > sign * self.best + margin

    def step(self, metrics: Any) -> None:
        """Count an epoch that ended with this metric."""
        metric = float(metrics)
        self.last_epoch += 1
        if self.is_better(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
        if self.num_bad_epochs > self.patience:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
            for group, low in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                new = max(group["lr"] * self.factor, low)
                if group["lr"] - new > self.eps:
                    group["lr"] = new
