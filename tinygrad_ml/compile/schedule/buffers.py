"""Buffers by lifetime: places in one stretch of memory, such that what is needed at the same time does not overlap.

A place is given back after the last kernel that reads it, and the next one that is asked for takes the
smallest gap that is large enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

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
    placed: list[tuple[int, int, Lifetime]] = []
    offsets: dict[object, int] = {}
    total = 0
    # The large ones first: small ones fit into what they leave.
    for wanted in sorted(lifetimes, key=lambda lifetime: (-lifetime.nbytes, lifetime.first)):
        in_the_way = sorted(
            (start, stop) for start, stop, other in placed if other.first <= wanted.last and wanted.first <= other.last
        )
        nbytes = -(-wanted.nbytes // CACHE_LINE_BYTES) * CACHE_LINE_BYTES
        start = _gap(in_the_way, nbytes)
        placed.append((start, start + nbytes, wanted))
        offsets[wanted.key] = start
        total = max(total, start + nbytes)
    return offsets, total


def _gap(taken: Sequence[tuple[int, int]], nbytes: int) -> int:
    """The offset of the smallest gap of at least `nbytes`; behind all that is taken if there is none."""
    best, best_size, end = None, None, 0
    for start, stop in taken:
        size = start - end
        if size >= nbytes and (best_size is None or size < best_size):
            best, best_size = end, size
        end = max(end, stop)
    return end if best is None else best
