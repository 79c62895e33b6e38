"""Running totals, products and recurrences in compiled steps: the loops of eager mode's (`../../kernels/scans.py`), as a job.

Read before: `gathers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy

from ...functional import cumulative
from ...kernels.scans import RECURRENCE, RUNNING_PRODUCT, RUNNING_TOTAL, planned
from ..program import Instruction, Value
from .places import addressable


class ScanLoop(NamedTuple):
    """A loop, as those of `moves.py`; `operands` whose addresses it is given, and whether that is scratch memory for them."""

    source: str
    sizes: tuple[int, ...]
    operands: tuple[tuple[Value, bool], ...]
    steps: tuple[int, ...]
    growth: tuple[int, ...] | None


SCANS = {
    cumulative.cumulative_sum_row: RUNNING_TOTAL,
    cumulative.cumulative_prod_row: RUNNING_PRODUCT,
    cumulative.recurrence_row: RECURRENCE,
}
"""Operation -> what runs on."""


def scan(instruction: Instruction, forms: Mapping[Value, numpy.ndarray]) -> ScanLoop | None:
    """The loop for an instruction, of values that lie as `forms` says; None if nothing runs on in it, or it has no loop."""
    runs_on = SCANS.get(instruction.op)
    if runs_on is None:
        return None
    y, given = instruction.output, [forms[x] for x in instruction.inputs]
    if any(x.dtype != y.dtype or not addressable(x) for x in given) or not forms[y].flags.c_contiguous:
        return None
    plan = planned(runs_on, given, instruction.params["axis"])
    if plan is None:
        return None
    operands = [*((x, False) for x in instruction.inputs), (y, False)]
    if plan.totals:
        operands.append((Value(y.number, (plan.totals,), runs_on.dtype(y.dtype)), True))
    growth = [by * value.dtype.itemsize for by, (value, _) in zip(plan.growth, operands, strict=True)]
    return ScanLoop(plan.text.replace("real", str(y.dtype)), plan.sizes, tuple(operands), (), tuple(growth))
