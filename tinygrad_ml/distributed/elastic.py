"""A training that goes on when a rank has ended: the others close ranks, and repeat what was not complete.

Ranks that train together have the same parameters, so nothing is lost with one of them. What the others need is to agree
on the step from which they go on: each keeps a copy of its state as of the last step that it has completed, and as one may
have completed a step in which another got an error, those that are behind take the copy of one that is ahead.

    group = distributed.init(elastic=True)
    elastic = distributed.Elastic(group, model, optimizer, loader)    # whose sampler is a distributed.Sampler

    def train():
        for x, y in loader:
            ...
            elastic.commit()

    elastic.run(train)

MPI has to play along, by what it calls user level failure mitigation (ULFM): `tinygrad-ml launch --elastic -n 4 train.py` with
Open MPI.

Read before: `survivors.py`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from .. import random
from ..errors import RankError
from .group import Group

Result = TypeVar("Result")


class Stateful(Protocol):
    """What can be copied and set back, as models, optimisers, schedulers and loaders."""

    def state_dict(self) -> Any:
        """What it is made of."""
        ...

    def load_state_dict(self, state: Any) -> Any:
        """Set it back."""
        ...


class Elastic:
    """The state of a training as of its last complete step, to which all ranks go back when one is lost.

    group  of `init(elastic=True)`; with any other one, and alone, errors are raised as ever
    parts  what has a state that changes: model, optimizer, scheduler, loader; the library's random numbers are added

    A batch counts as a whole or not at all. What a lost rank had of one that is not complete is divided among the others, and
    batches keep their size: so each sample counts once an epoch.

    commits  how many steps are complete
    """

    def __init__(self, group: Group, *parts: Stateful):
        self.group, self.parts, self.commits = group, parts, 0
        self._copy = self._state()

    def commit(self) -> None:
        """A step is complete: keep a copy of the state, in memory."""
        self.commits += 1
        self._copy = self._state()

    def run(self, train: Callable[[], Result]) -> Result:
        """Call `train`, and again from the last complete step on whenever a rank was lost; what it returns.

        Raises the `RankError`, where the group cannot do without the ranks that it names.
        """
        while True:
            try:
                return train()
            except RankError as lost:
                self.recover(lost)

    def recover(self, because: RankError) -> None:
        """Close ranks, and set all parts back to the last step that any of the others has completed.

        Raises `because`, where the group cannot do without the ranks that it names.
        """
        error = because
        while True:
            try:
                self.group.shrink(error)
                self._agree()
                return
            except RankError as another:
                if another is error:
                    raise
                error = another

    def _agree(self) -> None:
        """Set back to the copy of the rank that is ahead."""
        commits = self.group.all_gather_object(self.commits)
        self.commits = max(commits)
        if min(commits) < self.commits:
            self._copy = self.group.broadcast_object(self._copy, commits.index(self.commits))
        states, numbers = copy.deepcopy(self._copy)
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)
        random.set_state(numbers)

    def _state(self) -> tuple[list[Any], Any]:
        return copy.deepcopy(([part.state_dict() for part in self.parts], random.get_state()))
