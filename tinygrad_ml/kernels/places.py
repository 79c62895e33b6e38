"""Rows of a table by their numbers, as machine code: sums of many rows at places, and the means of bags of them.

Rows are added up one after the other, as NumPy adds them, in the dtype `wide`.
"""

from __future__ import annotations

from math import prod
from typing import Any, TypeAlias

import numpy

from .. import totals
from . import loops

Array: TypeAlias = Any

ROWS_ADDED = """\
def loop(once, count, width, x: reals, places: int64s, table: wides):
    nothing_overlaps()
    for r in range(once):
        for i in range(count):
            at = places[i] * width
            for j in range(width):
                table[at + j] = table[at + j] + wide(x[i * width + j])
"""

BAGS = """\
def loop(bags, count, width, nothing, table: reals, places: int64s, share: reals, y: reals):
    nothing_overlaps()
    for b in range(bags):
        for j in range(width):
            y[b * width + j] = real(0)
        for i in range(count):
            if places[b * count + i] != nothing:
                at = places[b * count + i] * width
                for j in range(width):
                    y[b * width + j] = y[b * width + j] + table[at + j]
        for j in range(width):
            y[b * width + j] = y[b * width + j] / share[b]
"""

BAGS_GRADIENT = """\
def loop(once, bags, count, width, nothing, g: reals, places: int64s, table: wides):
    nothing_overlaps()
    for r in range(once):
        for b in range(bags):
            for i in range(count):
                if places[b * count + i] != nothing:
                    at = places[b * count + i] * width
                    for j in range(width):
                        table[at + j] = table[at + j] + wide(g[b * width + j])
"""


def add_at(target: Array, index: Any, values: Array, wide: numpy.dtype) -> None:
    """target[index] += values, where an index that occurs twice is added twice; see `../totals.py`."""
    if not (_names_rows_of(target, index) and _worth(target, index[0], values)):
        totals.add_at(target, index, values, wide)
        return
    count, width = len(index[0]), values.size // len(index[0])
    sums = target.astype(wide, copy=False)
    text = ROWS_ADDED.replace("wide", wide.name)
    given = [numpy.ascontiguousarray(array) for array in (values, index[0])]
    loops.run(text, 1, (count, width), *[(array, 0) for array in (*given, sums)])
    if sums is not target:
        target[...] = sums


def _names_rows_of(table: Array, index: Any) -> bool:
    return (
        isinstance(index, tuple)
        and len(index) == 1
        and type(index[0]) is numpy.ndarray
        and index[0].dtype == numpy.int64
        and table.flags.c_contiguous
    )


def _worth(table: Array, places: Array, values: Array) -> bool:
    """Whether many rows, each with its own numbers, are added at places that are there."""
    if places.ndim != 1 or values.dtype != table.dtype or values.shape != (*places.shape, *table.shape[1:]):
        return False
    return loops.worth(values) and places.min() >= 0 and places.max() < len(table)


def worth_along(x: Array, indices: Array, axis: int) -> bool:
    """Whether numbers along an axis are read by where they are in the flat array: there is no place that is not there."""
    there = x.flags.c_contiguous and indices.dtype == numpy.int64 and indices.size > 0
    return there and indices.view(numpy.uint64).max() < x.shape[axis]  # what is negative is large there


def along(x: Array, indices: Array, axis: int) -> tuple[Array]:
    """x[.., indices[.., i, ..], ..]"""
    return (x.reshape(-1).take(_flat_along(indices, x.shape[axis], axis)),)


def along_gradient(g: Array, indices: Array, like: Any, axis: int, needed: Any) -> tuple[Array, None]:
    """The share of what was read from."""
    share = numpy.zeros(prod(like.shape), g.dtype)
    wide = totals.accumulator(g.dtype, running=share.size <= g.size)
    add_at(share, (_flat_along(indices, like.shape[axis], axis).reshape(-1),), g.reshape(-1), wide)
    return share.reshape(like.shape), None


def _flat_along(indices: Array, n: int, axis: int) -> Array:
    """Where in a flat array, which has n numbers along the axis, those are that `indices` name."""
    inner = prod(indices.shape[axis + 1 :])
    rows = indices.reshape(-1, indices.shape[axis], inner)
    begins = numpy.arange(0, len(rows) * n * inner, n * inner)[:, None, None]
    if inner == 1:
        return (rows + begins).reshape(indices.shape)
    return (rows * inner + (begins + numpy.arange(inner))).reshape(indices.shape)


def worth_bags(table: Array, places: Array, nothing: int, mean: bool) -> bool:
    """Whether bags of rows are put together here: of places that are there, not so many in a bag that sums need runs."""
    bags, count = places.shape
    if not bags or not 0 < count <= totals.RUNNING_SUM_ELEMENTS or places.dtype != numpy.int64:
        return False
    lies = table.flags.c_contiguous and places.flags.c_contiguous
    return (
        lies and table.dtype.char in "fd" and places.size * table.shape[1] >= loops.MANY_ELEMENTS and loops.worth(table)
    )


def bags(table: Array, places: Array, nothing: int, mean: bool) -> tuple[Array, Array]:
    """The sums, or means, of the rows at places (bags, n), but for the row `nothing`; and by what each was divided."""
    (number, count), width = places.shape, table.shape[1]
    share = numpy.ones(number, table.dtype)
    if mean:
        numpy.maximum(numpy.count_nonzero(places != nothing, axis=1), share, out=share, casting="unsafe")
    y = numpy.empty((number, width), table.dtype)
    loops.run(BAGS, number, (count, width, nothing), (table, 0), (places, count), (share, 1), (y, width))
    return y, share


def bags_gradient(
    g: Array, input: Array, share: Array, like: Any, nothing: int, mean: bool, needed: Any
) -> tuple[Array, None]:
    """The share of the table: that of a bag goes to each of its rows."""
    (number, count), width = input.shape, like.shape[1]
    each = g / share[:, None]
    wide = numpy.dtype("float64") if prod(like.shape) <= input.size * width else g.dtype
    table = numpy.zeros(like.shape, wide)
    text = BAGS_GRADIENT.replace("wide", wide.name)
    loops.run(text, 1, (number, count, width, nothing), (each, 0), (input, 0), (table, 0))
    return table.astype(g.dtype, copy=False), None
