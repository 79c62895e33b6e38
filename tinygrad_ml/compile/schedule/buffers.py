"""Buffers by lifetime: places in one stretch of memory, such that what is needed at the same time does not overlap.

A place is given back after the last kernel that reads it, and the next one that is asked for takes the
smallest gap that is large enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy

CACHE_LINE_BYTES = 64
"""Bytes: the width of a cache line, and of the widest vectors."""


class Lifetime(NamedTuple):
    """A buffer of `nbytes`, needed from kernel number `first` to kernel number `last`."""

    key: object
    nbytes: int
    first: int
    last: int


def places(lifetimes: Iterable[Lifetime]) -> tuple[dict[object, int], int]:
    """(the offset of each buffer, the bytes for all of them together)."""
    # The large ones first: small ones fit into what they leave.
    ordered = sorted(lifetimes, key=lambda lifetime: (-lifetime.nbytes, lifetime.first))
    firsts = numpy.array([lifetime.first for lifetime in ordered])
    lasts = numpy.array([lifetime.last for lifetime in ordered])
    starts, stops = numpy.zeros((2, len(ordered)), numpy.int64)
    for i, wanted in enumerate(ordered):
        in_the_way = numpy.flatnonzero((firsts[:i] <= wanted.last) & (lasts[:i] >= wanted.first))
        nbytes = -(-wanted.nbytes // CACHE_LINE_BYTES) * CACHE_LINE_BYTES
        starts[i] = _gap(starts[in_the_way], stops[in_the_way], nbytes)
        stops[i] = starts[i] + nbytes
    offsets = {wanted.key: int(start) for wanted, start in zip(ordered, starts, strict=True)}
    return offsets, int(stops.max(initial=0))


def _gap(starts: numpy.ndarray, stops: numpy.ndarray, nbytes: int) -> int:
    """The offset of the smallest gap of at least `nbytes` between what is taken; behind all of it if there is none."""
    order = numpy.argsort(starts, kind="stable")
    ends = numpy.maximum.accumulate(numpy.concatenate([[0], stops[order]]))
    gaps = starts[order] - ends[:-1]
    fits = numpy.flatnonzero(gaps >= nbytes)
    return int(ends[fits[gaps[fits].argmin()]] if len(fits) else ends[-1])
