"""Shape rules that several operations share, and the errors they raise."""

import math
from typing import Any

from ..errors import AxisError, ShapeError

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


def one_axis(axis: int, ndim: int) -> int:
    """`axis` counted from the left; a 0-d tensor accepts 0 and -1, as NumPy's reductions do."""
    if not isinstance(axis, int):
        try:
            axis = axis.__index__()
        except AttributeError:
            raise ShapeError(f"an axis is an integer, not {axis!r}") from None
    if not -max(ndim, 1) <= axis < max(ndim, 1):
        raise AxisError(f"axis {axis} is out of range for a tensor of {ndim} axes")
    return axis % max(ndim, 1)


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis=None | int | tuple` as a tuple of axes counted from the left, each once."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, int) and -ndim <= axis < ndim:
        return (axis % ndim,)
    axes = tuple(one_axis(a, ndim) for a in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axis {axis} names an axis twice")
    return axes if ndim else ()


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """`shape` with the reduced axes of size 1, as `keepdims=True` leaves it."""
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def reduced(shape: Shape, axis: tuple[int, ...], keepdims: bool = False) -> Shape:
    """What a reduction over `axis` leaves of `shape`."""
    if keepdims:
        return kept(shape, axis)
    return tuple(size for position, size in enumerate(shape) if position not in axis)
