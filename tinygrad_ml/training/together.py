"""A training whose batches are shared by several ranks: its sums are those of all of them, and so is what it saves.

Each rank counts the samples of its own parts. What an epoch says is added up when it ends. What is saved in the middle of one
keeps the sums of each rank beside the others: the same number of ranks goes on from them to the bit, and any other number
begins with their total.

Read before: `metrics.py`. Read next: `trainer.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..distributed import DataParallel, Group, Optimizer
from ..nn import Module
from ..tensor import Tensor


class Sums(Protocol):
    """What `Tally` is here: sums over samples, as tensors, and how many there were."""

    count: int

    @property
    def variables(self) -> list[Tensor]:
        """The sums."""
        ...

    def reset_state(self) -> None:
        """Make them 0."""

    def state_dict(self) -> dict[str, Any]:
        """A copy."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them from a copy."""


def group_of(model: Module, optimizer: Any) -> Group | None:
    """The ranks that train a model together, by what wraps it or its optimiser; None if there is only one."""
    for part in (model, optimizer):
        if isinstance(part, (DataParallel, Optimizer)) and part.group.size > 1:
            return part.group
    return None


def add_up(sums: Sums, group: Group | None) -> None:
    """Let the sums be those of all ranks, on each."""
    if group is not None:
        sums.count = sum(group.all_gather_object(sums.count))
        for variable in sums.variables:
            variable.assign(group.all_reduce(variable))


def state_of(sums: Sums, group: Group | None) -> dict[str, Any]:
    """What is to be saved of the sums: the same on all ranks."""
    own = sums.state_dict()
    return own if group is None else {"parts": group.all_gather_object(own)}


def load_into(sums: Sums, state: Mapping[str, Any], group: Group | None) -> None:
    """Count on from what `state_of` gave, on as many ranks or others."""
    parts: Sequence[Mapping[str, Any]] = state.get("parts", [state])
    rank, size = (0, 1) if group is None else (group.rank, group.size)
    if len(parts) == size:
        sums.load_state_dict(parts[rank])
        return
    sums.reset_state()
    if rank == 0:
        count, totals = 0, [variable * 1 for variable in sums.variables]
        for part in parts:
            sums.load_state_dict(part)
            count += sums.count
            totals = [total + variable for total, variable in zip(totals, sums.variables, strict=True)]
        sums.count = count
        for variable, total in zip(sums.variables, totals, strict=True):
            variable.assign(total)
