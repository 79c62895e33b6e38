"""Equal work: the same operation on the same values, done once (common subexpression elimination).

Small constants with the same numbers are one value: so the same operation on a 0 here and a 0 there is found, too.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy

from ..program import Program, Value

COMPARED_CONSTANT_BYTES = 4096
"""Bytes of a constant up to which it is compared with others: the columns of a table, not the images."""


def equal(program: Program) -> Program:
    """With the first of equal instructions, and of equal constants, in the place of all. Draws are never equal."""
    replaced = _equal_constants(program)
    first: dict[Hashable, Value] = {}
    kept, as_it_is = [], replaced.keys().isdisjoint
    for instruction in program.instructions:
        if not as_it_is(instruction.inputs):
            instruction = instruction.of(tuple([replaced.get(value, value) for value in instruction.inputs]))
        key = instruction.op, instruction.inputs, instruction.frozen, instruction.output.dtype
        if key in first and not getattr(instruction.op, "effect", False):
            replaced[instruction.output] = first[key]
        else:
            first[key] = instruction.output
            kept.append(instruction)
    return program.with_instructions(kept, replaced)


def _equal_constants(program: Program) -> dict[Value, Value]:
    """Constant -> the first one with the same bits (0.0 and -0.0 are two), where that is another one."""
    first: dict[Hashable, Value] = {}
    replaced = {}
    for value in program.sources():
        numbers = numbers_of(value)
        if numbers is not None:
            same = first.setdefault(numbers, value)
            if same is not value:
                replaced[value] = same
    return replaced


def numbers_of(value: Value) -> Hashable:
    """What is equal for constants of the same bits, if they are small; None for all other values."""
    array = value.constant
    if not isinstance(array, (numpy.ndarray, numpy.generic)) or value.nbytes > COMPARED_CONSTANT_BYTES:
        return None
    return value.dtype, value.shape, array.tobytes()
