"""Running totals, products and recurrences in compiled steps: the loops of eager mode's (`../../kernels/scans.py`), as a job.

Read before: `gathers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy

from ...functional import cumulative
from ...kernels.scans import RECURRENCE, RUNNING_PRODUCT, RUNNING_TOTAL, ScanPlan, planned
from ...ops import Primitive
from ..program import Call, Instruction, Value
from .places import addressable


class ScanLoop(NamedTuple):
    """A loop, as those of `moves.py`; `operands` whose addresses it is given, and whether that is scratch memory for them."""

    source: str
    sizes: tuple[int, ...]
    operands: tuple[tuple[Value, bool], ...]
    steps: tuple[int, ...]
    growth: tuple[int, ...] | None


SCANS: dict[Primitive | Call, Callable[..., ScanPlan | None]] = {
    cumulative.cumulative_sum_row: partial(planned, RUNNING_TOTAL),
    cumulative.cumulative_prod_row: partial(planned, RUNNING_PRODUCT),
    cumulative.recurrence_row: partial(planned, RECURRENCE),
}
"""Operation -> what plans its loop."""


def scan(instruction: Instruction, forms: Mapping[Value, numpy.ndarray]) -> ScanLoop | None:
    """The loop for an instruction, of values that lie as `forms` says; None if nothing runs on in it, or it has no loop."""
    plan_of = SCANS.get(instruction.op)
    if plan_of is None:
        return None
    y, given = instruction.output, [forms[x] for x in instruction.inputs]
    if any(x.dtype != y.dtype or not addressable(x) for x in given) or not forms[y].flags.c_contiguous:
        return None
    plan = plan_of(given, instruction.params["axis"])
    if plan is None:
        return None
    operands = [*((x, False) for x in instruction.inputs), (y, False)]
    if plan.totals:
        operands.append((Value(y.number, (plan.totals,), plan.dtype), True))
    growth = [by * value.dtype.itemsize for by, (value, _) in zip(plan.growth, operands, strict=True)]
    return ScanLoop(plan.text.replace("real", str(y.dtype)), plan.sizes, tuple(operands), (), tuple(growth))
