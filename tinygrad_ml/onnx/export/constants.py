"""Arrays that a function makes of nothing, in a size that depends on its inputs: zeros, counting numbers, masks of triangles.

A recorded program has only their numbers, at several sizes. What they are is read off them, and each guess is held against all
recordings; what fits none cannot be written for other sizes.

Read before: `sizes.py`. Read next: `writer.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from .table import InexpressibleError
from .varying import VaryingNumber, merged


def varying_constant(w: Any, arrays: VaryingNumber, shape: tuple[Any, ...]) -> str:
    """The name of an array that is another one at other sizes."""
    if not shape:
        return w.sizes.number(VaryingNumber(array.item() for array in arrays), arrays[0].dtype)
    for guess in (_uniform, _repeated, _lines, _triangle, _box):
        name = guess(w, arrays, shape)
        if name is not None:
            return name
    raise InexpressibleError(
        f"an array of {arrays[0].dtype} and shape {', '.join(str(array.shape) for array in arrays)} is made of nothing, and how its "
        f"numbers go on at other sizes was not found"
    )


def _uniform(w: Any, arrays: VaryingNumber, shape: tuple[Any, ...]) -> str | None:
    """One number everywhere."""
    if any(not array.size or (array != array.flat[0]).any() for array in arrays):
        return None
    number = merged([array.flat[0] for array in arrays])
    dtype = arrays[0].dtype
    filled = (
        w.sizes.number(number, dtype) if isinstance(number, VaryingNumber) else w.constant(numpy.array(number, dtype))
    )
    return w.shared("Expand", [filled, w.sizes.vector(shape)])


def _repeated(w: Any, arrays: VaryingNumber, shape: tuple[Any, ...]) -> str | None:
    """The same along some of the axes that vary."""
    axes = [
        axis
        for axis, n in enumerate(shape)
        if isinstance(n, VaryingNumber)
        and all((array == array.take([0], axis)).all() for array in arrays if array.shape[axis])
    ]
    if not axes or any(0 in array.shape for array in arrays):
        return None
    once = [array[tuple(slice(0, 1) if k in axes else slice(None) for k in range(array.ndim))] for array in arrays]
    less = merged(once)
    inner = tuple(1 if k in axes else n for k, n in enumerate(shape))
    name = varying_constant(w, less, inner) if isinstance(less, VaryingNumber) else w.constant(less)
    return w.shared("Expand", [name, w.sizes.vector([n if k in axes else 1 for k, n in enumerate(shape)])])


def _box(w: Any, arrays: VaryingNumber, shape: tuple[Any, ...]) -> str | None:
    """One truth from one place to another along each axis, and the other one around it: what is padding, and what is not."""
    if arrays[0].dtype != bool:
        return None
    inside = _inside_of_box(w, arrays, shape)
    if inside is not None:
        return inside
    outside = _inside_of_box(w, VaryingNumber(~array for array in arrays), shape)
    return None if outside is None else w.shared("Not", [outside])


def _inside_of_box(w: Any, arrays: VaryingNumber, shape: tuple[Any, ...]) -> str | None:
    if not all(array.any() for array in arrays):
        return None
    places = [numpy.argwhere(array) for array in arrays]
    ends = [(p.min(0), p.max(0) + 1) for p in places]
    if any(len(p) != numpy.prod(high - low) for p, (low, high) in zip(places, ends, strict=True)):
        return None
    total = None
    for axis, n in enumerate(shape):
        low, high = (merged([int(each[k][axis]) for each in ends]) for k in (0, 1))
        along = _along(w, counting(w, n), axis, len(shape))
        for operator, bound, free in (("GreaterOrEqual", low, low == 0), ("Less", high, high == n)):
            if not free:
                part = w.shared(operator, [along, w.sizes.scalar(bound)])
                total = part if total is None else w.shared("And", [total, part])
    return None if total is None else w.shared("Expand", [total, w.sizes.vector(shape)])


def counting(w: Any, n: Any, dtype: Any = numpy.int64) -> str:
    """0, 1, ..., n - 1"""
    if not isinstance(n, VaryingNumber):
        return w.constant(numpy.arange(n, dtype=dtype))
    range_ = w.shared("Range", [w.constant(numpy.int64(0)), w.sizes.scalar(n), w.constant(numpy.int64(1))])
    return range_ if numpy.dtype(dtype) == numpy.int64 else w.shared("Cast", [range_], to=numpy.dtype(dtype))


def _along(w: Any, x: str, axis: int, ndim: int) -> str:
    """A 1-D value along one axis of several."""
    others = [k for k in range(ndim) if k != axis]
    return w.shared("Unsqueeze", [x, w.constant(numpy.array(others, numpy.int64))]) if others else x


def _triangle(w: Any, arrays: VaryingNumber, shape: tuple[Any, ...]) -> str | None:
    """One number on and below a diagonal, and another one above; or one number on a diagonal, and another elsewhere."""
    if len(shape) != 2:
        return None
    for compare, operator in ((numpy.less_equal, "LessOrEqual"), (numpy.equal, "Equal")):
        values = next((two for array in arrays if (two := _two(array, compare)) is not None), None)
        if values is None:
            continue
        inside, outside = values
        fitting = [
            {
                k
                for k in _diagonals(array)
                if (numpy.where(_mask(array.shape, k, compare), inside, outside) == array).all()
            }
            for array in arrays
        ]
        if not all(fitting):
            continue
        everywhere = set.intersection(*fitting)
        where = min(everywhere, key=abs) if everywhere else merged([min(each, key=abs) for each in fitting])
        rows, columns = _along(w, counting(w, shape[0]), 0, 2), counting(w, shape[1])
        if where != 0:
            rows = w.shared("Add", [rows, w.sizes.scalar(where)])
        mask = w.shared(operator, [columns, rows])
        if arrays[0].dtype == bool:
            return mask if inside else w.shared("Not", [mask])
        parts = [w.constant(numpy.array(number, arrays[0].dtype)) for number in (inside, outside)]
        return w.shared("Where", [mask, *parts])
    return None


def _mask(shape: tuple[int, ...], k: int, compare: Any) -> numpy.ndarray:
    return compare(numpy.arange(shape[1]), numpy.arange(shape[0])[:, None] + k)


def _diagonals(array: numpy.ndarray) -> range:
    """Those that there are, counted as in `numpy.tri`, and those beyond the corners."""
    return range(-array.shape[0] - 1, array.shape[1] + 1)


def _two(array: numpy.ndarray, compare: Any) -> tuple[Any, Any] | None:
    """The numbers on and off a diagonal, if there are two."""
    for k in _diagonals(array):
        mask = _mask(array.shape, k, compare)
        inside, outside = array[mask], array[~mask]
        if inside.size and outside.size and (inside == inside[0]).all() and (outside == outside[0]).all():
            return inside[0].item(), outside[0].item()
    return None


def _lines(w: Any, arrays: VaryingNumber, shape: tuple[Any, ...]) -> str | None:
    """Numbers that grow evenly along the axes that vary, as those of `arange`, of places times rates, and of places in memory."""
    if arrays[0].dtype == bool or any(0 in array.shape for array in arrays):
        return None
    dtype, total = arrays[0].dtype, None
    axes = [axis for axis, n in enumerate(shape) if isinstance(n, VaryingNumber)]
    begin = [array[tuple(slice(0, 1) if a in axes else slice(None) for a in range(array.ndim))] for array in arrays]
    made = [array.astype(numpy.float64) for array in begin]
    for axis in axes:
        steps = [_step(array, axis, axes) for array in arrays]
        made = [m + s * _places(a.shape, axis) for m, s, a in zip(made, steps, arrays, strict=True)]
        slope = _merged([step for step, array in zip(steps, arrays, strict=True) if array.shape[axis] > 1], len(arrays))
        if slope is None:
            return None
        along = _along(w, counting(w, shape[axis], dtype), axis, len(shape))
        part = w.shared("Mul", [along, _number(w, slope, dtype)])
        total = part if total is None else w.shared("Add", [total, part])
    tolerance = 0 if dtype.kind in "iu" else 4 * float(numpy.finfo(dtype).eps)
    if any((abs(m - a) > tolerance * abs(a)).any() for m, a in zip(made, arrays, strict=True)):
        return None
    start = _merged(begin, len(arrays))
    if start is None:
        return None
    if isinstance(start, VaryingNumber) or start.any():
        total = w.shared("Add", [total, _number(w, start, dtype)])
    return total


def _merged(parts: list[numpy.ndarray], runs: int) -> Any:
    """One array, or one number that varies, if all recordings tell it; None for all else."""
    if parts and all(p.shape == parts[0].shape and numpy.allclose(p, parts[0], rtol=1e-6, atol=0) for p in parts):
        return parts[-1]
    return VaryingNumber(p.item() for p in parts) if len(parts) == runs and all(p.size == 1 for p in parts) else None


def _number(w: Any, x: Any, dtype: numpy.dtype) -> str:
    return w.sizes.number(x, dtype) if isinstance(x, VaryingNumber) else w.constant(x.astype(dtype))


def _step(array: numpy.ndarray, axis: int, axes: list[int]) -> numpy.ndarray:
    """How much the numbers grow from one place to the next along an axis, seen from the first to the last."""
    n = array.shape[axis]
    ends = [
        array[tuple(slice(k, k + 1) if a == axis else slice(0, 1) if a in axes else slice(None) for a in range(array.ndim))]
        for k in (0, n - 1)
    ]  # fmt: skip
    grown = ends[1].astype(numpy.float64) - ends[0]
    return grown / (n - 1) if n > 1 else grown


def _places(shape: tuple[int, ...], axis: int) -> numpy.ndarray:
    return numpy.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
