"""Running totals and products as loops of machine code: each number is what stands in front of it and one more.

Along the last axis that is a chain, of which no part can begin before the one in front of it has ended: so eight rows are
gone through side by side. Along another axis there are neighbours, and many of them are computed at once; what they have
come to is kept apart, as wide as it is added up. Rows, or else neighbours, are shared by threads, and each chain has one
order: no bit depends on them. Totals run in float64, as everywhere (`../backend/sums.py`); products in their own dtype.

Compiled steps run the same loops (`compile/cpu/scans.py`). Read before: `loops.py`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy

from ..machine.axes import merged
from . import loops

Array: TypeAlias = Any

ABREAST = 8
"""Rows that are gone through side by side."""
FEW_NEIGHBOURS = 8
"""Numbers side by side, behind the axis: of fewer, each is a row of its own."""
BLOCK_OF_TOTALS = 512
"""Neighbours that are gone through together: what they have come to stays in the nearest cache."""


class ScanPlan(NamedTuple):
    """What a loop for arrays that lie so is given.

    text     with the word `real` for the dtype of the numbers
    sizes    rows or neighbours, which threads share, and the others
    growth   by how many numbers the arrays go on from one to the next: what is read, what is written, the totals if any
    totals   how many there are
    """

    text: str
    sizes: tuple[int, ...]
    growth: tuple[int, ...]
    totals: int


def running_total(x: Array, axis: int) -> Array | None:
    """yₖ = x₀ + … + xₖ along an axis; None where NumPy shall do it."""
    return _run("+", x, axis)


def running_product(x: Array, axis: int) -> Array | None:
    """yₖ = x₀ · … · xₖ along an axis; None where NumPy shall do it."""
    return _run("*", x, axis)


def _run(sign: str, x: Array, axis: int) -> Array | None:
    if not loops.worth(x):
        return None
    plan = planned(sign, x, axis)
    if plan is None:
        x = numpy.ascontiguousarray(x)
        plan = planned(sign, x, axis)
    assert plan is not None
    y = numpy.empty(x.shape, x.dtype)
    arrays = (x, y) if not plan.totals else (x, y, numpy.empty(plan.totals, dtype_of(sign, x.dtype)))
    loops.run(plan.text, plan.sizes[0], plan.sizes[1:], *zip(arrays, plan.growth, strict=True))
    return y


def dtype_of(sign: str, dtype: numpy.dtype) -> numpy.dtype:
    """The dtype of what runs on."""
    return numpy.dtype("float64") if sign == "+" and dtype.kind == "f" else dtype


def planned(sign: str, x: Array, axis: int) -> ScanPlan | None:
    """The loop for an array that lies as x does, to one in order; None if there is none."""
    wide = str(dtype_of(sign, x.dtype))
    n, steps = x.shape[axis], [step // x.itemsize for step in x.strides]
    if not x.size or any(step % x.itemsize for step in x.strides):
        return None
    (outer, outer_step), (inner, inner_step) = (
        _one(x.shape[part], steps[part]) for part in (slice(0, axis), slice(axis + 1, None))
    )
    if outer is None or inner is None:
        return None
    if inner < FEW_NEIGHBOURS:
        return ScanPlan(
            _in_rows(sign, wide), (outer, n, inner, outer_step, steps[axis], inner_step), (outer_step, n * inner), 0
        )
    sizes = (inner, outer, n, outer_step, steps[axis], inner_step, n * inner, inner)
    return ScanPlan(_side_by_side(sign, wide), sizes, (inner_step, 1, 1), inner)


def _one(shape: tuple[int, ...], steps: list[int]) -> tuple[int | None, int]:
    """(size, step) of these axes as one; no size if they are more than one."""
    sizes, (found,) = merged(shape, [steps])
    return (None, 0) if len(sizes) > 1 else ((*sizes, 1)[0], (*found, 0)[0])


@cache
def _in_rows(sign: str, wide: str) -> str:
    begin = 0 if sign == "+" else 1

    def abreast(count: int) -> list[str]:
        return [
            *(f"            t{k} = {wide}({begin})" for k in range(count)),
            "            for i in range(n):",
            *(
                line
                for k in range(count)
                for line in (
                    f"                t{k} = t{k} {sign} {wide}(x[(r + {k}) * x_row + i * x_step + j * x_next])",
                    f"                y[((r + {k}) * n + i) * inner + j] = real(t{k})",
                )
            ),
        ]

    lines = [
        f"# {_NAMES[sign]}, {ABREAST} rows abreast",
        "def loop(rows, n, inner, x_row, x_step, x_next, x: reals, y: reals):",
        "    nothing_overlaps()",
        "    for j in range(inner):",
        f"        for r in range(0, rows - {ABREAST - 1}, {ABREAST}):",
        *abreast(ABREAST),
        f"        for r in range(rows // {ABREAST} * {ABREAST}, rows):",
        *abreast(1),
    ]
    return "\n".join(lines) + "\n"


@cache
def _side_by_side(sign: str, wide: str) -> str:
    begin = 0 if sign == "+" else 1
    return f"""# {_NAMES[sign]}, neighbours at once
def loop(columns, outer, n, x_row, x_step, x_next, y_row, y_step, x: reals, y: reals, t: {wide}s):
    nothing_overlaps()
    for o in range(outer):
        for first in range(0, columns, {BLOCK_OF_TOTALS}):
            end = min(first + {BLOCK_OF_TOTALS}, columns)
            for j in range(first, end):
                t[j] = {begin}
            for i in range(n):
                for j in range(first, end):
                    t[j] = t[j] {sign} {wide}(x[o * x_row + i * x_step + j * x_next])
                    y[o * y_row + i * y_step + j] = real(t[j])
"""


_NAMES = {"+": "cumulative_sum", "*": "cumulative_prod"}
