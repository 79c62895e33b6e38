"""What a reduction is made of, said once for every writer: how two numbers become one, and which number is there first.

Read before: `kernel.py`.
"""

from __future__ import annotations

import math

import numpy

from ...ops import elementwise
from ..program import Instruction, Value


def adds_up(instruction: Instruction) -> bool:
    """Whether it adds floats up, which is done wide: see `totals.py`."""
    return instruction.reduces and instruction.fold[0] is elementwise.add and instruction.output.dtype.kind == "f"


def extremum_of_floats(instruction: Instruction) -> str | None:
    """`maximum` or `minimum`, if it looks for that among floats: in any order, and nan if one of them is nan."""
    fold = instruction.fold[0]
    known = fold is elementwise.maximum or fold is elementwise.minimum
    return fold.name if known and instruction.output.dtype.kind == "f" else None


def together(instruction: Instruction, dtype: numpy.dtype) -> Instruction:
    """Two numbers of a dtype, put together: an instruction on single numbers."""
    a, b, both = (Value(number, (), dtype) for number in range(3))
    return Instruction(instruction.fold[0], (a, b), {}, both)


def first_number(instruction: Instruction, dtype: numpy.dtype) -> float:
    """What it begins with: an integer's infinity is the largest or the least one that there is."""
    _, start = instruction.fold
    if math.isfinite(start) or dtype.kind == "f":
        return start
    if dtype.kind == "b":
        return start > 0
    return numpy.iinfo(dtype).max if start > 0 else numpy.iinfo(dtype).min
