"""Running totals, products and recurrences as loops of machine code: each number is what stands in front of it and one more.

Along the last axis that is a chain, of which no part can begin before the one in front of it has ended: so four rows are
gone through side by side. Along another axis there are neighbours, and many of them are computed at once; what they have
come to is kept apart, as wide as it is added up. Rows, or else neighbours, are shared by threads, and each chain has one
order: no bit depends on them. Whatever is added up runs in float64, as everywhere (`../totals.py`); products in their own dtype.

Compiled steps run the same loops (`compile/cpu/scans.py`). Read before: `loops.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy

from ..machine.axes import merged
from . import loops

Array: TypeAlias = Any

ABREAST = 4
"""Rows that are gone through side by side: more of them, far apart in memory, are in the way of each other in the cache."""
FEW_NEIGHBOURS = 8
"""Numbers side by side, behind the axis: of fewer, each is a row of its own."""
BLOCK_OF_TOTALS = 512
"""Neighbours that are gone through together: what they have come to stays in the nearest cache."""


class ScanKind(NamedTuple):
    """What runs on along an axis.

    name    of the operation
    inputs  the names of its arrays
    begin   the number with which it begins
    on      what it is with the next numbers, which have the names of their arrays
    then    what becomes of it when that has been written down; "" if nothing does
    wide    whether it runs in float64
    """

    name: str
    inputs: str
    begin: int
    on: str
    then: str
    wide: bool

    def dtype(self, dtype: numpy.dtype) -> numpy.dtype:
        """The dtype of what runs on, for arrays of a dtype."""
        return numpy.dtype("float64") if self.wide and dtype.kind == "f" else dtype


RUNNING_TOTAL = ScanKind("cumulative_sum", "x", 0, "t + x", "", True)
RUNNING_PRODUCT = ScanKind("cumulative_prod", "x", 1, "t * x", "", False)
RECURRENCE = ScanKind("recurrence", "xa", 0, "t + x", "t * a", True)


class ScanPlan(NamedTuple):
    """What a loop for arrays that lie so is given.

    text     with the word `real` for the dtype of the numbers
    sizes    rows or neighbours, which threads share, and the others
    growth   by how many numbers the arrays go on from one to the next: what is read, what is written, the totals if any
    totals   how many there are, and their dtype
    """

    text: str
    sizes: tuple[int, ...]
    growth: tuple[int, ...]
    totals: int
    dtype: numpy.dtype


def running_total(x: Array, axis: int) -> Array | None:
    """yₖ = x₀ + … + xₖ along an axis; None where NumPy shall do it."""
    return _run(RUNNING_TOTAL, (x,), axis)


def running_product(x: Array, axis: int) -> Array | None:
    """yₖ = x₀ · … · xₖ along an axis; None where NumPy shall do it."""
    return _run(RUNNING_PRODUCT, (x,), axis)


def recurrence(x: Array, a: Array, axis: int) -> Array | None:
    """yₖ = xₖ + aₖ₋₁·yₖ₋₁ along an axis; None where NumPy shall do it."""
    return _run(RECURRENCE, (x, a), axis)


def _run(scan: ScanKind, given: tuple[Array, ...], axis: int) -> Array | None:
    x = given[0]
    if not loops.worth(x):
        return None
    plan = planned(scan, given, axis)
    if plan is None:
        given = tuple(map(numpy.ascontiguousarray, given))
        plan = planned(scan, given, axis)
    assert plan is not None
    y = numpy.empty(x.shape, x.dtype)
    arrays = (*given, y) if not plan.totals else (*given, y, numpy.empty(plan.totals, plan.dtype))
    loops.run(plan.text, plan.sizes[0], plan.sizes[1:], *zip(arrays, plan.growth, strict=True))
    return y


def planned(scan: ScanKind, given: Sequence[Array], axis: int) -> ScanPlan | None:
    """The loop for arrays of one shape that lie as these do, to one in order; None if there is none."""
    shape, dtype = given[0].shape, scan.dtype(given[0].dtype)
    if not given[0].size or any(step % x.itemsize for x in given for step in x.strides):
        return None
    steps = [[step // x.itemsize for step in x.strides] for x in given]
    (outer, outer_steps), (inner, inner_steps) = (
        _one(shape[part], [each[part] for each in steps]) for part in (slice(0, axis), slice(axis + 1, None))
    )
    if outer is None or inner is None:
        return None
    n = shape[axis]
    of_each = zip(outer_steps, [each[axis] for each in steps], inner_steps, strict=True)
    told, wide = [step for three in of_each for step in three], str(dtype)
    if inner < FEW_NEIGHBOURS:
        return ScanPlan(_in_rows(scan, wide), (outer, n, inner, *told), (*outer_steps, n * inner), 0, dtype)
    sizes = (inner, outer, n, *told, n * inner, inner)
    return ScanPlan(_side_by_side(scan, wide), sizes, (*inner_steps, 1, 1), inner, dtype)


def _one(shape: tuple[int, ...], steps: list[list[int]]) -> tuple[int | None, list[int]]:
    """These axes as one: (size, the step of each array); no size if they are more than one."""
    sizes, found = merged(shape, steps)
    return (None, []) if len(sizes) > 1 else ((*sizes, 1)[0], [(*each, 0)[0] for each in found])


def _told(scan: ScanKind) -> str:
    """The steps of its arrays, from row to row, along the axis and beside it, as arguments."""
    return ", ".join(f"{name}_row, {name}_step, {name}_next" for name in scan.inputs)


def _going_on(scan: ScanKind, wide: str, total: str, row: str) -> tuple[str, str, str]:
    """What a total becomes with the numbers i and j of a row; as what it is written down; and what it becomes then."""

    def with_numbers(text: str) -> str:
        read = {name: f"{wide}({name}[{row} * {name}_row + i * {name}_step + j * {name}_next])" for name in scan.inputs}
        return " ".join({"t": total, **read}.get(word, word) for word in text.split())

    return with_numbers(scan.on), f"real({total})", with_numbers(scan.then)


@cache
def _in_rows(scan: ScanKind, wide: str) -> str:
    def abreast(count: int) -> list[str]:
        lines = [f"t{k} = {wide}({scan.begin})" for k in range(count)] + ["for i in range(n):"]
        for k in range(count):
            on, written, then = _going_on(scan, wide, f"t{k}", f"(r + {k})")
            lines += [f"    t{k} = {on}", f"    y[((r + {k}) * n + i) * inner + j] = {written}"]
            lines += [f"    t{k} = {then}"] * bool(then)
        return [f"            {line}" for line in lines]

    lines = [
        f"# {scan.name}, {ABREAST} rows abreast",
        f"def loop(rows, n, inner, {_told(scan)}, {', '.join(f'{name}: reals' for name in scan.inputs)}, y: reals):",
        "    nothing_overlaps()",
        "    for j in range(inner):",
        f"        for r in range(0, rows - {ABREAST - 1}, {ABREAST}):",
        *abreast(ABREAST),
        f"        for r in range(rows // {ABREAST} * {ABREAST}, rows):",
        *abreast(1),
    ]
    return "\n".join(lines) + "\n"


@cache
def _side_by_side(scan: ScanKind, wide: str) -> str:
    on, written, then = _going_on(scan, wide, "t[j]", "o")
    last = f"\n                    t[j] = {then}" if then else ""
    arrays = ", ".join(f"{name}: reals" for name in scan.inputs)
    return f"""# {scan.name}, neighbours at once
def loop(columns, outer, n, {_told(scan)}, y_row, y_step, {arrays}, y: reals, t: {wide}s):
    nothing_overlaps()
    for o in range(outer):
        for first in range(0, columns, {BLOCK_OF_TOTALS}):
            end = min(first + {BLOCK_OF_TOTALS}, columns)
            for j in range(first, end):
                t[j] = {scan.begin}
            for i in range(n):
                for j in range(first, end):
                    t[j] = {on}
                    y[o * y_row + i * y_step + j] = {written}{last}
"""
