"""A job: a row of integers that machine code reads.

It has the address of a function `f(told, task, scratch)`, the number of its tasks, whether threads share them, and what
the function is told. `scratch` is memory that no other thread has meanwhile; where that of the caller is, the job says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy

FUNCTION, TASKS, SHARED, MEMORY, TOLD = 0, 1, 2, 3, 4
"""The places of these in the row; what is told goes on from there."""
LONGEST = 128
"""Integers in a job that threads share; others may have more."""
SCRATCH = 1 << 17
"""Bytes of scratch memory; ..."""
MOST_SCRATCH = 1 << 20
"""... and of that of a thread, which a job uses that brings as much for the caller."""
TURNS = 8
"""Tasks for each thread, at most: so that a thread that is held up delays little."""
LOOP, ROWS, HEIGHT, ARGUMENTS = 0, 1, 2, 3
"""What a task of a loop is told: the address of the loop, how many rows there are, and how many make a task; then the other
arguments, and by how much each of them grows from row to row."""
FOURS_IN_A_ROW = 8
"""Functions that are made at once, each for four more arguments: a module of its own takes as long as ten of them."""
FIRST_ARGUMENT = TOLD + ARGUMENTS
MOST_SHARED_ARGUMENTS = (LONGEST - FIRST_ARGUMENT) // 2
FIRST_OF_CALL = TOLD + 1
"""A job that is one call of a loop is told its address, and then all arguments."""


class Job(numpy.ndarray):
    """The row of a job. `unknown` are places in it where addresses of functions belong that are not compiled yet, and what says
    them."""

    unknown: tuple[tuple[int, Callable[[], int]], ...] = ()

    def make_known(self) -> None:
        """Put them there."""
        for place, later in self.unknown:
            self[place] = later()
        self.unknown = ()


def job_row(function: int | Callable[[], int], tasks: int, told: Sequence[int | Callable[[], int]]) -> Job:
    """The row of a job. What can be called says the address of a function, which may be compiled meanwhile."""
    given = [function, tasks, 0, 0, *told]
    row = numpy.zeros(max(LONGEST, len(given)), numpy.int64).view(Job)
    row.unknown = tuple([(place, later) for place, later in enumerate(given) if not isinstance(later, int)])
    row[: len(given)] = [number if isinstance(number, int) else 0 for number in given]
    return row


def address(array: numpy.ndarray) -> int:
    """Where an array begins."""
    return array.__array_interface__["data"][0]
