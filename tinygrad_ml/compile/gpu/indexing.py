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
from ..schedule.index import Index, of_each_axis
from .expressions import REGISTER, stored
from .launch import Launch
from .movement import Elements, Forms, copy
from .places import looked_up, times

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
    return not adds or instruction.output.dtype in ADDED


def scatter_add(instruction: Instruction, forms: Forms) -> list[Launch]:
    """By arrays, threads add to memory in any order, so the last digit may be another in each run, as in eager mode."""
    x, *arrays = instruction.inputs
    output = instruction.output
    if not arrays:
        return [_within(instruction, forms, [(x, instruction.params["index"])])]
    kind = ADDED[output.dtype]
    where = f"({kind}*)&{{0}}" if dtypes.int64 == output.dtype else "&{0}"
    return [_at_places(instruction, forms, arrays, x, f"atomicAdd({where}, {{1}});", (output,))]


def assemble(instruction: Instruction, forms: Forms) -> list[Launch]:
    """Of each element the sum of all parts that have it."""
    parts = zip(instruction.inputs, instruction.params["indices"], strict=True)
    return [_within(instruction, forms, [(part, index) for part, index in parts if size(part.shape)])]


def put(instruction: Instruction, forms: Forms) -> list[Launch]:
    """A copy with other numbers at some places. Where an index array names a place twice, either number may be left."""
    x, values, *arrays = instruction.inputs
    if not arrays:
        return [_within(instruction, forms, [(values, instruction.params["index"])], x)]
    whole = Instruction(instruction.op, (x,), {}, instruction.output)
    return [*copy(whole, forms), _at_places(instruction, forms, arrays, values, "{0} = {1};")]


def _at_places(
    instruction: Instruction, forms: Forms, arrays: list[Value], other: Value, line: str, zeroed: tuple[Value, ...] = ()
) -> Launch:
    """`line` of an element of the result, where the index says, and of the other one, for each that the index names."""
    common, output = broadcast(*(array.shape for array in arrays)), instruction.output
    index = Index(instruction.params["index"], forms[output], common)
    strides: dict[Hashable, Sequence[int]] = {
        ("array", a): index.of_array(strides_in(forms[a], common)) for a in arrays
    }
    strides |= {"target": index.along, "other": strides_in(forms[other], index.shape)}
    elements = Elements(instruction, forms, index.shape, strides)
    places = looked_up(index, [elements.element(a, key=("array", a)) for a in arrays])
    element = elements.element(output, *places, key="target")
    return elements.launch([line.format(element, elements.element(other, key="other"))], zeroed)


def _within(
    instruction: Instruction, forms: Forms, parts: Sequence[tuple[Value, tuple]], outer: Value | None = None
) -> Launch:
    """Of every element of the result the sum of those parts whose index of slices names it. Where none does, the first one is
    an element of `outer`, or 0."""
    output = instruction.output
    shape = output.shape
    there = [_in_part(forms[inner], index, shape) for inner, index in parts]
    strides: dict[Hashable, Sequence[int]] = {output: strides_in(forms[output], shape)}
    if outer is not None:
        strides["outer"] = strides_in(forms[outer], shape)
    for k, (named, steps, _) in enumerate(there):
        strides["part", k] = [step if places.step == 1 else 0 for places, step in zip(named, steps, strict=True)]
    elements = Elements(instruction, forms, shape, strides, range(len(shape)))
    total, lines = "0" if outer is None else elements.load(outer, key="outer"), []
    for k, ((inner, _), (named, steps, first)) in enumerate(zip(parts, there, strict=True)):
        conditions, more = [], []
        for axis, places in enumerate(named):
            place, low, step = elements.places.offset(axis), places.start, places.step
            last = low + step * (len(places) - 1)
            conditions += [f"{place} >= {low}"] * (low > 0)
            conditions += [f"{place} <= {last}"] * (last < shape[axis] - 1)
            if step > 1:
                conditions.append(f"({place} - {low}) % {step} == 0")
                more.append(times(f"({place} - {low}) / {step}", steps[axis]))
        number, condition = elements.load(inner, *more, str(first), key=("part", k)), " && ".join(conditions)
        if k:
            lines.append(f"{f'if ({condition}) ' * bool(conditions)}total += {number};")
        else:
            total = f"{condition} ? {number} : {total}" if conditions else number
    lines = [f"{REGISTER[output.dtype]} total = {total};", *lines]
    return elements.launch([*lines, f"{elements.element(output)} = {stored('total', output.dtype)};"])


def _in_part(form: numpy.ndarray, index: tuple, shape: tuple[int, ...]) -> tuple[list[range], list[int], int]:
    """What an index of slices names of an array of this shape, and where that lies in an array of this form: of each axis the
    places and the step from one to the next, and where the element at place 0 would be, of axes that are not named in leaps."""
    parts = zip(of_each_axis(index, len(shape)), shape, strict=True)
    named = [
        range(n)[part] if isinstance(part, slice) else range(int(part) % n, int(part) % n + 1) for part, n in parts
    ]
    # With an axis for each of the whole: none of those that None adds, and one for each number.
    there = numpy.broadcast_to(form, getitem_shape(shape, index=index))
    there = numpy.reshape(there, [len(places) for places in named], copy=False)
    first, steps = 0, list(strides_in(there, there.shape))
    for axis, places in enumerate(named):
        if places.step < 0:
            first += steps[axis] * (len(places) - 1)
            named[axis], steps[axis] = places[::-1], -steps[axis]
        if named[axis].step == 1:
            first -= named[axis].start * steps[axis]
    return named, steps, first
