"""What is put together of many elements of one array, in their order, is a part of that array: nothing need be moved.

So it is after a loop was rolled up: `tg.stack` of what its rounds gave is what the loop hands out, and where gradients of slices
are put in their places, those of all rounds are put there at once.

Read before: `slices.py`. Read next: `rolled.py`.
"""

from __future__ import annotations

from itertools import pairwise

from ...ops.index import assemble, getitem
from ...ops.movement import concat, reshape
from ..program import Instruction, Value
from ..repeats import FEWEST_ROUNDS, Looks
from .rewriting import Rewriting
from .slices import Series, ViewStep, sliced


def gathered(instruction: Instruction, looks: Looks, writing: Rewriting) -> Instruction:
    """The instruction, if need be with parts of arrays in the places of many of its inputs."""
    if instruction.op is not concat and instruction.op is not assemble:
        return instruction
    inputs = instruction.inputs
    found = sliced([looks.of(value) for value in inputs]) if len(inputs) >= FEWEST_ROUNDS else None
    if found is None:
        return instruction
    slices, views, apart = found
    first, end = max(pairwise([0, *sorted(apart), len(inputs)]), key=lambda run: run[1] - run[0])
    if end - first < FEWEST_ROUNDS:
        return instruction
    together = _concatenated if instruction.op is concat else _assembled
    return together(instruction, (slices, views), (first, end), writing) or instruction


def moved(slices: Series, first: int, count: int, axis: int, writing: Rewriting) -> Value:
    """So many slices from one on, lying along an axis of what is given."""
    source, width = slices.source, slices.width
    if width:
        shape = (*source.shape[: slices.axis], source.shape[slices.axis] // width, *slices.shape[slices.axis :])
        source = writing.reshaped(source, shape)
    extent = source.shape[slices.axis]
    begin, step = slices.first + first * slices.step, slices.step
    end = begin + count * step
    if (begin, end, step) != (0, extent, 1):
        part = slice(begin, end if end >= 0 else None, step)
        shape = (*source.shape[: slices.axis], count, *source.shape[slices.axis + 1 :])
        index = (*[slice(None)] * slices.axis, part)
        source = writing.new(getitem, (source,), shape, source.dtype, index=index)
    if slices.axis != axis:
        axes = [other for other in range(len(source.shape)) if other != slices.axis]
        axes.insert(axis, slices.axis)
        source = writing.permuted(source, axes)
    return source


def _concatenated(
    instruction: Instruction, what: tuple[Series, list[ViewStep]], run: tuple[int, int], writing: Rewriting
) -> Instruction | None:
    (slices, views), (first, end) = what, run
    axis, offsets, element = instruction.params["axis"], instruction.params["offsets"], slices.shape
    if views or not element:
        return None
    whole = moved(slices, first, end - first, axis, writing)
    whole = writing.reshaped(whole, (*element[:axis], (end - first) * element[axis], *element[axis + 1 :]))
    output = instruction.output
    inputs = (*instruction.inputs[:first], whole, *instruction.inputs[end:])
    if len(inputs) == 1:
        return Instruction(reshape, inputs, {"shape": output.shape}, output)
    params = {"axis": axis, "offsets": (*offsets[: first + 1], *offsets[end:])}
    return Instruction(concat, inputs, params, output)


def _assembled(
    instruction: Instruction, what: tuple[Series, list[ViewStep]], run: tuple[int, int], writing: Rewriting
) -> Instruction | None:
    """Elements that are added next to each other along the first axis."""
    (slices, views), (first, end) = what, run
    indices = instruction.params["indices"]
    places = [index[0] for index in indices[first:end] if len(index) == 1 and isinstance(index[0], int)]
    steps = {b - a for a, b in pairwise(places)}
    if views or len(places) < end - first or steps not in ({1}, {-1}) or min(places) < 0:
        return None
    if steps == {-1}:
        slices = slices._replace(first=slices.first + (first + end - 1) * slices.step, step=-slices.step)
    whole = moved(slices, first, end - first, 0, writing)
    index = (slice(min(places), max(places) + 1),)
    inputs = (*instruction.inputs[:first], whole, *instruction.inputs[end:])
    params = instruction.params | {"indices": (*indices[:first], index, *indices[end:])}
    return Instruction(instruction.op, inputs, params, instruction.output)
