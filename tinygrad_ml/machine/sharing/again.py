"""Jobs that are done again and again, with other arrays each time: those of eager mode.

To make a job takes longer than a small one takes to be done. So it is made once, and told at each call where the arrays lie.

Read before: `calling.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from threading import get_ident
from typing import Any, NamedTuple, TypeAlias

import numpy
from numpy.lib.stride_tricks import as_strided

from ..machine_code import machine_code
from .calling import rows, runner, threads
from .job import FIRST_ARGUMENT, MEMORY, SHARED, TURNS, address
from .stretch import ROUNDS, Stretch, place_in

WORTH_SHARING = 1 << 15
"""Elements of a loop that threads share: they take a hundredth of a millisecond."""
MOST_REPEATED = 512
"""Jobs of a kind."""

Places: TypeAlias = tuple[numpy.ndarray, dict[int, int]]
"""A job, and where in it the address of which array belongs."""


class RepeatedJobs:
    """Jobs that are one call, and where in them the address of which array belongs. `kept` is what they point to besides.

    steps  by how many bytes each array goes on from round to round
    """

    def __init__(self, jobs: Sequence[Places], threads: int, kept: object, steps: tuple[int, ...] = ()):
        self._places = [(job, place, which) for job, places in jobs for place, which in places.items()]
        self._stretch, self._kept = Stretch([job for job, _ in jobs]), kept
        moving = [(place_in(job, place), steps[which]) for job, place, which in self._places if any(steps)]
        if moving:
            self._stretch.advance(*numpy.array(moving, numpy.int64).T.copy())
        self._run = runner(self._stretch, threads)

    def __call__(self, arrays: Sequence[numpy.ndarray], rounds: int = 1) -> None:
        """Do them with these arrays, or so many times with what follows behind these."""
        for job, place, which in self._places:
            job[place] = address(arrays[which])
        self._stretch.row[ROUNDS] = rounds
        self._run()


class PlanPart(NamedTuple):
    """What a way does with arrays that lie in these forms; see `do`."""

    ways: tuple[Any, ...]
    facts: Any
    forms: tuple[tuple[tuple[int, ...], tuple[int, ...], str], ...]

    def jobs(self, threads: int) -> tuple[Sequence[Places], object]:
        """The jobs, and what they point to."""
        arrays = [as_strided(numpy.empty((), dtype), shape, strides) for shape, strides, dtype in self.forms]
        plan = next(way for way in self.ways if way.fits(self.facts, *arrays))(self.facts, *arrays)
        memory = numpy.empty(plan.scratch + 64, numpy.uint8)
        scratch = address(memory) + -address(memory) % 64
        jobs = plan.jobs(threads, scratch)
        for job, _ in jobs:
            job[SHARED], job[MEMORY] = plan.shared and threads > 1, scratch
        return jobs, (plan, memory)


class LoopPart(NamedTuple):
    """`loop(count, *numbers, *arrays)` of a text; see `loop`."""

    source: str
    count: int
    numbers: tuple[int, ...]
    growth: tuple[int, ...]

    def jobs(self, threads: int) -> tuple[Sequence[Places], object]:
        """The job, and its code."""
        code = machine_code(self.source)
        given = [*[(number, 0) for number in self.numbers], *[(0, step) for step in self.growth]]
        job = rows(code.address, self.count, given, TURNS * threads if threads > 1 else 1)  # type: ignore[attr-defined]
        job[SHARED] = threads > 1
        first = FIRST_ARGUMENT + len(self.numbers)
        return [(job, {first + which: which for which in range(len(self.growth))})], code


def planned(ways: tuple[Any, ...], facts: Any, *arrays: numpy.ndarray) -> PlanPart:
    """What `do(ways, facts, *arrays)` does, to be done in rounds."""
    return PlanPart(ways, facts, tuple([(array.shape, array.strides, array.dtype.char) for array in arrays]))


def do(ways: tuple[Any, ...], facts: Any, *arrays: numpy.ndarray) -> None:
    """Do what `way(facts, *arrays)` plans, for the first of the ways that fits: see `../products/windows.py`.

    A way is a class. Its `fits(facts, *arrays)` says whether it can be done so, of arrays that lie in this way. Its objects have
    `jobs(threads, scratch)`, with the places in each where the address of which array belongs; `scratch` bytes of memory are
    theirs, and `shared` is whether threads share them.
    """
    _alone(planned(ways, facts, *arrays), threads(), get_ident())(arrays)


def loop(
    source: str, count: int, numbers: tuple[int, ...], arrays: tuple[numpy.ndarray, ...], growth: tuple[int, ...]
) -> None:
    """Do `loop(count, *numbers, *arrays)` of a text (see `../llvm/language.py`), the rows of which may be done in any order.

    growth  by how many bytes each array goes on from row to row
    """
    several = threads() if max([array.size for array in arrays]) >= WORTH_SHARING else 1
    _alone(LoopPart(source, count, numbers, growth), several, get_ident())(arrays)


def in_rounds(
    count: int,
    parts: tuple[tuple[PlanPart | LoopPart, tuple[int, ...]], ...],
    arrays: Sequence[numpy.ndarray],
    steps: tuple[int, ...],
) -> None:
    """Do all parts, one after the other, so many times: one call, in which threads wait for each other without Python.

    parts  each with the places of its arrays among `arrays`
    steps  by how many bytes each of the arrays goes on from round to round
    """
    _together(parts, steps, threads(), get_ident())(arrays, count)


@lru_cache(MOST_REPEATED)
def _alone(part: PlanPart | LoopPart, threads: int, thread: int) -> RepeatedJobs:
    """For each thread its own, since jobs have the addresses of one call."""
    jobs, kept = part.jobs(threads)
    return RepeatedJobs(jobs, threads, kept)


@lru_cache(MOST_REPEATED)
def _together(parts: tuple, steps: tuple[int, ...], threads: int, thread: int) -> RepeatedJobs:
    found, kept = [], []
    for part, arrays in parts:
        jobs, pointed_to = part.jobs(threads)
        found += [(job, {place: arrays[which] for place, which in places.items()}) for job, places in jobs]
        kept.append(pointed_to)
    return RepeatedJobs(found, threads, kept, steps)
