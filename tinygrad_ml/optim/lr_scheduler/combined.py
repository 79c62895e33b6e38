"""Several schedules of one optimiser: one after the other, or all at once. Read next: `plateau.py`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import CheckpointError, OptionError
from ..optimizer import Optimizer
from .base import LRScheduler
from .plateau import ReduceLROnPlateau


class _CombinedScheduler(LRScheduler):
    """What has other schedules."""

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], last_epoch: int):
        what = type(self).__name__
        self.schedulers = list(schedulers)
        for schedule in self.schedulers:
            if isinstance(schedule, ReduceLROnPlateau):
                raise OptionError(f"{what} has no metric to give to ReduceLROnPlateau: step that one by itself")
            if not isinstance(schedule, LRScheduler) or schedule.optimizer is not optimizer:
                raise OptionError(f"{what} needs schedules of one optimiser: that of one of them is another")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "schedulers": [schedule.state_dict() for schedule in self.schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        count = len(state_dict.get("schedulers", ()))
        if count != len(self.schedulers):
            raise CheckpointError(
                f"the state is of {count} schedules, and {type(self).__name__} has {len(self.schedulers)}"
            )
        for schedule, state in zip(self.schedulers, state_dict["schedulers"], strict=True):
            schedule.load_state_dict(state)
        super().load_state_dict(state_dict)


class ChainedScheduler(_CombinedScheduler):
    """All schedules at once, in their order: those that scale the rate multiply.

    >>> ChainedScheduler([ConstantLR(optimizer, 0.1, total_iters=5), ExponentialLR(optimizer, 0.9)])
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None):
        if not schedulers:
            raise OptionError("ChainedScheduler needs at least one schedule")
        self._made = False
        super().__init__(optimizer or schedulers[0].optimizer, schedulers, -1)
        self._made = True

    def advance(self, epoch: float | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._begins and not self._made:
            return  # each has begun when it was made
        for schedule in self.schedulers:
            schedule.begin() if self._begins else schedule.advance(epoch)


class SequentialLR(_CombinedScheduler):
    """One schedule after the other: schedule i from epoch `milestones[i - 1]` on, counting from 0 there.

    Each begins from the rate of the beginning.

    >>> SequentialLR(optimizer, [LinearLR(optimizer, 0.1), CosineAnnealingLR(optimizer, 50)], milestones=[5])
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ):
        if len(schedulers) != len(milestones) + 1:
            raise OptionError(
                f"SequentialLR of {len(schedulers)} schedules needs {len(schedulers) - 1} milestones, not {len(milestones)}"
            )
        self.milestones = list(milestones)
        super().__init__(optimizer, schedulers, last_epoch)

    def advance(self, epoch: float | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        index = bisect_right(self.milestones, self.last_epoch)
        schedule, inside = self.schedulers[index], self.last_epoch - (self.milestones[index - 1] if index else 0)
        if self._begins or inside == 0:
            self._set(self.base_lrs)
            schedule.last_epoch = -1
            schedule.begin()
        if inside > 0 and (self._begins or epoch is not None):
            schedule.advance(inside)
        elif inside > 0:
            schedule.advance()
