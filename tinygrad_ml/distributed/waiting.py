"""The one place where a process waits for others. So there is one place that must not hang.

MPI's own waiting cannot be left again: where a rank has died, slept or gone home, the others stay in it for good. Here
requests are only asked whether they are done (which is also what moves the data on), until they are, or the time is over.

Read next: `group.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import RankError

if TYPE_CHECKING:
    from mpi4py.MPI import Request

DEFAULT_TIMEOUT = 600.0
"""Seconds to wait for the other ranks: longer than any of them should compute between two exchanges."""

# Data travels while requests are asked, so they are asked without a pause at first, and then ever less often.
_SECONDS_WITHOUT_PAUSE = 0.01
_LONGEST_PAUSE = 0.002


def until_done(requests: Request | Sequence[Request], what: str, timeout: float | None = None) -> None:
    """Wait until all requests are done.

    requests  nonblocking exchanges of MPI, one or several; none is done
    what      what is being done, in words that can follow "rank 1 was waiting to ...": "average the gradients of step 7"
    timeout   seconds (None: that of `distributed.init`)

    Raises `RankError`: the time is over, or a rank that is needed has ended. The requests are then left as they are.
    """
    several = list(requests) if isinstance(requests, Sequence) else [requests]
    if _done(several):
        return
    limit = DEFAULT_TIMEOUT if timeout is None else timeout
    began, pause = time.monotonic(), 0.0
    while not _done(several):
        seconds = time.monotonic() - began
        if seconds > limit:
            raise RankError(
                f"waited {seconds:.1f} s for the other ranks to {what}, and {limit:g} s is the limit; give a longer one by "
                f"distributed.init(timeout=...) if they only compute"
            )
        if seconds > _SECONDS_WITHOUT_PAUSE:
            pause = min(pause + 5e-5, _LONGEST_PAUSE)
            time.sleep(pause)
        else:
            os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)


def _done(requests: list[Request]) -> bool:
    """Whether all are done. Asking one moves the data of all."""
    return all(request.Test() for request in requests)
