"""What all schedules share: they own the "lr" of an optimiser's groups, and set it for each epoch.

Read next: `scaling.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import CheckpointError, OptionError
from ...modes import each_time
from ...spellings import Speller
from ..optimizer import Optimizer


class LRScheduler(Speller):
    """The base of schedules; a subclass says `lr(base, t, i)`, or, as in PyTorch, `get_lr()`.

    optimizer   whose groups' "lr" is set, at once and at each `step()`
    last_epoch  the number of the last epoch that was done, to go on from; -1 is the beginning

    A group's "initial_lr" is the rate that it had when the first schedule was made: the `base` of all of them. A group
    that is added later begins with the next `step()`. To go on from a file, load the state of the optimiser and of each
    schedule, in any order; or that of the optimiser alone, and give `last_epoch`.
    """

    remembered: tuple[str, ...] = ("last_epoch",)  # what `state_dict` holds beside the rates

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        self.optimizer, self._begins = _check(optimizer), False
        self.last_epoch: float = last_epoch
        for i, group in enumerate(optimizer.param_groups):
            if "initial_lr" not in group:
                group["initial_lr"] = group["lr"]
                optimizer.begun.add(i)
        self.begin()

    def lr(self, base: float, t: float, i: int) -> float:
        """The rate in epoch t = 0, 1, ... of group i, which began with `base`."""
        raise NotImplementedError(f"{type(self).__name__} must define lr(base, t, i), or get_lr()")

    def next_lr(self, lr: float, base: float, t: float, i: int) -> float:
        """The same, from the rate in epoch t - 1."""
        return self.lr(base, t, i)

    def first_lr(self, lr: float, base: float, t: float, i: int) -> float:
        """The same, from the rate that this schedule found when it was made."""
        return self.lr(base, t, i)

    def move(self, t: float) -> None:
        """Set what else changes from epoch to epoch."""

    @property
    def base_lrs(self) -> list[float]:
        """The rates that the groups began with."""
        return [group.setdefault("initial_lr", group["lr"]) for group in self.optimizer.param_groups]

    def get_lr(self) -> list[float]:
        """The rates of all groups in epoch `last_epoch`, from those that they have."""
        form = self.first_lr if self._begins else self.next_lr
        given = zip(self.optimizer.param_groups, self.base_lrs, strict=True)
        return [form(group["lr"], base, self.last_epoch, i) for i, (group, base) in enumerate(given)]

    def begin(self) -> None:
        """Set the rates of the epoch behind `last_epoch`, for the first time."""
        self._begins = True
        self.advance()
        self._begins = False

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to a given one. Call it at the end of the epoch, after the optimiser's steps."""
        each_time(lambda: self.advance(epoch))

    def advance(self, epoch: float | None = None) -> None:
        """What `step` does, as a part of another schedule's step."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = epoch is not None and type(self).lr is not LRScheduler.lr
        self._set(
            [self.lr(base, self.last_epoch, i) for i, base in enumerate(self.base_lrs)] if closed else self.get_lr()
        )
        self.move(self.last_epoch)

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            group["lr"] = rate

    def get_last_lr(self) -> list[float]:
        """The rates of all groups as they are now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs to go on from here; functions and options are not part of it."""
        kept = {name: getattr(self, name) for name in self.remembered}
        return {**kept, "base_lrs": self.base_lrs, "last_lr": self.get_last_lr()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned, at once: the optimiser has the rates that it had then.

        Raises `CheckpointError` for the state of another kind of schedule.
        """
        missing = [name for name in (*self.remembered, "base_lrs", "last_lr") if name not in state_dict]
        if missing:
            raise CheckpointError(
                f"the state has {', '.join(state_dict)}; {type(self).__name__} needs {', '.join(missing)} too: "
                f"is it of another schedule?"
            )
        for name in self.remembered:
            setattr(self, name, state_dict[name])
        bases = state_dict["base_lrs"]
        for group, base in zip(self.optimizer.param_groups, bases, strict=False):
            group["initial_lr"] = base
        self._set(state_dict["last_lr"])
        self.move(self.last_epoch)


def of_group(option: Any, i: int, name: str) -> Any:
    """What an option is for group i: it is one for all, or a list with one for each."""
    if not isinstance(option, (list, tuple)):
        return option
    if i >= len(option):
        raise OptionError(
            f"{name} is a list of {len(option)}, and the optimiser has a group {i + 1}: give one for each"
        )
    return option[i]


def one_for_each(option: Any, optimizer: Optimizer, name: str) -> Any:
    """The option, if it is one for all groups, or a list with as many as there are."""
    count = len(_check(optimizer).param_groups)
    if isinstance(option, (list, tuple)) and len(option) != count:
        raise OptionError(f"{name} is a list of {len(option)} for {count} groups of parameters: give one for each")
    return option


def at_least(least: float, **options: float) -> None:
    """`OptionError` for options that are smaller."""
    for name, value in options.items():
        if not value >= least:
            raise OptionError(f"{name}={value!r} is impossible: it must be {least} or more")


def _check(optimizer: Any) -> Optimizer:
    optimizer = getattr(optimizer, "optimizer", optimizer)  # of one that runs another, as over several ranks
    if not isinstance(optimizer, Optimizer):
        raise OptionError(f"a schedule needs an optimiser of tinygrad_ml.optim, not {type(optimizer).__name__}")
    return optimizer
