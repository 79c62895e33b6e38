"""Kernels that write at the places that an index names. What is read there is a part of other kernels, see `gathers.py`.

Where an index array names a place that is out of range, it is taken from the other end, as on a GPU nobody waits for an
error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...backend import dtypes
from ...ops import index as index_ops
from ...ops.index import ARRAY
from ...ops.shapes import size
from ..program import Instruction, Value
from ..schedule.axes import strides_in
from .expressions import stored
from .index import Index, Part
from .launch import Launch
from .movement import Elements, Forms, copy
from .places import times

ADDED = {
    dtypes.float32: "float",
    dtypes.float64: "double",
    dtypes.int32: "int",
    dtypes.uint32: "unsigned int",
    dtypes.int64: "unsigned long long",
    dtypes.uint64: "unsigned long long",
}
"""The dtypes that a processor adds to memory that several threads add to, and as what it does. A total of float16 would
be too narrow (see `totals.py`): that is eager mode's, in a wider copy."""


def has_launch(instruction: Instruction) -> bool:
    """Whether such an instruction has a kernel: numbers that come to one place together must be of a dtype to add up."""
    adds = instruction.op is index_ops.scatter_add and ARRAY in instruction.params["index"]
    return not (adds or instruction.op is index_ops.assemble) or instruction.output.dtype in ADDED


def scatter_add(instruction: Instruction, forms: Forms) -> list[Launch]:
    """By arrays, threads add to memory in any order, so the last digit may be another in each run, as in eager mode."""
    x, *arrays = instruction.inputs
    output = instruction.output
    if not arrays:
        return [_within(instruction, forms, x, None)]
    kind = ADDED[output.dtype]
    where = f"({kind}*)&{{0}}" if dtypes.int64 == output.dtype else "&{0}"
    return [_at_places(instruction, forms, output, arrays, x, f"atomicAdd({where}, {{1}});".format, (output,))]


def assemble(instruction: Instruction, forms: Forms) -> list[Launch]:
    """The first part with zeros around it, then each other one that is not empty, added where it belongs: no index of
    slices names a place twice."""
    single = [
        Instruction(instruction.op, (part,), {"index": index}, instruction.output)
        for part, index in zip(instruction.inputs, instruction.params["indices"], strict=True)
    ]
    first, *others = single
    others = [one for one in others if size(one.inputs[0].shape)]
    added = [_at_places(one, forms, one.output, [], one.inputs[0], "{0} += {1};".format) for one in others]
    return [_within(first, forms, first.inputs[0], None), *added]


def put(instruction: Instruction, forms: Forms) -> list[Launch]:
    """A copy with other numbers at some places. Where an index array names a place twice, either number may be left."""
    x, values, *arrays = instruction.inputs
    if not arrays:
        return [_within(instruction, forms, values, x)]
    whole = Instruction(instruction.op, (x,), {}, instruction.output)
    written = _at_places(instruction, forms, instruction.output, arrays, values, "{0} = {1};".format)
    return [*copy(whole, forms), written]


def _at_places(
    instruction: Instruction,
    forms: Forms,
    target: Value,
    arrays: list[Value],
    other: Value,
    line: Callable[[str, str], str],
    zeroed: tuple[Value, ...] = (),
) -> Launch:
    """`line` of an element of the target, where the index says, and of the other one, for each that the index names."""
    index = Index(instruction.params["index"], target.shape, [array.shape for array in arrays])
    steps = strides_in(forms[target], target.shape)
    along, first = index.of_target(steps)
    strides: dict[Any, tuple[int, ...]] = {
        ("array", a): index.of_array(strides_in(forms[a], index.common)) for a in arrays
    }
    strides |= {"target": along, "other": strides_in(forms[other], index.shape)}
    elements = Elements(instruction, forms, index.shape, strides)
    lines, more = [], [str(first)] if first else []
    for part in index.parts:
        if part.array is not None:
            array = arrays[part.array]
            place = elements.element(array, key=("array", array))
            lines.append(f"const long long place{part.axis} = wrapped({place}, {target.shape[part.axis]});")
            more.append(times(f"place{part.axis}", steps[part.axis]))
    lines.append(line(elements.element(target, *more, key="target"), elements.element(other, key="other")))
    return elements.launch(lines, zeroed)


def _within(instruction: Instruction, forms: Forms, inner: Value, outer: Value | None) -> Launch:
    """Of every element of the result: whether the slices of an index name it. If so it is of `inner`, else of `outer` or 0."""
    output = instruction.output
    index = Index(instruction.params["index"], output.shape, [])
    steps = strides_in(forms[inner], index.shape)
    along, first, jumps, conditions = [0] * len(output.shape), 0, [], []
    parts = [(part, *_forwards(part, steps)) for part in index.parts]
    strides: dict[Any, tuple[int, ...]] = {output: strides_in(forms[output], output.shape)}
    if outer is not None:
        strides["outer"] = strides_in(forms[outer], output.shape)
    for part, low, step, of_inner, begin in parts:
        first += begin
        if step == 1:
            along[part.axis], first = of_inner, first - low * of_inner
    elements = Elements(instruction, forms, output.shape, {**strides, "inner": along}, range(len(output.shape)))
    for part, low, step, of_inner, _ in parts:
        place, last = elements.places.offset(part.axis), low + step * (part.count - 1)
        conditions += [f"{place} >= {low}"] * (low > 0)
        conditions += [f"{place} <= {last}"] * (last < output.shape[part.axis] - 1)
        if step > 1:
            conditions.append(f"({place} - {low}) % {step} == 0")
            jumps.append(times(f"({place} - {low}) / {step}", of_inner))
    more = [*jumps, *([str(first)] if first else [])]
    target = elements.element(output)
    lines = [f"{target} = {elements.element(inner, *more, key='inner')};"]
    if conditions:
        other = stored("0", output.dtype) if outer is None else elements.element(outer, key="outer")
        lines = [f"if ({' && '.join(conditions)}) {lines[0]}", f"else {target} = {other};"]
    return elements.launch(lines)


def _forwards(part: Part, steps: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(first place, step, stride of the array that lies there, where it begins), with the step made positive."""
    stride = 0 if part.shown is None else steps[part.shown]
    if part.step > 0:
        return part.start, part.step, stride, 0
    return part.start + part.step * (part.count - 1), -part.step, -stride, stride * (part.count - 1)
