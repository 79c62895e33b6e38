"""`tinygrad-ml train` in several processes: how they are started, who speaks, and how they agree to stop.

Read before: `../distributed/group.py`. Read next: `train.py`.
"""

from __future__ import annotations

import argparse
from typing import Any

from ..distributed import Group, init
from ..distributed.launching import launch
from ..distributed.mpi import rank_of_environment
from ..distributed.nccl import neighbours


def start(command: str, args: argparse.Namespace) -> int:
    """Run the command in `args.processes` processes on this machine; the exit code."""
    words = [command]
    for name, value in vars(args).items():
        if name != "run":
            option = "--" + name.replace("_", "-")
            words += [option] if value is None or value is True else [option, str(value)]
    return launch(args.processes, ["-m", "tinygrad_ml", *words])


def started() -> bool:
    """Whether this process was started as a rank."""
    return rank_of_environment() is not None


def join(processes: int | None) -> Group | None:
    """The group of the processes that were started together; None for one alone.

    Raises `RankError`: there are not as many as `processes`.
    """
    if not started() and processes in (None, 1):
        return None  # MPI is not asked
    group = init(processes)
    return group if group.size > 1 else None


def device_of(group: Group | None, gpus: int) -> str:
    """The device of this rank where there are so many GPUs on its machine: the ranks there take them in turn."""
    if gpus == 0:
        return "cpu"
    return f"gpu:{neighbours(group)[0] % gpus}" if group is not None else "gpu"


def cores_of(group: Group | None, cores: int) -> int:
    """How many of the cores of its machine are this rank's."""
    return cores if group is None else max(1, cores // neighbours(group)[1])


def of_first(group: Group | None, make: Any) -> Any:
    """What `make()` gives on rank 0, where alone it is called, on all ranks."""
    if group is None:
        return make()
    return group.broadcast_object(make() if group.rank == 0 else None)


class Consent:
    """A wish of one rank that all fulfil in the same place.

    Each rank asks as often as the others, and hears of a wish at the next question: so nobody waits for an answer.
    """

    def __init__(self, group: Group | None):
        self._group, self._asked = group, None
        self._what = "say whether it was asked to stop"

    def soon(self, wish: bool) -> bool:
        """Whether any rank had the wish when this was asked the last time; alone, whether it is there now."""
        if self._group is None:
            return wish
        before, group = self._asked, self._group
        self._asked = group.begin(self._what, group.talk.meeting(self._what, int(wish)))
        return before is not None and any(group.finish(before))

    def now(self, wish: bool) -> bool:
        """Whether any rank has the wish."""
        if self._group is None:
            return wish
        before, self._asked = self._asked, None
        told = before is not None and any(self._group.finish(before))
        return any(self._group.all_gather_object(wish)) or told
