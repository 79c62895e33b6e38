"""The order that sorts rows, the places of their largest or smallest numbers, equal ones in their order, and what differs in a row.

NumPy's stable sort of places takes ten times as long as its sort of whole numbers, which compares many at once. So of a row of
numbers one of 64 bits each is made: in front a key, which orders as the number does, behind it its place. No two of these
are equal, and when they are sorted, their places are the order, with ties as they stood:

    0.5 -0.25 0.5  ->  (0xBF000000, 0) (0x417FFFFF, 1) (0xBF000000, 2)  ->  sorted: places 1 0 2

Numbers that 32 bits do not order have their rank as a key, which another sort finds.

Of the few largest nothing is sorted but candidates: the maxima of groups of a row have a k-th largest, and what is less than that is none
of the k largest of the row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy

from ..machine.sharing import tasks
from ..machine.sharing.calling import threads

Array: TypeAlias = numpy.ndarray

FEW = 2048
"""So many numbers are sorted sooner than anything is made of them."""
LONG_ROW_OF_CANDIDATES = 400
"""Numbers of a row from which on candidates for its first few are sooner found than all are sorted: 8 µs in the place of 14 of 500, 44
of 2,000; of 300 it is 8 and 5."""
SORTED_TOGETHER = 1 << 16
"""Numbers of rows that are sorted before the next ones: what becomes of them stays in the cache. Threads share more."""
IN_HALVES = 1 << 17
"""Numbers of a row that are sorted in two halves, if there are threads for them."""
GROUP = 32
"""Numbers in a group of which the largest is looked for, at most."""
_PLACE, _LAST = numpy.uint64(32), numpy.uint32(0xFFFFFFFF)


def order(x: Array, axis: int, descending: bool) -> Array:
    """The order (int64) that sorts x along an axis, NaN last, or with `descending` first; equal numbers keep theirs."""
    if x.size <= FEW:
        return _simply(x, axis, descending)
    rows = x.swapaxes(axis, -1)
    found = numpy.empty(rows.shape, numpy.int64)
    flat, to, lowest = rows.reshape(-1, x.shape[axis]), found.reshape(-1, x.shape[axis]), _lowest(x)

    def sort(part: slice) -> None:
        packed = _packed(_keys(flat[part], lowest, descending))
        _sort(packed)
        numpy.bitwise_and(packed, numpy.uint64(_LAST), out=to[part].view(numpy.uint64))

    _for_each(flat, sort)
    return numpy.ascontiguousarray(found.swapaxes(axis, -1))


def first(x: Array, k: int, axis: int, largest: bool) -> Array:
    """The places (int64) of the k largest or smallest numbers along an axis: as many of `order`."""
    n = x.shape[axis]
    if x.size == n >= LONG_ROW_OF_CANDIDATES and 0 < 16 * k <= n:
        found = _first_of_a_row(x.reshape(-1), k, largest)
        if found is not None:
            return found.reshape(*x.shape[:axis], k, *x.shape[axis + 1 :])
    if x.size <= FEW or 2 * k > n or not k:
        return order(x, axis, largest)[(*[slice(None)] * axis, slice(0, k))]
    rows = x.swapaxes(axis, -1)
    found = numpy.empty((*rows.shape[:-1], k), numpy.int64)
    flat, to, lowest = rows.reshape(-1, n), found.reshape(-1, k), _lowest(x)

    def select(part: slice) -> None:
        packed = _candidates(flat[part], lowest, k, largest)
        if packed.shape[1] > k:
            packed.partition(k - 1, axis=-1)
        packed = packed[:, :k]
        packed.sort(axis=-1)
        numpy.bitwise_and(packed, numpy.uint64(_LAST), out=to[part].view(numpy.uint64))

    _for_each(flat, select)
    return numpy.ascontiguousarray(found.swapaxes(axis, -1))


def different(x: Array) -> tuple[Array, Array, Array]:
    """Of the different numbers in a row, ascending: the first place of each, which of them stands where, and how often each does."""
    table = _by_a_table(x)
    if table is not None:
        return table
    places = order(x, 0, False)
    ascending = x[places]
    another = numpy.empty(x.size, bool)
    another[:1] = True
    numpy.not_equal(ascending[1:], ascending[:-1], out=another[1:])
    begins = numpy.flatnonzero(another)
    inverse = numpy.empty(x.size, numpy.int64)
    inverse[places] = numpy.cumsum(another) - 1
    return places[begins], inverse, numpy.diff(begins, append=x.size)


def _by_a_table(x: Array) -> tuple[Array, Array, Array] | None:
    """The same for whole numbers so near to each other that a table has a place for each; None for others."""
    if x.dtype.kind not in "iu" or not x.size or int(x.max()) - int(x.min()) >= x.size:
        return None
    keys = x.astype(numpy.int64) - x.min().astype(numpy.int64)  # right where these wrap around, too
    counts = numpy.bincount(keys)
    there = numpy.flatnonzero(counts)
    first, rank = numpy.empty(counts.size, numpy.int64), numpy.empty(counts.size, numpy.int64)
    first[keys[::-1]] = numpy.arange(x.size - 1, -1, -1)  # the last one stays, which is the first of x
    rank[there] = numpy.arange(there.size)
    return first[there], rank[keys], counts[there]


def _simply(x: Array, axis: int, descending: bool) -> Array:
    if not descending:
        return x.argsort(axis=axis, kind="stable").astype(numpy.int64, copy=False)
    # A stable sort of -x would keep ties in order too, but -x does not exist for unsigned integers.
    turned = (*[slice(None)] * axis, slice(None, None, -1))
    backwards = x[turned].argsort(axis=axis, kind="stable")[turned]
    return numpy.subtract(x.shape[axis] - 1, backwards, dtype=numpy.int64, order="C")


def _for_each(rows: Array, do: Callable[[slice], None]) -> None:
    """Do it for parts of the rows, which threads share: NumPy lets others run while it sorts."""
    height = max(1, SORTED_TOGETHER // rows.shape[1])
    tasks.each(-(-len(rows) // height), lambda i: do(slice(i * height, (i + 1) * height)))


def _sort(packed: Array) -> None:
    """Sort rows. A long one by itself is sorted in halves, which threads share, and merged."""
    if len(packed) > 1 or packed.size < IN_HALVES or threads() == 1:
        packed.sort(axis=-1)
        return
    middle = packed.size // 2
    halves = packed[0, :middle], packed[0, middle:]
    tasks.each(2, lambda i: halves[i].sort())
    packed.sort(axis=-1, kind="stable")  # which looks for runs, and merges them


def _lowest(x: Array) -> Array | None:
    """What is to be taken away from whole numbers of 64 bits, so that 32 have room for them; None if nothing does that."""
    fits = x.dtype.kind in "iu" and x.itemsize == 8 and int(x.max()) - int(x.min()) < int(_LAST)
    return x.min() if fits else None


def _keys(x: Array, lowest: Array | None, descending: bool) -> Array:
    """Numbers of 32 bits that order as those along the last axis of x do; the other way round if `descending`."""
    if lowest is not None:
        keys = (x - lowest).astype(numpy.uint32)
    elif x.itemsize == 8:
        keys = _ranks(x)
    elif x.dtype.kind == "f":
        wide = x.astype(numpy.float32, copy=False) + numpy.float32(0)  # where there was -0, there is 0
        bits = wide.view(numpy.int32)
        keys = (bits ^ (bits >> 31 | numpy.int32(-(1 << 31)))).view(numpy.uint32)
        keys[numpy.isnan(wide)] = _LAST
    else:  # of signed ones the first bit turned round
        keys = x.astype(numpy.uint32) ^ numpy.uint32(0x80000000 if x.dtype.kind == "i" else 0)
    return numpy.invert(keys, out=keys) if descending else keys


def _ranks(x: Array) -> Array:
    """How many different numbers along the last axis are less; NaN is one, and more than all others."""
    places = numpy.argsort(x, axis=-1)
    found = numpy.take_along_axis(x, places, -1)
    another = found[..., 1:] > found[..., :-1]
    another |= numpy.isnan(found[..., 1:]) > numpy.isnan(found[..., :-1])
    ranks, keys = numpy.zeros(x.shape, numpy.uint32), numpy.empty(x.shape, numpy.uint32)
    numpy.cumsum(another, axis=-1, out=ranks[..., 1:])
    numpy.put_along_axis(keys, places, ranks, -1)
    return keys


def _packed(keys: Array, places: Array | None = None) -> Array:
    """Keys, and behind each its place in the row, if it is no other."""
    packed = numpy.left_shift(keys, _PLACE, dtype=numpy.uint64)
    packed |= numpy.arange(keys.shape[-1], dtype=numpy.uint64) if places is None else places.astype(numpy.uint64)
    return packed


def _first_of_a_row(x: Array, k: int, largest: bool) -> Array | None:
    """The places of the first k of a row, of which candidates are sorted by themselves; None if too many are as large."""
    bound = _bound(x[None], min(GROUP, x.size // (4 * k)), k, largest)[0]
    found = numpy.flatnonzero(~(x < bound if largest else x > bound))  # NaN, and what is beside one, is neither
    return found[_simply(x[found], 0, largest)[:k]] if len(found) <= x.size // 4 else None


def _bound(rows: Array, group: int, k: int, largest: bool) -> Array:
    """In each row a number that k others, those among them that are first, are not behind: (rows, 1)."""
    most, count = numpy.maximum if largest else numpy.fmin, rows.shape[1] // group
    heads = most.reduce(rows[:, : group * count].reshape(-1, group, count), axis=1)
    at = count - k if largest else k - 1
    heads.partition(at, axis=1)
    return heads[:, at, None]


def _candidates(rows: Array, lowest: Array | None, k: int, largest: bool) -> Array:
    """Keys and places among which the first k of each row are; others behind them, where rows have not as many."""
    n = rows.shape[1]
    group = min(GROUP, n // (4 * k))
    if group < 4:
        return _packed(_keys(rows, lowest, largest))
    bound = _bound(rows, group, k, largest)
    out = rows < bound if largest else rows > bound  # but not NaN, nor anything beside one
    found = numpy.flatnonzero(~out)
    row, place = numpy.divmod(found, n)
    counts = numpy.bincount(row, minlength=len(rows))
    if counts.max() > n // 4:
        return _packed(_keys(rows, lowest, largest))
    packed = numpy.full((len(rows), counts.max()), numpy.iinfo(numpy.uint64).max, numpy.uint64)
    keys = _keys(rows[row, place], lowest, largest)
    slot = numpy.arange(len(row)) - (numpy.cumsum(counts) - counts)[row]
    packed[row, slot] = _packed(keys, place)
    return packed
