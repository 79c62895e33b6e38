"""Running totals, products and recurrences in compiled steps: the loops of eager mode's (`../../kernels/scans.py`), as a job.

Read before: `gathers.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...functional import cumulative
from ...kernels.scans import RECURRENCE, RUNNING_PRODUCT, RUNNING_TOTAL, ScanPlan, planned
from ...ops import Primitive
from ...ops.shapes import size
from ..program import Call, Instruction, Value
from .places import Forms, Operand, Written, addressable

SCANS: dict[Primitive | Call, Callable[..., ScanPlan | None]] = {
    cumulative.cumulative_sum_row: partial(planned, RUNNING_TOTAL),
    cumulative.cumulative_prod_row: partial(planned, RUNNING_PRODUCT),
    cumulative.recurrence_row: partial(planned, RECURRENCE),
}
"""Operation -> what plans its loop."""


def scan(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """The loop for an instruction, of values that lie as `forms` says; None if it has no loop."""
    y, given = instruction.output, [forms[x] for x in instruction.inputs]
    if any(x.dtype != y.dtype or not addressable(x) for x in given) or not forms[y].flags.c_contiguous:
        return None
    plan = SCANS[instruction.op](given, instruction.params["axis"])
    if plan is None:
        return None
    operands = [*map(Operand, instruction.inputs), Operand(y)]
    if plan.totals:
        operands.append(Operand(Value(y.number, (plan.totals,), plan.dtype), scratch=True))
    growth = tuple([by * operand.value.dtype.itemsize for by, operand in zip(plan.growth, operands, strict=True)])
    text = plan.text.replace("real", str(y.dtype))
    return [Written(text, plan.sizes, tuple(operands), (), size(y.shape), growth)]
