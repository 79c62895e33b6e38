"""What is added up, is added up wide, and in runs: how totals keep their digits, in eager mode and in compiled steps.

A running total of float16 cannot count beyond 2048, one of float32 not beyond 16,777,216, and long before it gets there, each
addition drops those digits of its number that are small beside the total. So:

- float16 is added up in float32, and rounded once, at the end;
- no total runs on for more than `RUNNING_SUM_ELEMENTS` numbers: it is set aside, and the totals of the runs are added up in
  turn, so that the error grows with log n. NumPy does so along the axis that is innermost in memory, and along no other;
- where a total has to run on, because each of its values is wanted, or because its numbers come in no order (cumulative
  sums, numbers scattered to places), that of float32 is a float64.

`accumulator` says how wide a total is; the rest are the totals of NumPy's arrays.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy

float16, float32, float64 = (numpy.dtype(name) for name in ("float16", "float32", "float64"))

RUNNING_SUM_ELEMENTS = 128
"""This many numbers at most are added to one running total."""

RUNNING_PRODUCT_ELEMENTS = 4096
"""This many products are added up by the library of NumPy's products, which has some dozens of totals beside each other. It shares
more than twice as many among threads, and then the last digits would depend on how many there are."""

ADDED_BY_ONES_ELEMENTS = 8192
"""So many numbers at most a product with ones adds up, on one thread."""
FIRST = numpy.zeros(1, numpy.intp)

SCATTERED_ELEMENTS = 16384
"""Numbers that are scattered at a time."""
FLAT_FROM_ELEMENTS = 2048
"""So many numbers are worth the time that it takes to say where they lie in a flat table."""
SPARSE_FROM_ELEMENTS = 32768
"""So many are worth a sparse product, and SciPy's import at the first of them."""
SPARSE_AT_A_TIME = 1 << 20
"""Numbers of a sparse product."""


def accumulator(dtype: numpy.dtype, running: bool = False) -> numpy.dtype:
    """The dtype of a total of numbers of a `dtype`; `running` for one that cannot be set aside."""
    if running and dtype == float32:
        return float64
    return float32 if dtype == float16 else dtype


def is_plain(dtype: numpy.dtype, count: int) -> bool:
    """Whether totals of this many numbers each are what NumPy's own sum gives: one run, in the dtype of the numbers."""
    return count <= RUNNING_SUM_ELEMENTS and accumulator(dtype) == dtype


def total(x: numpy.ndarray, axis: tuple[int, ...], keepdims: bool, wide: numpy.dtype) -> numpy.ndarray:
    """Σ x over the axes, added up in the dtype `wide`."""
    if x.size > ADDED_BY_ONES_ELEMENTS or x.dtype is not wide or not x.flags.c_contiguous:
        return _in_runs(x, axis, keepdims, wide)
    if len(axis) == 1 and x.ndim == 2 and wide.kind == "f":
        return _of_matrix(x, axis[0], keepdims)
    if (
        len(axis) == x.ndim
        or x.size <= RUNNING_SUM_ELEMENTS
        or (len(axis) == 1 and x.shape[axis[0]] <= RUNNING_SUM_ELEMENTS)
    ):
        return numpy.add.reduce(x, axis=axis, keepdims=keepdims)
    return _in_runs(x, axis, keepdims, wide)


def squares(x: numpy.ndarray) -> float:
    """Σ x², of runs that are added up in the dtype of x, in float64. It is inf, or loses digits, where x² is too large, or small."""
    flat, run = x.reshape(-1), RUNNING_PRODUCT_ELEMENTS
    if flat.size <= run:
        return float(numpy.dot(flat, flat))
    whole = flat.size - flat.size % run
    rows, rest = flat[:whole].reshape(-1, run), flat[whole:]
    return float(numpy.vecdot(rows, rows).sum(dtype=numpy.float64)) + float(numpy.dot(rest, rest))


def _of_matrix(x, axis: int, keepdims: bool):
    """The sums of a small network, which spends its time on being called: a product with ones is called in a third of the time."""
    count = x.shape[axis]
    if count <= RUNNING_SUM_ELEMENTS:
        ones = _ones(count, x.dtype)
        y = x.dot(ones) if axis else ones.dot(x)
    elif axis:
        y = numpy.add.reduce(x, 1)
    else:
        y = numpy.add.reduceat(x, FIRST, 0)[0]  # which goes down column by column, in runs
    return (y[:, None] if axis else y[None]) if keepdims else y


@cache
def _ones(count: int, dtype: numpy.dtype) -> numpy.ndarray:
    return numpy.ones(count, dtype)


def _in_runs(x, axis: tuple[int, ...], keepdims: bool, wide: numpy.dtype):
    count = math.prod([x.shape[a] for a in axis])
    slow = _slow(x, axis) if count > RUNNING_SUM_ELEMENTS else ()
    run = math.prod([x.shape[a] for a in slow])
    if run <= RUNNING_SUM_ELEMENTS:
        return numpy.add.reduce(x, axis=axis, dtype=wide, keepdims=keepdims)
    # The longest axis is cut into blocks of so many rows that each of them is one run.
    longest = max(slow, key=x.shape.__getitem__)
    n, before, behind = x.shape[longest], x.shape[:longest], x.shape[longest + 1 :]
    rows = max(RUNNING_SUM_ELEMENTS * n // run, 1)
    whole = n - n % rows
    lead = (slice(None),) * longest
    blocks = x[(*lead, slice(0, whole))].reshape((*before, n // rows, rows, *behind))
    inside = tuple(a + (a >= longest) for a in axis)
    totals = _in_runs(blocks, inside, True, wide).reshape(_left(x.shape, axis, longest, n // rows))
    if whole < n:
        rest = _in_runs(x[(*lead, slice(whole, n))], axis, True, wide)
        totals = numpy.concatenate([totals, rest], axis=longest)
    return _in_runs(totals, axis, keepdims, wide)


def _slow(x, axis: tuple[int, ...]) -> list[int]:
    """The axes of `axis` along which NumPy adds number after number: all that are not innermost in memory."""
    slow, step = [a for a in axis if x.shape[a] > 1], None
    long = [a for a in range(x.ndim) if x.shape[a] > 1]
    if not all(x.strides[a] for a in long):
        return slow  # a repeated axis may be walked along at any time
    for a in sorted(long, key=lambda a: abs(x.strides[a])):
        if a not in axis or (step is not None and abs(x.strides[a]) != step):
            break
        slow.remove(a)
        step = abs(x.strides[a]) * x.shape[a]
    return slow


def _left(shape: tuple[int, ...], axis: tuple[int, ...], longest: int, blocks: int) -> tuple[int, ...]:
    return tuple(blocks if a == longest else 1 if a in axis else n for a, n in enumerate(shape))


def add_at(target: numpy.ndarray, index: Any, values: numpy.ndarray, wide: numpy.dtype) -> None:
    """target[index] += values, where an index that occurs twice is added twice; added up in the dtype `wide`."""
    sums = target.astype(wide, copy=False)
    if values.size < FLAT_FROM_ELEMENTS or not (sums.flags.c_contiguous and _names_rows(index, target.shape)):
        numpy.add.at(sums, index, values.astype(wide, copy=False))
    else:  # block by block, so that all stays near
        inside = target.shape[len(index) :]
        common = numpy.broadcast_shapes(*[array.shape for array in index], (1,))
        arrays = [numpy.broadcast_to(array, common) for array in index]
        values, row = numpy.broadcast_to(values, common + inside), math.prod(inside)
        product = _sparse_product() if values.size >= SPARSE_FROM_ELEMENTS and row > 1 and wide.kind == "f" else None
        most = SPARSE_AT_A_TIME if product else SCATTERED_ELEMENTS
        step = max(most * common[0] // max(values.size, 1), 1)
        for start in range(0, common[0], step):
            block = slice(start, start + step)
            places = _rows_in_flat([array[block] for array in arrays], target.shape).reshape(-1)
            adding = values[block].astype(wide, copy=False)
            if product:
                _add_rows(sums.reshape(-1, row), places, adding, product)
            else:  # in a table of one axis, for which NumPy is several times as quick
                places = places[:, None] * row + numpy.arange(row)
                numpy.add.at(sums.reshape(-1), places.reshape(-1), adding.reshape(-1))
    if sums is not target:
        target[...] = sums


def _add_rows(table: numpy.ndarray, places: numpy.ndarray, values: numpy.ndarray, product: Callable) -> None:
    """table[places] += values, row by row: S @ values, of which column j has a one where row j goes.

    SciPy adds up column by column, so in the same order as NumPy.
    """
    count, (extent, row) = len(places), table.shape
    ones, columns = numpy.ones(count, table.dtype), numpy.arange(count + 1)
    product(extent, count, row, columns, places, ones, values.reshape(-1), table.reshape(-1))


@cache
def _sparse_product() -> Callable | None:
    """What adds S @ X to Y, for a sparse S whose columns are stored, imported when it is wanted, as that takes long; None
    without SciPy. It is the inside of `csc_array @ X`, which makes a table of its own, and of few rows takes thrice as long."""
    try:
        from scipy.sparse._sparsetools import csc_matvecs
    except ImportError:
        return None
    return csc_matvecs


def _names_rows(index: Any, shape: tuple[int, ...]) -> bool:
    """Whether an index has arrays only, for the first axes, and all of their numbers are places."""
    return isinstance(index, tuple) and all(
        isinstance(part, numpy.ndarray) and part.min(initial=0) >= -extent and part.max(initial=0) < extent
        for part, extent in zip(index, shape, strict=False)
    )


def _rows_in_flat(index: list, shape: tuple[int, ...]) -> numpy.ndarray:
    """Which rows an index names, in the table as if its first axes were one."""
    places = numpy.zeros((), numpy.int64)
    for array, extent in zip(index, shape, strict=False):
        places = places * extent + (
            numpy.where(array < 0, array + extent, array) if array.min(initial=0) < 0 else array
        )
    return places
