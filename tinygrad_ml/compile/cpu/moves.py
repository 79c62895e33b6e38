"""Loops that move numbers: copies of views, and windows added back to where they came from.

Written as `loops.py` writes its own, and compiled by `machine/machine_code.py` too. A short inner axis stands in
the source as a number, so that the compiler unrolls it: the rows of small images are a handful of
numbers, and an ordinary loop would take longer to begin than to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy

from ...machine.axes import merged
from ...machine.sharing.job import address
from ...ops.shapes import size
from ..program import Instruction, Value
from ..schedule.axes import strides_in
from ..schedule.layout import form_of
from .expressions import literal
from .places import (
    NOTHING_IS_EMPTY,
    NOTHING_OVERLAPS,
    Axis,
    Forms,
    Operand,
    Written,
    addressable,
    axes_of,
    loop_text,
    nested,
    place,
)

UNROLLED_ELEMENTS = 64
"""Up to this length an inner axis is unrolled."""


def copied(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """A copy that lies in order, perhaps in another shape."""
    (x,), y = instruction.inputs, instruction.output
    if not addressable(forms[x]):
        return None
    shape, (strides,) = merged(x.shape, [forms[x].strides])
    axes, form = axes_of(shape), form_of(shape, x.dtype, strides)
    return [_move("copy", form, axes, range(len(axes)), axes, "=", (Operand(x), Operand(y)))]


def concatenated(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """A concatenation: each part is put into its place."""
    whole, axis, offsets = instruction.output, instruction.params["axis"], instruction.params["offsets"]
    if not all(addressable(forms[x]) for x in (*instruction.inputs, whole)):
        return None
    spans = zip(instruction.inputs, pairwise(offsets), strict=True)
    return [put(x, whole, forms, (*[slice(None)] * axis, slice(*span))) for x, span in spans if size(x.shape)]


def added(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """What is added to zeros at slices and numbers: it is put there."""
    (x,), whole = instruction.inputs, instruction.output
    if not (addressable(forms[x]) and addressable(forms[whole]) and size(x.shape)):
        return None
    return [_clear(whole, forms), put(x, whole, forms, instruction.params["index"])]


def put(x: Value, whole: Value, forms: Forms, where: tuple = ()) -> Written:
    """The loop that copies x to another value, or to a part of it, as both lie."""
    target = forms[whole]
    part = target[where if Ellipsis in where else (*where, Ellipsis)]  # a view, also of one number
    shape, strides = merged(part.shape, [forms[x].strides, part.strides])
    read, written = (form_of(shape, part.dtype, steps) for steps in strides)
    axes, behind = axes_of(shape), address(part) - address(target)
    return _move("copy", read, axes, range(len(axes)), axes, "=", (Operand(x), Operand(whole, behind=behind)), written)


def _clear(y: Value, forms: Forms) -> Written:
    """The loop that makes a value 0."""
    shape, (strides,) = merged(y.shape, [forms[y].strides])
    axes, form = axes_of(shape), form_of(shape, y.dtype, strides)
    written = place("b", y.dtype, axes, strides_in(form, shape))
    given = [*(axis.name for axis in axes), written.argument, *written.steps]
    text = loop_text("clear", given, [NOTHING_IS_EMPTY, *nested(axes, [f"{written.element} = {literal(0, y.dtype)}"])])
    return Written(text, shape, (Operand(y),), tuple(written.steps.values()), size(y.shape))


def folded(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """Windows (batch, channels, *positions, *kernel), added to an image of zeros."""
    (x,), y, stride = instruction.inputs, instruction.output, instruction.params["stride"]
    form, dilation, spatial = forms[x], instruction.params["dilation"], len(stride)
    if not addressable(form) or form.ndim != 2 + 2 * spatial:
        return None
    outer, (outer_strides,) = merged(form.shape[:2], [form.strides[:2]])
    form = form_of(outer + form.shape[2:], form.dtype, outer_strides + form.strides[2:])
    axes = axes_of(form.shape)
    positions = range(len(outer), len(outer) + spatial)
    # In the order of the memory that is read, but the positions last: neighbours of them are neighbours in the image.
    order = sorted(range(form.ndim), key=lambda axis: (axis in positions, -form.strides[axis]))
    places = [
        f"{_times(f'i{axis}', stride[k])} + {_times(f'i{axis + spatial}', dilation[k])}"
        for k, axis in enumerate(positions)
    ]
    pixels = [Axis(at, f"m{k}", extent) for k, (at, extent) in enumerate(zip(places, y.shape[2:], strict=True))]
    target = [*axes[: len(outer)], *pixels]
    return [_clear(y, forms), _move("fold", form, axes, order, target, "+=", (Operand(x), Operand(y)))]


def _times(index: str, step: int) -> str:
    return index if step == 1 else f"{index} * {step}"


def _move(
    name: str,
    form: numpy.ndarray,
    axes: list[Axis],
    order: Sequence[int],
    target: list[Axis],
    how: str,
    operands: tuple[Operand, Operand],
    lies: numpy.ndarray | None = None,
) -> Written:
    """`lies` is how the target does, if that is not in order."""
    in_order = form_of(tuple(axis.size for axis in target), form.dtype) if lies is None else lies
    read = place("a", form.dtype, axes, strides_in(form, form.shape))
    written = place("b", form.dtype, target, strides_in(in_order, in_order.shape))
    sizes = {axis.name: axis.size for axis in (*(axes[k] for k in order), *target)}
    given = [*sizes, read.argument, written.argument, *read.steps, *written.steps]
    loops = [axes[k] for k in order]
    if loops and loops[-1].size <= UNROLLED_ELEMENTS:
        loops[-1] = loops[-1]._replace(name=str(loops[-1].size))
    text = loop_text(
        name, given, [NOTHING_OVERLAPS, NOTHING_IS_EMPTY, *nested(loops, [f"{written.element} {how} {read.element}"])]
    )
    apart = len(order) > 1 and axes[order[0]] == target[0]
    growth = (form.strides[order[0]], in_order.strides[0]) if apart else None
    steps = (*read.steps.values(), *written.steps.values())
    return Written(text, tuple(sizes.values()), operands, steps, size(operands[0].value.shape), growth)
