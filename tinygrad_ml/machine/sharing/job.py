"""A job: a row of integers that machine code reads.

It has the address of a function `f(told, task, scratch)`, the number of its tasks, whether threads share them, and what
the function is told. `scratch` is memory that no other thread has meanwhile; where that of the caller is, the job says.
"""

from __future__ import annotations

from collections.abc import Sequence

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
FIRST_ARGUMENT = TOLD + ARGUMENTS
MOST_SHARED_ARGUMENTS = (LONGEST - FIRST_ARGUMENT) // 2
FIRST_OF_CALL = TOLD + 1
"""A job that is one call of a loop is told its address, and then all arguments."""


def job_row(function: int, tasks: int, told: Sequence[int]) -> numpy.ndarray:
    """The row of a job."""
    row = numpy.zeros(max(LONGEST, TOLD + len(told)), numpy.int64)
    row[FUNCTION], row[TASKS] = function, tasks
    row[TOLD : TOLD + len(told)] = told
    return row


def address(array: numpy.ndarray) -> int:
    """Where an array begins."""
    return array.__array_interface__["data"][0]
