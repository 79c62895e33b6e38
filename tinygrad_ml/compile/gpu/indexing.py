"""Kernels that write at the places that an index names. What is read there is a part of other kernels, see `gathers.py`.

Where an index array names a place that is out of range, it is taken from the other end, as on a GPU nobody waits for an
error.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy

from ...backend import dtypes
from ...ops import index as index_ops
from ...ops.index import ARRAY, getitem_shape
from ...ops.shapes import broadcast, size
from ..program import Instruction, Value
from ..schedule.axes import strides_in
from .expressions import stored
from .index import Index, of_each_axis
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
    return [_at_places(instruction, forms, output, arrays, x, f"atomicAdd({where}, {{1}});", (output,))]


def assemble(instruction: Instruction, forms: Forms) -> list[Launch]:
    """The first part with zeros around it, then each other one that is not empty, added where it belongs: no index of
    slices names a place twice."""
    single = [
        Instruction(instruction.op, (part,), {"index": index}, instruction.output)
        for part, index in zip(instruction.inputs, instruction.params["indices"], strict=True)
    ]
    first, *others = single
    others = [one for one in others if size(one.inputs[0].shape)]
    added = [_at_places(one, forms, one.output, [], one.inputs[0], "{0} += {1};") for one in others]
    return [_within(first, forms, first.inputs[0], None), *added]


def put(instruction: Instruction, forms: Forms) -> list[Launch]:
    """A copy with other numbers at some places. Where an index array names a place twice, either number may be left."""
    x, values, *arrays = instruction.inputs
    if not arrays:
        return [_within(instruction, forms, values, x)]
    whole = Instruction(instruction.op, (x,), {}, instruction.output)
    written = _at_places(instruction, forms, instruction.output, arrays, values, "{0} = {1};")
    return [*copy(whole, forms), written]


def _at_places(
    instruction: Instruction,
    forms: Forms,
    target: Value,
    arrays: list[Value],
    other: Value,
    line: str,
    zeroed: tuple[Value, ...] = (),
) -> Launch:
    """`line` of an element of the target, where the index says, and of the other one, for each that the index names."""
    common = broadcast(*(array.shape for array in arrays)) if arrays else ()
    index = Index(instruction.params["index"], forms[target], common)
    strides: dict[Hashable, Sequence[int]] = {
        ("array", a): index.of_array(strides_in(forms[a], common)) for a in arrays
    }
    strides |= {"target": index.along, "other": strides_in(forms[other], index.shape)}
    elements = Elements(instruction, forms, index.shape, strides)
    places = index.places([elements.element(a, key=("array", a)) for a in arrays])
    element = elements.element(target, *places, key="target")
    return elements.launch([line.format(element, elements.element(other, key="other"))], zeroed)


def _within(instruction: Instruction, forms: Forms, inner: Value, outer: Value | None) -> Launch:
    """Of every element of the result: whether the slices of an index name it. If so it is of `inner`, else of `outer` or 0."""
    output, index = instruction.output, instruction.params["index"]
    parts = zip(of_each_axis(index, len(output.shape)), output.shape, strict=True)
    named = [
        range(n)[part] if isinstance(part, slice) else range(int(part) % n, int(part) % n + 1) for part, n in parts
    ]
    # What lies there, with an axis for each of the result: none of those that None adds, and one for each number.
    there = numpy.broadcast_to(forms[inner], getitem_shape(output.shape, index=index))
    there = numpy.reshape(there, [len(places) for places in named], copy=False)
    first, steps, along = 0, list(strides_in(there, there.shape)), [0] * len(named)
    for axis, places in enumerate(named):
        if places.step < 0:
            first += steps[axis] * (len(places) - 1)
            named[axis], steps[axis] = places[::-1], -steps[axis]
        if named[axis].step == 1:
            first, along[axis] = first - named[axis].start * steps[axis], steps[axis]
    strides: dict[Hashable, Sequence[int]] = {output: strides_in(forms[output], output.shape), "inner": along}
    if outer is not None:
        strides["outer"] = strides_in(forms[outer], output.shape)
    elements = Elements(instruction, forms, output.shape, strides, range(len(output.shape)))
    conditions, jumps = [], []
    for axis, places in enumerate(named):
        place, low, step = elements.places.offset(axis), places.start, places.step
        last = low + step * (len(places) - 1)
        conditions += [f"{place} >= {low}"] * (low > 0)
        conditions += [f"{place} <= {last}"] * (last < output.shape[axis] - 1)
        if step > 1:
            conditions.append(f"({place} - {low}) % {step} == 0")
            jumps.append(times(f"({place} - {low}) / {step}", steps[axis]))
    target = elements.element(output)
    lines = [f"{target} = {elements.element(inner, *jumps, str(first), key='inner')};"]
    if conditions:
        other = stored("0", output.dtype) if outer is None else elements.element(outer, key="outer")
        lines = [f"if ({' && '.join(conditions)}) {lines[0]}", f"else {target} = {other};"]
    return elements.launch(lines)
