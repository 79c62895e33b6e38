"""How a rank ends: so that the others hear of it, and nobody stays behind waiting.

An error that nobody catches is told to the watcher and ends all ranks (`MPI_Abort`), after a moment in which the others
end by an error of their own. A rank that comes to the end of its program waits there for the others, without using a
processor, because MPI would wait for them in any case, and use one. An error before the ranks have met ends all, too, and so does a rank
that leaves before: importing this file says so to Python, in processes that a launcher of MPI's has started.

Read next: `supervision.py`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import RankError
from .mpi import finish, rank_of_environment, world
from .supervision import Supervision, current, leave, line_of, meet
from .waiting import set_timeout, until_done

if TYPE_CHECKING:
    from mpi4py.MPI import Comm

_SECONDS_FOR_THE_OTHERS = 1.5
_SECONDS_FOR_THE_CAUSE = 0.3  # so that the exit code is that of the rank that was the first to end
_PAUSE = 0.02
INTERRUPTED = 130
"""The exit code of a program that Ctrl-C has stopped, as shells have it."""
_SECONDS_TO_BEGIN = 3
_MARK = "TINYGRAD_ML_RANK"


class Ending:
    """What is done when this rank ends.

    comm         all ranks
    supervision  its connection to the watcher
    elastic      whether the others go on without it: then its own end is not theirs
    """

    def __init__(self, comm: Comm, supervision: Supervision, elastic: bool):
        self.comm, self.supervision, self.elastic = comm, supervision, elastic
        self._print = _printing[-1] if sys.excepthook is _before_the_meeting else sys.excepthook
        self._code, self._because_of_others = 0, False
        sys.excepthook = self.by_an_error
        atexit.register(self.by_coming_to_the_end)
        _endings.append(self)

    def by_an_error(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Print it, tell it, and end: an excepthook."""
        _print(error, trace, self.supervision.rank, self._print)
        if self.supervision.own_process:
            self.tell(error)
            self._abort()

    def tell(self, error: BaseException) -> None:
        """Let the others know that this rank will end by an error."""
        self._because_of_others = isinstance(error, RankError)
        self._code = _code_of(error)
        text = str(error).strip().splitlines()
        said = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
        self.supervision.raised(str(error) if self._because_of_others else said, self._because_of_others)

    def by_coming_to_the_end(self) -> None:
        """Wait until all ranks have done so; end all if one has not."""
        if not self.supervision.own_process:
            return
        if self.supervision.failed and not self._code:
            self._code = 1  # what it waited for was not done, and the others may still be waiting for it
        if self._code:
            self._abort()
        self.supervision.leaves()
        while self.supervision.connected and not self.supervision.over and not self.supervision.lost:
            with contextlib.suppress(RuntimeError):  # of a rank that has died
                self.comm.Iprobe()  # what others still wait for may lie in our buffers
            time.sleep(_PAUSE)
        if self.supervision.lost and not self.elastic:
            self._code = 1
            self._abort()

    def _abort(self) -> None:
        """End all ranks; this one alone if the others go on."""
        _flush()
        end = time.monotonic() + _SECONDS_FOR_THE_OTHERS
        while self.supervision.connected and not self.supervision.over and time.monotonic() < end:
            time.sleep(_PAUSE)
        if self.elastic and not self.supervision.over:
            os._exit(0)  # what has gone wrong here is not the end of the others
        if self._because_of_others:
            time.sleep(_SECONDS_FOR_THE_CAUSE)
        self.comm.Abort(self._code)
        os._exit(self._code)  # some libraries of MPI's come back


_endings: list[Ending] = []
_printing: list[Callable[..., Any]] = [sys.excepthook]


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


def tell(error: BaseException) -> None:
    """Let the other ranks know that this one will end by an error that it prints itself. Alone: nothing."""
    if _endings:
        _endings[-1].tell(error)


def end_by(error: BaseException) -> NoReturn:
    """End this rank, and all with it, by an error that nobody has caught, or by a `sys.exit` that says that something failed."""
    if _endings:
        _endings[-1].by_an_error(type(error), error, error.__traceback__)
    _print(error, error.__traceback__, rank_of_environment(), _printing[-1])
    _end_all_that_begin(_code_of(error))


def _leave_before_the_meeting() -> None:
    """At the end of a process that a launcher of MPI's has started, and that has not met the others: they may wait for it."""
    if "mpi4py.MPI" in sys.modules or os.environ.get(_MARK) != str(os.getpid()):
        return
    with contextlib.suppress(RankError):  # without MPI nobody waits
        everybody = world()
        if everybody is None or everybody.size == 1 or leave(everybody, until_done):
            finish()
        else:
            time.sleep(_SECONDS_TO_BEGIN)  # in which the others end by an error of their own
            _end_all_that_begin(1)


def _before_the_meeting(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The excepthook of a process that a launcher of MPI's has started, until it has met the others."""
    _print(error, trace, rank_of_environment(), _printing[-1])
    if threading.current_thread() is threading.main_thread():
        _end_all_that_begin(_code_of(error))


def _end_all_that_begin(code: int) -> NoReturn:
    """End all ranks, when they have not met yet. MPI's beginning does not come back to those that wait there for this one."""
    _flush()
    if rank_of_environment() is not None:
        if hasattr(
            signal, "alarm"
        ):  # some launchers end all if one is killed, which is what is left if others do not come
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(_SECONDS_TO_BEGIN)
        with contextlib.suppress(ImportError, RuntimeError):
            from mpi4py import MPI

            if not MPI.Is_finalized():
                time.sleep(_SECONDS_FOR_THE_CAUSE)  # launchers drop what was printed just before
                MPI.COMM_WORLD.Abort(code)
    os._exit(code)


def _code_of(error: BaseException) -> int:
    """The exit code of a process that an error ends."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1


def _print(error: BaseException, trace: TracebackType | None, rank: int | None, otherwise: Callable[..., Any]) -> None:
    """Print what ends rank `rank`: in a line, if it is about other ranks, or what Python prints for a `sys.exit` with words."""
    if isinstance(error, RankError):
        where = line_of(reversed(list(traceback.walk_tb(trace))))
        sys.stderr.write(f"tinygrad_ml: rank {rank or 0} ends in {where}: {error}\n")
    elif not isinstance(error, SystemExit):
        otherwise(type(error), error, trace)
    elif not isinstance(error.code, int):
        sys.stderr.write(f"{error.code}\n")


def _flush() -> None:
    """Write what was printed: what ends a process at once does not."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


# What a rank starts inherits its environment, and is none.
if rank_of_environment() is not None and os.environ.setdefault(_MARK, str(os.getpid())) == str(os.getpid()):
    sys.excepthook = _before_the_meeting
    atexit.register(_leave_before_the_meeting)
