"""What is asked of MPI: five nonblocking calls, and the meeting of all ranks at the beginning.

MPI is the standard by which processes on one machine or on many send each other memory (mpi4py brings it to Python). All
that comes and goes is bytes here: what they mean is said in `exchange.py`, which calls this.

Read before: `waiting.py`. Read next: `exchange.py`.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy

from ..errors import RankError
from .waiting import until_done

if TYPE_CHECKING:
    from mpi4py.MPI import Intracomm, Request

LAUNCHED = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MV2_COMM_WORLD_SIZE")
"""Environment variables that say that a launcher of MPI's has started this process."""


_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK")


def rank_of_environment() -> int | None:
    """The number that a launcher of MPI's has given this process, without asking MPI; None if there was no launcher."""
    return next((int(os.environ[name]) for name in _RANKS if name in os.environ), None)


def world() -> Intracomm | None:
    """All processes that were started together; None without MPI, for a process that was started alone.

    Raises `RankError`: the process was started as one of several, and MPI cannot be used.
    """
    try:
        import mpi4py

        if "mpi4py.MPI" not in sys.modules:
            mpi4py.rc.finalize = False  # which is left to us
            atexit.register(finish)
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # no mpi4py; no library of MPI's beneath it
        several = [name for name in LAUNCHED if name in os.environ]
        if several:
            raise RankError(
                f"this process was started as one of several ({several[0]}={os.environ[several[0]]}), and MPI cannot be used: "
                f"{error}. Install it, with MPI itself, by: pip install 'tinygrad_ml[mpi]'"
            ) from error
        return None
    return MPI.COMM_WORLD


_unfinished: list[str] = []


def do_not_finish(why: str) -> None:
    """Let MPI not wait for all ranks when this process ends: some have died, and it might wait for good."""
    _unfinished.append(why)


def finish() -> None:
    """End MPI's part in this process, once; where all live, it waits for all."""
    from mpi4py import MPI

    if not _unfinished and not MPI.Is_finalized():
        MPI.Finalize()


class Cable:
    """The line between the ranks of a communicator of MPI's.

    Three kinds of calls each have a line of their own, so that an exchange may be in its second call while the next one is
    in its first: MPI only asks that on each line all ranks make their calls in one order.
    """

    def __init__(self, communicator: Intracomm, lines: Sequence[Any] = ()):
        self.rank, self.size = communicator.Get_rank(), communicator.Get_size()
        self.communicator = communicator
        self._words, self._deal, self._collect = lines or _lines(communicator)

    def cut(self) -> None:
        """End all calls that are on their way, on all ranks that live: each gets an error. They are asked for afterwards."""
        for line in (self._words, self._deal, self._collect):
            line.Revoke()

    def shrinking(self) -> Shrinking:
        """Begin to make the line between the ranks that live."""
        return Shrinking(self.communicator)

    def words(self, own: numpy.ndarray, of_all: numpy.ndarray) -> Request:
        """Every rank's row of the same size, to all: `of_all` has a row for each rank."""
        return self._words.Iallgather(_bytes(own), _bytes(of_all))

    def deal(self, whole: numpy.ndarray, pieces: numpy.ndarray, cuts: Sequence[int]) -> Request:
        """The q-th piece of each rank's `whole` to rank q: `pieces` has a row for each rank.

        cuts  element at which each piece begins, and the end
        """
        from mpi4py import MPI

        width = whole.itemsize
        sent = [(end - first) * width for first, end in pairwise(cuts)]
        places = [first * width for first in cuts[:-1]]
        own = sent[self.rank]
        received = [_bytes(pieces), ([own] * self.size, [own * q for q in range(self.size)]), MPI.BYTE]
        return self._deal.Ialltoallv([_bytes(whole), (sent, places), MPI.BYTE], received)

    def swap(self, own: numpy.ndarray, other: numpy.ndarray) -> Both:
        """The array of the one rank to the other, of two."""
        there = 1 - self.rank
        return Both(self._deal.Irecv(_bytes(other), there), self._deal.Isend(_bytes(own), there))

    def collect(self, piece: numpy.ndarray, whole: numpy.ndarray, cuts: Sequence[int]) -> Request:
        """Every rank's piece to all, side by side."""
        from mpi4py import MPI

        width = whole.itemsize
        counts = [(end - first) * width for first, end in pairwise(cuts)]
        places = [first * width for first in cuts[:-1]]
        return self._collect.Iallgatherv(_bytes(piece), [_bytes(whole), (counts, places), MPI.BYTE])

    def hand_out(self, array: numpy.ndarray, root: int) -> Request:
        """The array of rank `root` to all, into theirs."""
        return self._deal.Ibcast(_bytes(array), root)


class Both:
    """Two requests as one."""

    def __init__(self, one: Request, other: Request):
        self._one, self._other = one, other

    def Test(self) -> bool:
        """Whether both are done. Asking one carries the other on."""
        return self._one.Test() and self._other.Test()


def _lines(communicator: Intracomm) -> list[Any]:
    """Three copies of a communicator, each with an order of calls of its own."""
    copies = [communicator.Idup() for _ in range(3)]
    until_done([request for _, request in copies], "set up lines to all ranks")
    return [copy for copy, _ in copies]


class Shrinking:
    """The survivors of a communicator find each other: they agree on who has died, which can be asked for (`Test`) as a request.

    MPI's call for it does not come back until all have come, so a thread makes it.

    cable  between them, when it is done
    """

    def __init__(self, communicator: Intracomm):
        self.cable: Cable | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._shrink, args=(communicator,), name="shrinking", daemon=True)
        self._thread.start()

    def _shrink(self, communicator: Intracomm) -> None:
        try:
            left = cast("Intracomm", communicator.Shrink())
            self.cable = Cable(left, [left.Dup() for _ in range(3)])
        except Exception as error:
            self._error = error

    def Test(self) -> bool:
        """Whether all have found each other."""
        if self._error is not None:
            raise self._error
        return self.cable is not None


def numbers_at_the_start(cable: Any) -> list[int]:
    """The numbers that the ranks of a cable had when all were started, in their order now."""
    from mpi4py import MPI

    group = cable.communicator.Get_group()
    return MPI.Group.Translate_ranks(group, list(range(cable.size)), MPI.COMM_WORLD.Get_group())


def can_lose_ranks() -> bool:
    """Whether MPI was started so that ranks live on when one has died: Open MPI, by `--with-ft ulfm`."""
    return os.environ.get("OMPI_MCA_mpi_ft_enable") == "1"  # noqa: SIM112 (which is its name)


def _bytes(array: numpy.ndarray) -> Any:
    """The memory of an array in order, of any dtype."""
    return array.reshape(-1).view(numpy.uint8)
