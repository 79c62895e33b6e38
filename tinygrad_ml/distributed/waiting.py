"""The one place where a process waits for others. So there is one place that must not hang.

MPI's own waiting cannot be left again: where a rank has died, slept or gone home, the others stay in it for good. Here
requests are only asked whether they are done (which is also what moves the data on), until they are, or the watcher tells
of a rank that has ended, or the time is over. Then it is asked who keeps us waiting, and what these do.

Read next: `supervision.py`, `ending.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Protocol

from ..errors import OptionError, RankError, TinygradError
from .supervision import Supervision, current, lost_error

DEFAULT_TIMEOUT = 600.0
"""Seconds to wait for the other ranks: longer than any of them should compute between two exchanges."""

# Data travels while requests are asked, in pieces: so they are asked without a pause at first, and then ever less often, with
# pauses of a thousandth of the time that it takes already.
_SECONDS_WITHOUT_PAUSE = 0.01
_LONGEST_PAUSE = 0.002
# What a rank has sent before it left may still be on its way.
_SECONDS_AFTER_SOMEBODY_LEFT = 1.0
_SECONDS_FOR_AN_ANSWER = 3.0

_timeout = [DEFAULT_TIMEOUT]


class Waitable(Protocol):
    """What can be asked whether it is done, as a request of MPI's."""

    def Test(self) -> bool:
        """Whether it is done."""
        ...


def set_timeout(seconds: float) -> None:
    """How long `until_done` waits where it is not told."""
    if not seconds > 0:
        raise OptionError(f"timeout={seconds}: give the seconds to wait for other ranks, more than 0")
    _timeout[0] = seconds


def until_done(requests: Waitable | Sequence[Waitable], what: str, timeout: float | None = None) -> None:
    """Wait until all requests are done.

    requests  nonblocking exchanges of MPI, one or several; none is done
    what      what is being done, in words that can follow "rank 1 was waiting to ...": "average the gradients of step 7"
    timeout   seconds (None: that of `distributed.init`)

    Raises `RankError`: the time is over, or a rank that is needed has ended. The requests are then left as they are.
    """
    several = list(requests) if isinstance(requests, Sequence) else [requests]
    supervision = current()
    try:
        if _done(several):
            return
        if supervision is not None:
            supervision.waits(what)
        _wait(several, what, _timeout[0] if timeout is None else timeout, supervision)
    except RuntimeError as error:
        if supervision is not None:
            supervision.failed = True
        if isinstance(error, TinygradError):
            raise
        raise failure(error, what) from error
    if supervision is not None:
        supervision.goes_on()


def failure(error: RuntimeError, what: str) -> RankError:
    """The error of a rank to which MPI itself says that it could not do something, with what the watcher knows of it."""
    supervision = current()
    if supervision is None:
        return RankError(f"MPI could not {what}: {error}")
    end = time.monotonic() + _SECONDS_FOR_AN_ANSWER
    while supervision.connected and not supervision.lost and time.monotonic() < end:
        time.sleep(0.01)
    return lost_error(supervision, what, 0.0) or RankError(f"MPI could not {what}: {error}")


def _wait(several: list[Waitable], what: str, limit: float, supervision: Supervision | None) -> None:
    """Ask until all are done, or there is a reason why they never will be."""
    began = time.monotonic()
    while not _done(several):
        if supervision is not None and (supervision.lost or supervision.left):
            error = lost_error(supervision, what, _SECONDS_AFTER_SOMEBODY_LEFT)
            if error is not None and not _done(several):
                raise error
        seconds = time.monotonic() - began
        if seconds > limit:
            error = _too_late(what, limit, supervision)
            if _done(several):
                return
            raise error
        if seconds > _SECONDS_WITHOUT_PAUSE:
            time.sleep(min(seconds / 1000, _LONGEST_PAUSE))
        else:
            os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)


def _done(requests: list[Waitable]) -> bool:
    """Whether all are done. Asking one moves the data of all."""
    return all(request.Test() for request in requests)


def _too_late(what: str, limit: float, supervision: Supervision | None) -> RankError:
    """The error of a rank that has waited too long: it names those that it waits for, and says what they do."""
    remedy = f"The limit is {limit:g} s; give a longer one by distributed.init(timeout=...) if they only compute"
    ranks: tuple[int, ...] = ()
    why = "the other ranks did not come"
    if supervision is not None:
        supervision.ask_for_the_late()
        end = time.monotonic() + _SECONDS_FOR_AN_ANSWER
        while supervision.late is None and supervision.connected and time.monotonic() < end:
            time.sleep(0.01)
        if supervision.late is not None:
            ranks, why = supervision.late
    rank = "this rank" if supervision is None else f"rank {supervision.rank}"
    return RankError(f"{why}. For {limit:g} s {rank} was waiting to {what}. {remedy}", ranks)
