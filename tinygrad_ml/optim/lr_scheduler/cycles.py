"""Schedules that say what the rate is, whatever it was: in waves, or by a function of yours.

Of two of them on one optimiser the one that steps last decides; those of `scaling.py` multiply what they find.
Read next: `combined.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ...errors import OptionError
from ..optimizer import Optimizer
from .base import LRScheduler, at_least, of_group, one_for_each

PerGroup = float | Sequence[float]


class LambdaLR(LRScheduler):
    """base · λ(t), λ being a function of yours, or a list with one for each group."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable | Sequence[Callable], last_epoch: int = -1):
        self.lr_lambda = one_for_each(lr_lambda, optimizer, "lr_lambda")
        super().__init__(optimizer, last_epoch)

    def lr(self, base: float, t: float, i: int) -> float:
        return base * of_group(self.lr_lambda, i, "lr_lambda")(t)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half waves one after the other, the first of `T_0` epochs, each `T_mult` times as long as the one before.

    `step(epoch)` takes fractions of epochs too. Source: I. Loshchilov, F. Hutter, "SGDR" (2017).
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1):
        at_least(1, T_0=T_0, T_mult=T_mult)
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def lr(self, base: float, t: float, i: int) -> float:
        length = self.T_0
        while t >= length and self.T_mult > 1:
            t, length = t - length, length * self.T_mult
        return half_wave(base, self.eta_min, t % length / length)


def half_wave(top: float, bottom: float, way: float) -> float:
    """From `top` at way = 0 along a cosine to `bottom` at way = 1."""
    return bottom + (top - bottom) * (1 + math.cos(math.pi * way)) / 2


def straight(top: float, bottom: float, way: float) -> float:
    """From `top` at way = 0 on a line to `bottom` at way = 1."""
    return top + (bottom - top) * way


class _WithMomentum(LRScheduler):
    """A schedule that moves the momentum (SGD, RMSprop), or β₁ (Adam), against the rate.

    cycle_momentum                whether it does
    base_momentum, max_momentum   between which it moves; numbers, or lists with one for each group
    """

    def __init__(self, optimizer: Optimizer, momenta: tuple[bool, PerGroup, PerGroup], last_epoch: int):
        self.cycle_momentum, low, high = momenta
        self.base_momentum = one_for_each(low, optimizer, "base_momentum")
        self.max_momentum = one_for_each(high, optimizer, "max_momentum")
        if self.cycle_momentum and not {"betas", "momentum"} & set(optimizer.defaults):
            what = type(self).__name__
            raise OptionError(f"{type(optimizer).__name__} has no momentum: use {what} with cycle_momentum=False")
        super().__init__(optimizer, last_epoch)

    def momentum(self, t: float, low: float, high: float) -> float:
        """The momentum in epoch t."""
        raise NotImplementedError

    def move(self, t: float) -> None:
        if not self.cycle_momentum:
            return
        for i, group in enumerate(self.optimizer.param_groups):
            bounds = of_group(self.base_momentum, i, "base_momentum"), of_group(self.max_momentum, i, "max_momentum")
            momentum = self.momentum(t, *bounds)
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            else:
                group["momentum"] = momentum


class OneCycleLR(_WithMomentum):
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
        max_lr: PerGroup,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: PerGroup = 0.85,
        max_momentum: PerGroup = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise OptionError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
            at_least(1, epochs=epochs, steps_per_epoch=steps_per_epoch)
            total_steps = epochs * steps_per_epoch
        at_least(1, total_steps=total_steps)
        curves = {"cos": half_wave, "linear": straight}
        if anneal_strategy not in curves:
            raise OptionError(f"anneal_strategy={anneal_strategy!r} is not 'cos' or 'linear'")
        if not 0 <= pct_start <= 1:
            raise OptionError(f"pct_start={pct_start!r} is impossible: it is a part of the steps, from 0 to 1")
        if not div_factor > 0 or not final_div_factor > 0:
            raise OptionError(f"div_factor={div_factor!r} and final_div_factor={final_div_factor!r} must be above 0")
        self.total_steps, self._curve, self.div_factor = total_steps, curves[anneal_strategy], div_factor
        self.max_lr = one_for_each(max_lr, optimizer, "max_lr")
        rise = float(pct_start * total_steps) - 1
        start, end = 1 / div_factor, 1 / (div_factor * final_div_factor)
        # (where the phase ends, the rate there as a part of max_lr, the momentum there: 0 low, 1 high), after the start
        self._points = [(0.0, start, 1.0), (rise, 1.0, 0.0)]
        if three_phase:
            self._points.append((2 * rise, start, 1.0))
        self._points.append((total_steps - 1.0, end, 1.0))
        if last_epoch == -1:
            for i, group in enumerate(optimizer.param_groups):
                group["initial_lr"] = of_group(max_lr, i, "max_lr") / div_factor
        super().__init__(optimizer, (cycle_momentum, base_momentum, max_momentum), last_epoch)

    def _at(self, t: float) -> tuple[float, float]:
        """The rate as a part of max_lr, and the momentum as a part of the way up."""
        if t > self.total_steps:  # the step after the last batch is made, and used by nobody
            raise OptionError(f"OneCycleLR was made for {self.total_steps} steps, and was asked for one more")
        index = next(i for i, (end, _, _) in enumerate(self._points) if i and (t <= end or i == len(self._points) - 1))
        (begin, rate0, momentum0), (end, rate1, momentum1) = self._points[index - 1 : index + 1]
        way = (t - begin) / (end - begin) if end > begin else 1.0
        return self._curve(rate0, rate1, way), self._curve(momentum0, momentum1, way)

    def lr(self, base: float, t: float, i: int) -> float:
        return self._at(t)[0] * of_group(self.max_lr, i, "max_lr")

    def momentum(self, t: float, low: float, high: float) -> float:
        return low + (high - low) * self._at(t)[1]


class CyclicLR(_WithMomentum):
    """Up from `base_lr` to `max_lr` and down again, over and over; one `step()` a batch. The momentum goes the other way.

    base_lr, max_lr   numbers, or lists with one for each group
    step_size_up      how many steps up
    step_size_down    and down: as many, unless it is given
    mode              "triangular": the same each time; "triangular2": half as far each time;
                      "exp_range": `gamma`ᵗ times as far after t steps
    scale_fn          instead of a mode, a function of yours that says how far: of the number of the cycle, from 1 on,
                      or of the step, as `scale_mode` says: "cycle" or "iterations"
    cycle_momentum    whether to move the momentum (SGD, RMSprop) or β₁ (Adam) between max_ and base_momentum

    Source: L. Smith, "Cyclical Learning Rates for Training Neural Networks" (2017).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: PerGroup,
        max_lr: PerGroup,
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: PerGroup = 0.8,
        max_momentum: PerGroup = 0.9,
        last_epoch: int = -1,
    ):
        modes = {
            "triangular": (lambda cycle: 1.0, "cycle"),
            "triangular2": (lambda cycle: 2.0 ** (1 - cycle), "cycle"),
            "exp_range": (lambda step: gamma**step, "iterations"),
        }
        if scale_fn is None and mode not in modes:
            raise OptionError(
                f"mode={mode!r} is not 'triangular', 'triangular2' or 'exp_range', and scale_fn is not given"
            )
        if scale_mode not in ("cycle", "iterations"):
            raise OptionError(f"scale_mode={scale_mode!r} is not 'cycle' or 'iterations'")
        self.step_size_up = step_size_up
        self.step_size_down = step_size_up if step_size_down is None else step_size_down
        at_least(1, step_size_up=step_size_up)
        at_least(0, step_size_down=self.step_size_down)
        self._scale, self.scale_mode = modes[mode] if scale_fn is None else (scale_fn, scale_mode)
        self.base_lr = one_for_each(base_lr, optimizer, "base_lr")
        self.max_lr = one_for_each(max_lr, optimizer, "max_lr")
        if last_epoch == -1:
            for i, group in enumerate(optimizer.param_groups):
                group["lr"] = of_group(base_lr, i, "base_lr")
        super().__init__(optimizer, (cycle_momentum, base_momentum, max_momentum), last_epoch)

    def _height(self, t: float) -> float:
        """How far up: 1 is max_lr."""
        cycle, step = divmod(t, self.step_size_up + self.step_size_down)
        rising = step <= self.step_size_up
        way = step / self.step_size_up if rising else 1 - (step - self.step_size_up) / self.step_size_down
        return way * self._scale(1 + cycle if self.scale_mode == "cycle" else t)

    def lr(self, base: float, t: float, i: int) -> float:
        low, high = of_group(self.base_lr, i, "base_lr"), of_group(self.max_lr, i, "max_lr")
        return low + (high - low) * self._height(t)

    def momentum(self, t: float, low: float, high: float) -> float:
        return high - (high - low) * self._height(t)
