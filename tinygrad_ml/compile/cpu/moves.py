"""Loops that move numbers: copies of views, and windows added back to where they came from.

Written as `loops.py` writes its own, and compiled by `machine_code.py` too. A short inner axis stands in
the source as a number, so that the compiler unrolls it: the rows of small images are a handful of
numbers, and an ordinary loop would take longer to begin than to run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy

SHORT = 64
"""Up to this length an inner axis is unrolled."""


class Move(NamedTuple):
    """A loop: its source, the sizes of its axes, and the order in which it wants the axes of what it reads."""

    source: str
    sizes: tuple[int, ...]
    order: tuple[int, ...]


def copy(form: numpy.ndarray) -> Move:
    """The loop that copies an array which lies like `form` to one that lies in order."""
    axes = range(form.ndim)
    return _move("copy", form.shape, axes, _index("a", axes), _index("b", axes), "=")


def fold(form: numpy.ndarray, stride: tuple[int, ...], dilation: tuple[int, ...]) -> Move:
    """The loop that adds windows (batch, channels, *positions, *kernel), which lie like `form`, to an image of zeros."""
    spatial = len(stride)
    # In the order of the memory that is read, but the positions last: neighbours of them are neighbours in the image.
    order = sorted(range(form.ndim), key=lambda axis: (2 <= axis < 2 + spatial, -form.strides[axis]))
    places = [
        f"i{2 + k} * {stride[k]} + i{2 + spatial + k} * {dilation[k]}".replace(" * 1", "") for k in range(spatial)
    ]
    image = f"b[{', '.join(['i0', 'i1', *places])}]"
    return _move("fold", form.shape, order, _index("a", order), image, "+=")


def _index(name: str, axes) -> str:
    return f"{name}[{', '.join(f'i{axis}' for axis in axes)}]"


def _move(name: str, shape: tuple[int, ...], order, source: str, target: str, how: str) -> Move:
    order = tuple(order)
    lines = [f"# {name}", f"def loop({', '.join([*(f'n{axis}' for axis in order), 'a', 'b'])}):"]
    depth = 1
    for axis in order:
        last = axis == order[-1] and shape[axis] <= SHORT
        lines.append("    " * depth + f"for i{axis} in range({shape[axis] if last else f'n{axis}'}):")
        depth += 1
    lines.append("    " * depth + f"{target} {how} {source}")
    return Move("\n".join(lines) + "\n", tuple(shape[axis] for axis in order), order)
