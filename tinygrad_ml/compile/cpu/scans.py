"""Running totals in compiled steps: the loops of eager mode's (`../../kernels/scans.py`), as a job.

Read before: `gathers.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy

from ...functional import cumulative
from ...kernels.scans import dtype_of, planned
from ..program import Instruction, Value
from .places import addressable


class ScanLoop(NamedTuple):
    """A loop, as those of `moves.py`; `operands` whose addresses it is given, and whether that is scratch memory for them."""

    source: str
    sizes: tuple[int, ...]
    operands: tuple[tuple[Value, bool], ...]
    steps: tuple[int, ...]
    growth: tuple[int, ...] | None


def scan(instruction: Instruction, forms: Mapping[Value, numpy.ndarray]) -> ScanLoop | None:
    """The loop for an instruction, of values that lie as `forms` says; None if it is no running total, or has no loop."""
    if instruction.op is not cumulative.cumulative_sum_row:
        return None
    (x,), y = instruction.inputs, instruction.output
    if x.dtype != y.dtype or not addressable(forms[x]) or not forms[y].flags.c_contiguous:
        return None
    plan = planned("+", forms[x], instruction.params["axis"])
    if plan is None:
        return None
    operands = [(x, False), (y, False)]
    if plan.totals:
        operands.append((Value(y.number, (plan.totals,), dtype_of("+", y.dtype)), True))
    growth = [by * value.dtype.itemsize for by, (value, _) in zip(plan.growth, operands, strict=True)]
    return ScanLoop(plan.text.replace("real", str(x.dtype)), plan.sizes, tuple(operands), (), tuple(growth))
