"""Jobs that are done again and again, with other arrays each time: those of eager mode.

To make a job takes longer than a small one takes to be done. So it is made once, and told at each call where the arrays lie.

Read before: `calling.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from threading import get_ident
from typing import Any, Protocol

import numpy
from numpy.lib.stride_tricks import as_strided

from ..machine_code import machine_code
from .calling import rows, runner, threads
from .job import FIRST_ARGUMENT, MEMORY, SHARED, TURNS, address
from .stretch import Stretch

WORTH_SHARING = 1 << 15
"""Elements of a loop that threads share: they take a hundredth of a millisecond."""
MOST_KEPT = 512
"""Jobs of a kind."""


class Plan(Protocol):
    """How something is done, for arrays that lie in one way: see `../products/`."""

    operands: tuple[int, ...]
    scratch: int
    shared: bool

    def job(self, threads: int, scratch: int) -> numpy.ndarray:
        """The job as so many threads will share it."""
        ...


class Again:
    """A job, and at which places it has the addresses of arrays. `kept` is what it points to besides."""

    def __init__(self, job: numpy.ndarray, places: Iterable[int], threads: int, *kept: object):
        self._job, self._places = job, tuple(places)
        stretch = Stretch([job])
        self._run, self._kept = runner(stretch, threads), (stretch, kept)

    def __call__(self, arrays: Iterable[numpy.ndarray]) -> None:
        """Do it with these arrays."""
        job = self._job
        for place, array in zip(self._places, arrays, strict=True):
            job[place] = address(array)
        self._run()


def do(plan: Callable[..., Plan], facts: Any, *arrays: numpy.ndarray) -> None:
    """Do the job of `plan(facts, *arrays)`."""
    forms = tuple([(array.shape, array.strides, array.dtype.char) for array in arrays])
    _planned(plan, facts, forms, threads(), get_ident())(arrays)


@lru_cache(MOST_KEPT)
def _planned(plan: Callable[..., Plan], facts: Any, forms: tuple, threads: int, thread: int) -> Again:
    """For each thread its own, since a job has the addresses of one call."""
    made = plan(facts, *[as_strided(numpy.empty((), dtype), shape, strides) for shape, strides, dtype in forms])
    memory = numpy.empty(made.scratch + 64, numpy.uint8)
    scratch = address(memory) + -address(memory) % 64
    job = made.job(threads, scratch)
    job[SHARED], job[MEMORY] = made.shared and threads > 1, scratch
    return Again(job, made.operands, threads, made, memory)


def loop(
    source: str, count: int, numbers: tuple[int, ...], arrays: tuple[numpy.ndarray, ...], growth: tuple[int, ...]
) -> None:
    """Do `loop(count, *numbers, *arrays)` of a text (see `../llvm/language.py`), the rows of which may be done in any order.

    growth  by how many bytes each array goes on from row to row
    """
    several = threads() if max([array.size for array in arrays]) >= WORTH_SHARING else 1
    _looped(source, count, numbers, growth, several, get_ident())(arrays)


@lru_cache(MOST_KEPT)
def _looped(
    source: str, count: int, numbers: tuple[int, ...], growth: tuple[int, ...], threads: int, thread: int
) -> Again:
    code = machine_code(source)
    given = [*[(number, 0) for number in numbers], *[(0, step) for step in growth]]
    job = rows(code.address, count, given, TURNS * threads if threads > 1 else 1)  # type: ignore[attr-defined]
    job[SHARED] = threads > 1
    first = FIRST_ARGUMENT + len(numbers)
    return Again(job, range(first, first + len(growth)), threads, code)
