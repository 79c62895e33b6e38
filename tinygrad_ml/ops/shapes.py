"""Shape rules that several operations share, and the errors they raise."""

import math
from typing import Any

from ..errors import ShapeError

Shape = tuple[int, ...]

size = math.prod
"""The number of elements of a shape."""


def same(x: Shape, **_: Any) -> Shape:
    """The output has the input's shape."""
    return x


def broadcast(*shapes: Shape) -> Shape:
    """NumPy's broadcasting: aligned at the right, sizes are equal or 1."""
    if shapes.count(shapes[0]) == len(shapes):
        return shapes[0]
    ndim = max(map(len, shapes))
    padded = [(1,) * (ndim - len(shape)) + shape for shape in shapes]
    result = []
    for axis, sizes in enumerate(zip(*padded, strict=True)):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise ShapeError(
                f"shapes {' and '.join(map(str, shapes))} do not broadcast: counted from the right, "
                f"axis {axis - ndim} has sizes {' and '.join(str(s) for s in sizes)}; sizes must be equal, or 1"
            )
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` with the reduced axes of size 1, as `keepdims=True` leaves it."""
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def reduced(shape: Shape, axis: tuple[int, ...], keepdims: bool = False) -> Shape:
    """What a reduction over `axis` leaves of `shape`."""
    return kept(shape, axis) if keepdims else tuple(size for place, size in enumerate(shape) if place not in axis)
