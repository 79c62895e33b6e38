"""How a rank ends: so that the others hear of it, and nobody stays behind waiting.

An error that nobody catches is told to the watcher and ends all ranks (`MPI_Abort`), after a moment in which the others
end by an error of their own. A rank that comes to the end of its program waits there for the others, without using a
processor, because MPI would wait for them in any case, and use one.

Read next: `supervision.py`.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
import traceback
from types import TracebackType
from typing import TYPE_CHECKING

from ..errors import RankError
from .supervision import Supervision, current, line_of, meet
from .waiting import set_timeout, until_done

if TYPE_CHECKING:
    from mpi4py.MPI import Comm

_SECONDS_FOR_THE_OTHERS = 0.5
_PAUSE = 0.02


class Ending:
    """What is done when this rank ends.

    comm         all ranks
    supervision  its connection to the watcher
    elastic      whether the others go on without it: then its own end is not theirs
    """

    def __init__(self, comm: Comm, supervision: Supervision, elastic: bool):
        self.comm, self.supervision, self.elastic = comm, supervision, elastic
        self._print = sys.excepthook
        self._has_raised = False
        sys.excepthook = self.by_an_error
        atexit.register(self.by_coming_to_the_end)

    def by_an_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Print it, tell it, and end: an excepthook."""
        others = isinstance(error, RankError)
        if others:
            where = line_of(reversed(list(traceback.walk_tb(trace))))
            sys.stderr.write(f"tinygrad_ml: rank {self.supervision.rank} ends in {where}: {error}\n")
        else:
            self._print(kind, error, trace)
        if not self.supervision.own_process:
            return
        self._has_raised = True
        text = str(error).strip().splitlines()
        said = f"{kind.__name__}: {text[0]}" if text else kind.__name__
        self.supervision.raised(str(error) if others else said, others)
        self._abort(130 if issubclass(kind, KeyboardInterrupt) else 1)

    def by_coming_to_the_end(self) -> None:
        """Wait until all ranks have done so; end all if one has not."""
        if self._has_raised or not self.supervision.own_process:
            return
        self.supervision.leaves()
        while self.supervision.connected and not self.supervision.over and not self.supervision.lost:
            self.comm.Iprobe()  # what others still wait for may lie in our buffers
            time.sleep(_PAUSE)
        if self.supervision.lost and not self.elastic:
            self._abort(1)

    def _abort(self, code: int) -> None:
        """End all ranks, or this one alone if the others go on."""
        flush()
        if self.elastic:
            os._exit(code)
        end = time.monotonic() + _SECONDS_FOR_THE_OTHERS
        while self.supervision.connected and not self.supervision.over and time.monotonic() < end:
            time.sleep(_PAUSE)
        self.comm.Abort(code)


def supervise(comm: Comm | None, timeout: float | None = None, elastic: bool = False) -> None:
    """From here on no rank of `comm` hangs, until `timeout` seconds at least. All of them call this when they have met.

    comm     all ranks; None for a process that was started alone
    timeout  seconds that a rank waits for others before that is an error; None for 600, or what was said before
    elastic  whether the others go on without a rank that ends
    """
    if timeout is not None:
        set_timeout(timeout)
    if comm is not None and comm.size > 1 and current() is None:
        supervision = meet(comm, until_done)
        if supervision is not None:
            Ending(comm, supervision, elastic)


def flush() -> None:
    """Write what was printed: what ends a process at once does not."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
