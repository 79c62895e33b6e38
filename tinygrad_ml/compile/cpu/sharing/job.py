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
LONGEST = 64
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


def threads() -> int:
    """As many threads as NumPy's products have at this moment share the jobs of a program; 1 where there is no machine code."""
    library = blas()
    written_for = platform.machine().lower() in ("x86_64", "amd64")
    return library["num_threads"] if library and written_for and machine_code.available() else 1


def runner(job: numpy.ndarray, scratch: int, shared: bool) -> Callable[[], None]:
    """What does a job, alone or with the help of others; `scratch` is the address of memory for the caller's tasks."""
    from .workers import workers  # which needs Numba

    return workers().runner(job, scratch, shared)


def wake(threads: int) -> Callable[[], None]:
    """What sees that so many threads, the caller's among them, do the jobs that come now."""
    from .workers import workers

    return partial(workers().wake, threads - 1)
