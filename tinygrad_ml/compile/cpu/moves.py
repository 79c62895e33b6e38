"""Loops that move numbers: copies of views, and windows added back to where they came from.

Written as `loops.py` writes its own, and compiled by `machine/machine_code.py` too. A short inner axis stands in
the source as a number, so that the compiler unrolls it: the rows of small images are a handful of
numbers, and an ordinary loop would take longer to begin than to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy

from ...machine.axes import merged
from ..schedule.axes import strides_in
from ..schedule.layout import form_of
from .expressions import literal
from .places import NOTHING_OVERLAPS, Axis, place

UNROLLED_ELEMENTS = 64
"""Up to this length an inner axis is unrolled."""


class Move(NamedTuple):
    """A loop: its source, the sizes of its axes, and the steps that it is given after the addresses of what it reads and writes.

    growth  by how many bytes all arrays go on from one turn of the outermost loop to the next, if these turns do not need
            each other
    """

    source: str
    sizes: tuple[int, ...]
    steps: tuple[int, ...]
    growth: tuple[int, ...] | None


def copy(form: numpy.ndarray) -> Move:
    """The loop that copies an array which lies like `form` to one that lies in order."""
    shape, (strides,) = merged(form.shape, [form.strides])
    axes = axes_of(shape)
    return _move("copy", form_of(shape, form.dtype, strides), axes, range(len(axes)), axes, "=")


def put(form: numpy.ndarray, target: numpy.ndarray) -> Move:
    """The loop that copies an array to another one of its shape, as both lie."""
    shape, strides = merged(form.shape, [form.strides, target.strides])
    read, written = (form_of(shape, form.dtype, steps) for steps in strides)
    axes = axes_of(shape)
    return _move("copy", read, axes, range(len(axes)), axes, "=", written)


def clear(target: numpy.ndarray) -> Move:
    """The loop that makes an array 0."""
    shape, (strides,) = merged(target.shape, [target.strides])
    axes, form = axes_of(shape), form_of(shape, target.dtype, strides)
    written = place("b", target.dtype, axes, strides_in(form, shape))
    given = [*(axis.name for axis in axes), written.argument, *written.steps]
    lines = [f"# clear\ndef loop({', '.join(given)}):"]
    lines += ["    " * (1 + axis) + f"for {each.index} in range({each.name}):" for axis, each in enumerate(axes)]
    lines.append("    " * (1 + len(axes)) + f"{written.element} = {literal(0, target.dtype)}")
    return Move("\n".join(lines) + "\n", shape, tuple(written.steps.values()), None)


def fold(
    form: numpy.ndarray, image: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], add: bool = True
) -> Move:
    """The loop that adds windows (batch, channels, *positions, *kernel), which lie like `form`, to an image of zeros.

    add  False where each pixel is in one window, which is put there
    """
    outer, (outer_strides,) = merged(form.shape[:2], [form.strides[:2]])
    form = form_of(outer + form.shape[2:], form.dtype, outer_strides + form.strides[2:])
    axes, spatial = axes_of(form.shape), len(stride)
    positions = range(len(outer), len(outer) + spatial)
    # In the order of the memory that is read, but the positions last: neighbours of them are neighbours in the image.
    order = sorted(range(form.ndim), key=lambda axis: (axis in positions, -form.strides[axis]))
    places = [
        f"{_times(f'i{axis}', stride[k])} + {_times(f'i{axis + spatial}', dilation[k])}"
        for k, axis in enumerate(positions)
    ]
    pixels = [Axis(at, f"m{k}", extent) for k, (at, extent) in enumerate(zip(places, image[2:], strict=True))]
    return _move("fold", form, axes, order, [*axes[: len(outer)], *pixels], "+=" if add else "=")


def _times(index: str, step: int) -> str:
    return index if step == 1 else f"{index} * {step}"


def axes_of(shape: tuple[int, ...]) -> list[Axis]:
    """The axes of a shape, each with an index and a size of its own."""
    return [Axis(f"i{axis}", f"n{axis}", extent) for axis, extent in enumerate(shape)]


def _move(
    name: str,
    form: numpy.ndarray,
    axes: list[Axis],
    order: Sequence[int],
    target: list[Axis],
    how: str,
    lies: numpy.ndarray | None = None,
) -> Move:
    """`lies` is how the target does, if that is not in order."""
    in_order = form_of(tuple(axis.size for axis in target), form.dtype) if lies is None else lies
    read = place("a", form.dtype, axes, strides_in(form, form.shape))
    written = place("b", form.dtype, target, strides_in(in_order, in_order.shape))
    sizes = {axis.name: axis.size for axis in (*(axes[k] for k in order), *target)}
    lines = [
        f"# {name}",
        f"def loop({', '.join([*sizes, read.argument, written.argument, *read.steps, *written.steps])}):",
    ]
    lines.append(f"    {NOTHING_OVERLAPS}")
    for depth, (index, size_name, extent) in enumerate((axes[k] for k in order), 1):
        unrolled = depth == len(order) and extent <= UNROLLED_ELEMENTS
        lines.append("    " * depth + f"for {index} in range({extent if unrolled else size_name}):")
    lines.append("    " * (len(order) + 1) + f"{written.element} {how} {read.element}")
    apart = len(order) > 1 and axes[order[0]] == target[0]
    growth = (form.strides[order[0]], in_order.strides[0]) if apart else None
    return Move("\n".join(lines) + "\n", tuple(sizes.values()), (*read.steps.values(), *written.steps.values()), growth)
