"""Loops that move numbers: copies of views, and windows added back to where they came from.

Written as `loops.py` writes its own, and compiled by `machine_code.py` too. A short inner axis stands in
the source as a number, so that the compiler unrolls it: the rows of small images are a handful of
numbers, and an ordinary loop would take longer to begin than to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy

from ..layout import form_of
from .places import Axis, place

SHORT = 64
"""Up to this length an inner axis is unrolled."""


class Move(NamedTuple):
    """A loop: its source, the sizes of its axes, and the steps that it is given after both addresses."""

    source: str
    sizes: tuple[int, ...]
    steps: tuple[int, ...]


def copy(form: numpy.ndarray) -> Move:
    """The loop that copies an array which lies like `form` to one that lies in order."""
    axes = [Axis(f"i{axis}", f"n{axis}", extent) for axis, extent in enumerate(form.shape)]
    return _move("copy", form, axes, range(form.ndim), axes, "=")


def fold(form: numpy.ndarray, image: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Move:
    """The loop that adds windows (batch, channels, *positions, *kernel), which lie like `form`, to an image of zeros."""
    spatial = len(stride)
    axes = [Axis(f"i{axis}", f"n{axis}", extent) for axis, extent in enumerate(form.shape)]
    # In the order of the memory that is read, but the positions last: neighbours of them are neighbours in the image.
    order = sorted(range(form.ndim), key=lambda axis: (2 <= axis < 2 + spatial, -form.strides[axis]))
    places = [
        f"i{2 + k} * {stride[k]} + i{2 + spatial + k} * {dilation[k]}".replace(" * 1", "") for k in range(spatial)
    ]
    pixels = [Axis(at, f"m{k}", extent) for k, (at, extent) in enumerate(zip(places, image[2:], strict=True))]
    return _move("fold", form, axes, order, [*axes[:2], *pixels], "+=")


def _move(name: str, form: numpy.ndarray, axes: list[Axis], order: Sequence[int], target: list[Axis], how: str) -> Move:
    read = place("a", form.dtype, axes, form.strides)
    written = place("b", form.dtype, target, form_of(tuple(axis.size for axis in target), form.dtype).strides)
    sizes = {axis.name: axis.size for axis in (*(axes[k] for k in order), *target)}
    lines = [f"# {name}", f"def loop({', '.join([*sizes, read.argument, written.argument, *read.steps])}):"]
    for depth, (index, size_name, extent) in enumerate((axes[k] for k in order), 1):
        unrolled = depth == len(order) and extent <= SHORT
        lines.append("    " * depth + f"for {index} in range({extent if unrolled else size_name}):")
    lines.append("    " * (len(order) + 1) + f"{written.element} {how} {read.element}")
    return Move("\n".join(lines) + "\n", tuple(sizes.values()), tuple(read.steps.values()))
