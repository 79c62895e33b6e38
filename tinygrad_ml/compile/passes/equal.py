"""Equal work: the same operation on the same values, done once (common subexpression elimination)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from ..program import Program, Value


def equal(program: Program) -> Program:
    """With the first of equal instructions in the place of all. Draws are never equal."""
    replaced: dict[Value, Value] = {}
    first: dict[Hashable, Value] = {}
    kept = []
    for instruction in program.instructions:
        inputs = tuple(_now(value, replaced) for value in instruction.inputs)
        key = (
            instruction.op.name,
            tuple(map(_same_number, inputs)),
            frozen(instruction.params),
            instruction.output.dtype,
        )
        if key in first and not getattr(instruction.op, "effect", False):
            replaced[instruction.output] = first[key]
        else:
            first[key] = instruction.output
            kept.append(instruction)
    return program.with_instructions(kept, replaced)


def _now(value: Value, replaced: dict[Value, Value]) -> Value:
    return replaced.get(value, value)


def _same_number(value: Value) -> Hashable:
    """The value; of a constant number its bits, of which two are one (0.0 and -0.0 are two)."""
    array = getattr(value.source, "array", None)
    if array is not None and not value.shape and type(array).__module__ == "numpy":
        return "number", value.dtype, array.tobytes()
    return value


def frozen(parameter: Any) -> Hashable:
    """A parameter as something that can be looked up."""
    if isinstance(parameter, dict):
        return tuple((name, frozen(value)) for name, value in parameter.items())
    if isinstance(parameter, (tuple, list)):
        return tuple(map(frozen, parameter))
    if isinstance(parameter, slice):
        return "slice", parameter.start, parameter.stop, parameter.step
    return type(parameter), repr(parameter) if isinstance(parameter, float) else parameter
