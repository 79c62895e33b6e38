"""The function of NumPy that computes an elementwise operation into given memory: `function(*operands, out=array)`.

That memory may be the same as an operand's, if the operation does not want it `apart`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy

from ...backend.arrays import HOST
from ...ops import Primitive
from ..eager import value_of
from ..program import Instruction


def has_form(instruction: Instruction) -> bool:
    """Whether an elementwise operation can be a part of a kernel: not if there are numbers for which it is an error."""
    if not isinstance(instruction.op, Primitive):
        return True
    dtypes, constants = zip(*((value.dtype, value.constant) for value in instruction.inputs), strict=True)
    return instruction.op.defined(dtypes, constants, **instruction.params)


def has_calls(instruction: Instruction) -> bool:
    """Whether NumPy has calls for it that compute many elements at a time."""
    return instruction.op.ufunc is not None


def function_of(instruction: Instruction) -> Callable:
    """What computes it into given memory."""
    function = instruction.op.ufunc
    if function is None or not _gives(function, instruction):
        return lambda *arrays, out: numpy.copyto(out, value_of(instruction, HOST, *arrays))
    return partial(function, **instruction.params) if instruction.params else function


def _gives(function: Callable, instruction: Instruction) -> bool:
    """Whether what it computes is of the dtype that is wanted: NumPy rounds integers to floats."""
    if not isinstance(function, numpy.ufunc):
        return True
    return function.resolve_dtypes((*[v.dtype for v in instruction.inputs], None))[-1] == instruction.output.dtype
