"""What users write for `axis=`, as axes counted from the left, which operations take."""

from typing import Any

from ..errors import AxisError, ShapeError


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
