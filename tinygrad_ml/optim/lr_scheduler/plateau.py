"""A schedule that looks at how the training goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...errors import OptionError
from ..optimizer import Optimizer
from .base import LRScheduler, at_least, of_group, one_for_each


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` when a metric has not become better for more than `patience` epochs.

    mode            "min" or "max": which way is better
    threshold       how much better counts, as a part of the size of the best (threshold_mode "rel") or in numbers ("abs")
    cooldown        for how many epochs after a reduction no bad epoch counts
    min_lr          the rate stays above it; a number, or a list with one for each group
    eps             reductions by less are not made

    `step(metric)` reads the metric: on a GPU it waits for it. Where the best is below 0, "rel" asks for more than it
    too, by the threshold; PyTorch is content with less.
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
        at_least(0, patience=patience, cooldown=cooldown)
        self.mode, self.factor, self.patience, self.cooldown, self.eps = mode, factor, patience, cooldown, eps
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.min_lr = one_for_each(min_lr, optimizer, "min_lr")
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        self.optimizer, self.last_epoch = optimizer, 0

    @property
    def base_lrs(self) -> list[float]:
        """None: it only ever reduces what it finds."""
        return []

    def is_better(self, metric: float) -> bool:
        """Whether `metric` is better than the best so far, by more than the threshold."""
        sign = -1 if self.mode == "min" else 1
        if math.isinf(self.best):
            return sign * metric > sign * self.best
        margin = self.threshold * (abs(self.best) if self.threshold_mode == "rel" else 1)
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
            for i, group in enumerate(self.optimizer.param_groups):
                new = max(group["lr"] * self.factor, of_group(self.min_lr, i, "min_lr"))
                if group["lr"] - new > self.eps:
                    group["lr"] = new
