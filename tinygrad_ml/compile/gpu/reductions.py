"""What a thread does with the numbers that it meets in a reduction: what it starts with, and how it takes one in.

Read next: `rows.py`, the kernels in which it does.
"""

from __future__ import annotations

from typing import Any

import numpy

from ...backend import dtypes
from ...ops import reduce
from ..program import Instruction
from .expressions import REGISTER, literal

FOLDS: dict[Any, str] = {
    reduce.sum_: "Sum",
    reduce.max_: "Max",
    reduce.min_: "Min",
    reduce.any_: "Max",
    reduce.all_: "Min",
    reduce.argmax: "First_max",
    reduce.argmin: "First_min",
}
"""Reduction -> what puts two numbers together, in `helpers.py`."""
TRUTHS = frozenset((reduce.any_, reduce.all_))
POSITIONS = frozenset((reduce.argmax, reduce.argmin))


class Found:
    """What a thread has found of a reduction so far: a variable, what it starts with, and what it takes in."""

    def __init__(self, instruction: Instruction, operand: str, output: str):
        self.instruction, self.operand, self.output = instruction, operand, output
        self.name = f"found_{output}"
        op, dtype = instruction.op, instruction.inputs[0].dtype
        self.fold, self.result = FOLDS[op], REGISTER[instruction.output.dtype]
        if op is reduce.sum_:
            self.type, self.start = self.result, "0"
        elif op in TRUTHS:
            self.type, self.start = "int", str(int(op is reduce.all_))
        else:
            self.type = REGISTER[dtype] if dtype.kind == "f" or dtype.itemsize >= 4 else "int"
            self.start = _least(dtype) if FOLDS[op].lower().endswith("max") else _greatest(dtype)
            if op in POSITIONS:
                self.start = f"{{{self.start}, {literal(numpy.iinfo(numpy.int64).max, dtypes.int64)}}}"
                self.number, self.type = self.type, f"At<{self.type}>"

    def taken(self, operand: str) -> str:
        """The variable and one more number."""
        op = self.instruction.op
        if op in POSITIONS:
            more = f"{self.type}{{{operand}, column}}"
        elif op in TRUTHS:
            more = f"int({operand} != 0)"
        else:
            more = operand if REGISTER[self.instruction.inputs[0].dtype] == self.type else f"({self.type}){operand}"
        return f"{self.fold}::of({self.name}, {more})"

    def value(self, found: str) -> str:
        """What all have found, as the value of the reduction."""
        if self.instruction.op in POSITIONS:
            return f"{found}.place"
        rounded = self.instruction.output.dtype == dtypes.float16 and self.instruction.op is reduce.sum_
        return f"rounded({found})" if rounded else found


def _least(dtype: numpy.dtype) -> str:
    if dtype.kind == "f":
        return literal(-numpy.inf, dtype)
    return "0" if dtype == dtypes.bool_ else literal(numpy.iinfo(dtype).min, dtype)


def _greatest(dtype: numpy.dtype) -> str:
    if dtype.kind == "f":
        return literal(numpy.inf, dtype)
    return "1" if dtype == dtypes.bool_ else literal(numpy.iinfo(dtype).max, dtype)
