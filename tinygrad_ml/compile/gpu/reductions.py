"""What a thread does with the numbers that it meets in a reduction: what it starts with, and how it takes one in.

Read next: `rows.py`, the kernels in which it does.
"""

from __future__ import annotations

from itertools import count

import numpy

from ...backend import dtypes
from ..program import Instruction
from ..schedule.reductions import first_number, together
from .expressions import REGISTER, expression, literal, printed
from .helpers import HELPERS


def has_fold(instruction: Instruction) -> bool:
    """Whether it is a reduction whose way to put two numbers together can be written."""
    return instruction.reduces and printed(together(instruction, _folded(instruction)))


def _folded(instruction: Instruction) -> numpy.dtype:
    """The dtype in which numbers are put together: float16 is rounded at the end."""
    dtype = (instruction.inputs[0] if instruction.op.kind == "position" else instruction.output).dtype
    return dtypes.float32 if dtype == dtypes.float16 else dtype


class Accumulator:
    """What a thread has found of a reduction so far: a variable `name` of a `type`, what it starts with, what it is when it has
    `taken` in one more number, and `fold`, which puts two of them together."""

    def __init__(self, instruction: Instruction, operand: str, output: str):
        self.instruction, self.output, self.name = instruction, output, f"found_{output}"
        self.result, dtype = REGISTER[instruction.output.dtype], _folded(instruction)
        self.type = REGISTER[dtype] if dtype.kind == "f" or dtype.itemsize >= 4 else "int"
        self.start = literal(first_number(instruction, dtype), dtype)
        self.fold = _fold(instruction, dtype, self.type)
        if instruction.op.kind == "position":
            self.start = f"{{{self.start}, {literal(numpy.iinfo(numpy.int64).max, dtypes.int64)}}}"
            self.fold, self.type = f"First<{self.fold}>", f"At<{self.type}>"
            operand = f"{self.type}{{{operand}, column}}"
        elif instruction.output.dtype == dtypes.bool_:
            operand = f"int({operand} != 0)"
        elif REGISTER[instruction.inputs[0].dtype] != self.type:
            operand = f"({self.type}){operand}"
        self.taken = f"{self.fold}::of({self.name}, {operand})"

    def value(self, total: str) -> str:
        """What all have total, as the value of the reduction."""
        if self.instruction.op.kind == "position":
            return f"{total}.place"
        return f"rounded({total})" if self.instruction.output.dtype == dtypes.float16 else total


def _fold(instruction: Instruction, dtype: numpy.dtype, kind: str) -> str:
    """The name of what puts two numbers together, which is entered among the helpers of kernels."""
    text = expression(together(instruction, dtype), ["b", "a"])
    stem = name = f"{instruction.fold[0].name}_{kind.replace(' ', '_')}"
    for number in count(2):
        source = f"struct {name} {{ static __device__ {kind} of({kind} a, {kind} b) {{ return {text}; }} }};\n"
        if HELPERS.setdefault(name, source) == source:
            break
        name = f"{stem}_{number}"  # another operation has that name
    return name
