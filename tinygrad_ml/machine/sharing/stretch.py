"""A stretch: jobs of machine code that are one call, as a row of integers.

A call with one integer takes a fraction of the time of one with many, so all that the machine code needs to know stands in
the row: which jobs, how often, and which integers in them are addresses that are others in each call, or in each round.

Read before: `job.py`. Read next: `board.py`, which runs it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from ..ahead import do_what_waits
from .job import Job, address

JOBS, COUNT, BOARD, ROUNDS, MOVING, BASES, PLACES, BEHIND, ADVANCING, INTEGERS, STEPS = range(11)
"""The fields of the row. A list of addresses of jobs, and how many; the address of the board, or 0; how many rounds. How many
integers in jobs are addresses of what moves: where this begins, in a list that many stretches share; the address of each
integer; and for each a pair, which one of them, and how many bytes behind its beginning. How many integers go on behind
each round; their addresses, and by how much."""
FIELDS_OF_STRETCH = STEPS + 1


class Stretch:
    """The row of a stretch, and what it points to.

    jobs    one after the other
    moving  (job, place in it, which of the bases, how many bytes behind it) of each address that may change between two calls
    bases   where what moves begins
    """

    def __init__(
        self,
        jobs: Sequence[numpy.ndarray],
        moving: Sequence[tuple[numpy.ndarray, int, int, int]] = (),
        bases: numpy.ndarray | None = None,
    ):
        self._kept = [*jobs, bases]
        self.row = numpy.zeros(FIELDS_OF_STRETCH, numpy.int64)
        self.row[ROUNDS] = 1
        self._put(JOBS, COUNT, [address(job) for job in jobs])
        if bases is not None and moving:
            self.row[BASES] = address(bases)
            self._put(PLACES, MOVING, [place_in(job, place) for job, place, *_ in moving])
            self._put(BEHIND, None, [pair for _, _, *pair in moving])

    def make_known(self) -> None:
        """Wait for the functions that its jobs call."""
        do_what_waits()
        for job in self._kept:
            if isinstance(job, Job):
                job.make_known()

    def advance(self, integers: numpy.ndarray, steps: numpy.ndarray) -> None:
        """Let the integers at these addresses go on by these steps behind each round."""
        self._put(INTEGERS, ADVANCING, integers)
        self._put(STEPS, None, steps)

    def _put(self, field: int, count: int | None, table: Sequence | numpy.ndarray) -> None:
        """Let a field point to a table; another one, if there is one, says how long it is."""
        kept = numpy.asarray(table, numpy.int64)
        self._kept.append(kept)
        self.row[field] = address(kept)
        if count is not None:
            self.row[count] = len(kept)


def place_in(job: numpy.ndarray, place: int) -> int:
    """The address of an integer in a job."""
    return address(job) + job.itemsize * place
