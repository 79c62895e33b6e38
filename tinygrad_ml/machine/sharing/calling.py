"""What the function of a program calls to have jobs done, by however many threads.

LLVM and the threads are looked for only when a job is made: they are there where llvmlite is.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from functools import cache

import numpy

from ...blas import product_threads
from .. import machine_code
from .job import FOURS_IN_A_ROW, job_row
from .stretch import Stretch

MOST_THREADS = 8
"""The products that are shared have not enough tiles for more."""


def threads() -> int:
    """As many threads as NumPy's products have at this moment share the jobs of a program; 1 where there is no machine code."""
    return min(product_threads(), MOST_THREADS) if _can_share() else 1


@cache
def _can_share() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64") and machine_code.available()


def rows(loop: int | Callable[[], int], count: int, given: Sequence[tuple[int, int]], most: int) -> numpy.ndarray:
    """The job of a loop, whose tasks are the loop over some of its rows.

    loop   the address of a function of integers and addresses, the first of which is the number of rows, or what says it
    count  of rows
    given  its other arguments, and by how much each is larger for the next row
    most   tasks, at most
    """
    height = -(-count // most)
    values, growths = _padded([value for value, _ in given]), _padded([growth for _, growth in given])
    return job_row(_one_of("rows", len(values)), -(-count // height), [loop, count, height, *values, *growths])


def call(loop: int | Callable[[], int], given: Sequence[int]) -> numpy.ndarray:
    """The job that is one call of a loop, with these integers and addresses."""
    values = _padded(given)
    return job_row(_one_of("call", len(values)), 1, [loop, *values])


def _padded(given: Sequence[int]) -> list[int]:
    """Arguments, and zeros behind them: there is a function for every fourth number of them. What a function of C is given behind
    its own arguments, it does not look at."""
    return [*given, *[0] * (max(-(-len(given) // 4), 1) * 4 - len(given))]


def _one_of(name: str, arguments: int) -> Callable[[], int]:
    """What says the address of the function for so many arguments, which is made with its neighbours."""
    from ..llvm.native import native  # which need llvmlite
    from .rows import write_calls, write_rows

    write = {"rows": write_rows, "call": write_calls}[name]
    return native(name, write, (arguments // 4 - 1) // FOURS_IN_A_ROW).later(f"{name}{arguments}")


def runner(stretch: Stretch, threads: int) -> Callable[[], object]:
    """What does the jobs of a stretch, in so many threads, the caller's among them. It does not hold the stretch."""
    from .workers import workers  # which needs llvmlite

    return workers().runner(stretch, threads - 1)
