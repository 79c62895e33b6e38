"""From what stands between the brackets of `x[...]` to the index of the primitive `getitem`."""

import operator
from typing import Any

import numpy

from .. import writes
from ..backend import Array, dtypes, of
from ..errors import AxisError, DTypeError, RangeError, ShapeError
from ..ops.index import ARRAY

BOUNDS = {int, type(None)}


def parse(key: Any, shape: tuple[int, ...], data: Array) -> tuple[list, tuple, tuple[int, ...]]:
    """The integer arrays of an index, the index with `ARRAY` in their places, and axes to insert first.

    Understands all that NumPy does: integers, slices, None, ..., integer arrays and lists, boolean
    masks (which become the positions of their True elements), and tensors of these. A mask of no
    axes, such as True, selects from a new axis of size 1, which the tensor has to be given before.
    Arrays are put on the device of `data`. Raises `RangeError`, `ShapeError`, `DTypeError`.
    """
    parts = key if isinstance(key, tuple) else (key,)
    if len(parts) <= len(shape) and all(map(_is_basic, parts)):
        return [], parts, ()
    parts = [_normal(part) for part in parts]
    used = sum(_axes_used(part) for part in parts)
    if used > len(shape):
        raise AxisError(f"an index with {used} entries is too long for shape {shape}, which has {len(shape)} axes")
    if sum(part is Ellipsis for part in parts) > 1:
        raise ShapeError("an index can have one ellipsis (...) only")
    arrays, template, inserted, axis = [], [], [], 0
    for part in parts:
        if part is Ellipsis:
            missing = len(shape) - used
            template.extend([slice(None)] * missing or [part])  # of no axes it still sets arrays apart
            axis += missing
        elif part is None or isinstance(part, (int, slice)):
            template.append(part)
            axis += part is not None
        elif part.dtype.kind == "b":
            spanned = shape[axis : axis + part.ndim]
            if any(m not in (n, 0) for m, n in zip(part.shape, spanned, strict=True)):  # of size 0 it selects nothing
                raise AxisError(
                    f"a boolean mask of shape {part.shape} cannot select from axes of shape {spanned}, in shape {shape}"
                )
            if not part.ndim:
                inserted.append(axis + len(inserted))
                part = part.reshape(1)
            places = of(part).nonzero(part)
            arrays.extend(places)
            template.extend([ARRAY] * len(places))
            axis += len(spanned)
        else:
            if type(part) is numpy.ndarray:
                check_range(part, shape[axis], f"axis {axis} of shape {shape}")
            arrays.append(part)
            template.append(ARRAY)
            axis += 1
    return [_index_beside(array, data) for array in arrays], tuple(template), tuple(inserted)


def _is_basic(part) -> bool:
    """Whether it is an integer or a slice between integers, which is what most entries are."""
    kind = type(part)
    return kind is int or (kind is slice and BOUNDS.issuperset((type(part.start), type(part.stop), type(part.step))))


def check_range(indices: numpy.ndarray, size: int, where: str) -> None:
    """`RangeError` if any of `indices` is not in [-size, size). Only for host arrays: a GPU would have to wait."""
    if indices.size and (indices.max() >= size or indices.min() < -size):
        bad = indices[(indices >= size) | (indices < -size)].flat[0]
        allowed = f"it must lie from {-size} to {size - 1}" if size else "that axis is empty"
        raise RangeError(f"index {bad} is out of range for {where}: {allowed}")


def _normal(part):
    """One entry of the index as an int, slice, None, ellipsis or array."""
    if type(part) is numpy.ndarray:
        writes.borrow(part)
    part = getattr(part, "_data", part)
    if part is None or part is Ellipsis:
        return part
    if isinstance(part, slice):
        return slice(*map(_as_bound, (part.start, part.stop, part.step)))
    if isinstance(part, dtypes.TRUTH_TYPES):
        return numpy.asarray(part)
    if isinstance(part, dtypes.INTEGER_TYPES):
        return int(part)
    if isinstance(part, (list, range)):
        part = numpy.asarray([_on_host(item) for item in part])
        part = part.astype(numpy.int64) if part.size == 0 else part
    kind = getattr(getattr(part, "dtype", None), "kind", None)
    if kind in ("i", "u"):
        return part if part.dtype == numpy.int64 else part.astype(numpy.int64)
    if kind == "b":
        return part
    raise DTypeError(
        f"a tensor is indexed by integers, slices, ..., None, and arrays of integers or bools, not by {part!r}"
    )


def _as_bound(bound) -> int | None:
    """A bound of a slice."""
    try:
        return None if bound is None else operator.index(bound)
    except TypeError:
        raise DTypeError(f"a slice runs between integers, and {bound!r} is none") from None


def _on_host(item):
    """An entry of a list of indices, which may be a tensor."""
    data = getattr(item, "_data", None)
    return item if data is None else of(data).to_host(data)


def _axes_used(part) -> int:
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if getattr(getattr(part, "dtype", None), "kind", None) == "b" else 1


def _index_beside(array, data):
    """An index array on the device of `data`."""
    if type(array) is numpy.ndarray and type(data) is not numpy.ndarray:
        here = of(data)
        return here.from_host(array, here.index_of(data))
    return array
