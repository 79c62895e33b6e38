"""A job: a row of integers that machine code reads.

It has the address of a function `f(told, task, scratch)`, the number of its tasks, and what the function is told.
`scratch` is memory that no other thread has meanwhile.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from functools import partial

import numpy

from ....backend.blas import blas
from .. import machine_code

FUNCTION, TASKS, TOLD = 0, 1, 2
"""The places of these in the row; what is told goes on from there."""
LONGEST = 128
"""Integers in a job."""
SCRATCH = 1 << 17
"""Bytes of scratch memory."""
TURNS = 8
"""Tasks for each thread, at most: so that a thread that is held up delays little."""


def job_row(function: int, tasks: int, told: Sequence[int]) -> numpy.ndarray:
    """The row of a job."""
    row = numpy.zeros(LONGEST, numpy.int64)
    row[FUNCTION], row[TASKS] = function, tasks
    row[TOLD : TOLD + len(told)] = told
    return row


def address(array: numpy.ndarray) -> int:
    """Where an array begins."""
    return array.__array_interface__["data"][0]


MOST_THREADS = 8
"""The products that are shared have not enough tiles for more."""


def threads() -> int:
    """As many threads as NumPy's products have at this moment share the jobs of a program; 1 where there is no machine code."""
    library = blas()
    written_for = platform.machine().lower() in ("x86_64", "amd64")
    return min(library["num_threads"], MOST_THREADS) if library and written_for and machine_code.available() else 1


FIRST_ARGUMENT = TOLD + 3
"""Where the job of a loop has the arguments of the loop, but for the first."""


MOST_ARGUMENTS = (LONGEST - FIRST_ARGUMENT) // 2
"""So many of them, but for the first."""


def rows(loop: int, count: int, given: Sequence[tuple[int, int]], threads: int) -> numpy.ndarray:
    """The job of a loop, whose tasks are the loop over some of its rows.

    loop   the address of a function of integers and addresses, the first of which is the number of rows
    count  of rows
    given  its other arguments, and by how much each is larger for the next row
    """
    from ..llvm.native import native  # which needs Numba
    from .rows import write_rows

    height = -(-count // (TURNS * threads))
    told = [loop, count, height, *(value for value, _ in given), *(growth for _, growth in given)]
    return job_row(native("rows", write_rows, len(given)).address("rows"), -(-count // height), told)


def runner(job: numpy.ndarray, scratch: int, shared: bool) -> Callable[[], None]:
    """What does a job, alone or with the help of others; `scratch` is the address of memory for the caller's tasks."""
    from .workers import workers  # which needs Numba

    return workers().runner(job, scratch, shared)


def wake(threads: int) -> Callable[[], None]:
    """What sees that so many threads, the caller's among them, do the jobs that come now."""
    from .workers import workers

    return partial(workers().wake, threads - 1)
