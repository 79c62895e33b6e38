"""Jobs that are done again and again, with other arrays each time: those of eager mode.

To make a job takes longer than a small one takes to be done. So it is made once, and told at each call where the arrays lie.

Read before: `calling.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import get_ident
from typing import Any

import numpy
from numpy.lib.stride_tricks import as_strided

from ..machine_code import machine_code
from .calling import rows, runner, threads
from .job import FIRST_ARGUMENT, MEMORY, SHARED, TURNS, address
from .stretch import Stretch

WORTH_SHARING = 1 << 15
"""Elements of a loop that threads share: they take a hundredth of a millisecond."""
MOST_REPEATED = 512
"""Jobs of a kind."""


class RepeatedJobs:
    """Jobs that are one call, and where in them the address of which array belongs. `kept` is what they point to besides."""

    def __init__(self, jobs: Sequence[tuple[numpy.ndarray, dict[int, int]]], threads: int, *kept: object):
        self._places = [(job, place, which) for job, places in jobs for place, which in places.items()]
        stretch = Stretch([job for job, _ in jobs])
        self._run, self._kept = runner(stretch, threads), (stretch, kept)

    def __call__(self, arrays: Sequence[numpy.ndarray]) -> None:
        """Do them with these arrays."""
        for job, place, which in self._places:
            job[place] = address(arrays[which])
        self._run()


def do(ways: tuple[Any, ...], facts: Any, *arrays: numpy.ndarray) -> None:
    """Do what `way(facts, *arrays)` plans, for the first of the ways that fits: see `../products/windows.py`.

    A way is a class. Its `fits(facts, *arrays)` says whether it can be done so, of arrays that lie in this way. Its objects have
    `jobs(threads, scratch)`, with the places in each where the address of which array belongs; `scratch` bytes of memory are
    theirs, and `shared` is whether threads share them.
    """
    forms = tuple([(array.shape, array.strides, array.dtype.char) for array in arrays])
    _planned(ways, facts, forms, threads(), get_ident())(arrays)


@lru_cache(MOST_REPEATED)
def _planned(ways: tuple[Any, ...], facts: Any, forms: tuple, threads: int, thread: int) -> RepeatedJobs:
    """For each thread its own, since jobs have the addresses of one call."""
    arrays = [as_strided(numpy.empty((), dtype), shape, strides) for shape, strides, dtype in forms]
    plan = next(way for way in ways if way.fits(facts, *arrays))(facts, *arrays)
    memory = numpy.empty(plan.scratch + 64, numpy.uint8)
    scratch = address(memory) + -address(memory) % 64
    jobs = plan.jobs(threads, scratch)
    for job, _ in jobs:
        job[SHARED], job[MEMORY] = plan.shared and threads > 1, scratch
    return RepeatedJobs(jobs, threads, plan, memory)


def loop(
    source: str, count: int, numbers: tuple[int, ...], arrays: tuple[numpy.ndarray, ...], growth: tuple[int, ...]
) -> None:
    """Do `loop(count, *numbers, *arrays)` of a text (see `../llvm/language.py`), the rows of which may be done in any order.

    growth  by how many bytes each array goes on from row to row
    """
    several = threads() if max([array.size for array in arrays]) >= WORTH_SHARING else 1
    _looped(source, count, numbers, growth, several, get_ident())(arrays)


@lru_cache(MOST_REPEATED)
def _looped(
    source: str, count: int, numbers: tuple[int, ...], growth: tuple[int, ...], threads: int, thread: int
) -> RepeatedJobs:
    code = machine_code(source)
    given = [*[(number, 0) for number in numbers], *[(0, step) for step in growth]]
    job = rows(code.address, count, given, TURNS * threads if threads > 1 else 1)  # type: ignore[attr-defined]
    job[SHARED] = threads > 1
    first = FIRST_ARGUMENT + len(numbers)
    return RepeatedJobs([(job, {first + which: which for which in range(len(growth))})], threads, code)
