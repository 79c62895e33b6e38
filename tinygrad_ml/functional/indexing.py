"""Functions that read or write at computed places: take, sort, one-hot. All are uses of `x[...]`."""

import builtins
from collections.abc import Callable

import numpy

from ..backend import dtypes
from ..errors import DTypeError, RangeError, ShapeError
from ..modes import modes
from ..ops import index, reduce
from ..ops.shapes import one_axis
from ..tensor import Tensor, apply, as_tensor, beside, method


def _places(indices, beside: Tensor) -> Tensor:
    indices = as_tensor(indices, device=None if isinstance(indices, Tensor) else beside.device)
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"indices must be integers, not {indices.dtype}")
    return indices


@method
def take(x, indices, axis: int | None = None) -> Tensor:
    """The slices of x at `indices` along an axis; of the flattened x for None. `indices` may have any shape."""
    x = as_tensor(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    axis = one_axis(axis, x.ndim)
    return x[(*(builtins.slice(None),) * axis, _places(indices, x))]


def _grid(indices: Tensor, axis: int) -> list:
    """An index that walks along `axis` as `indices` say, and straight along the other axes."""
    places: list = []
    for i, extent in enumerate(indices.shape):
        shape = tuple(extent if j == i else 1 for j in range(indices.ndim))
        places.append(indices if i == axis else numpy.arange(extent).reshape(shape))
    return places


@method
def take_along_axis(x, indices, axis: int = -1) -> Tensor:
    """y[.., i, ..] = x[.., indices[.., i, ..], ..]: what `argsort` and `argmax` point at.

    `indices` has the axes of x; its other axes have the sizes of x's, or 1.
    """
    x, indices = as_tensor(x), _places(indices, as_tensor(x))
    if indices.ndim != x.ndim:
        raise ShapeError(f"take_along_axis needs indices with the {x.ndim} axes of x, but got shape {indices.shape}")
    axis = one_axis(axis, x.ndim)
    wide = tuple(extent if i == axis else x.shape[i] for i, extent in enumerate(indices.shape))
    return x[tuple(_grid(indices.broadcast_to(wide), axis))]


@method
def argsort(x, axis: int = -1, descending: bool = False) -> Tensor:
    """The order (int64) that sorts x along an axis; stable: equal elements keep their order."""
    x = as_tensor(x)
    if not x.ndim:
        return argsort(x.reshape(1), 0, descending).reshape(())
    return apply(reduce.argsort, (x,), {"axis": one_axis(axis, x.ndim), "descending": descending})


@method
def sort(x, axis: int = -1, descending: bool = False) -> Tensor:
    """x sorted along an axis, stable. The gradient goes back to where each element came from."""
    x = as_tensor(x)
    return take_along_axis(x, argsort(x, axis, descending), axis) if x.ndim else x


@method
def topk(x, k: int, axis: int = -1, largest: bool = True) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) elements along an axis, in order, and their positions (int64)."""
    x = as_tensor(x)
    axis = one_axis(axis, x.ndim)
    if not 0 <= k <= x.shape[axis]:
        raise RangeError(f"topk: k = {k} elements asked of axis {axis} of size {x.shape[axis]}, in {x._described()}")
    order = argsort(x, axis, descending=largest)
    order = order[(*(builtins.slice(None),) * axis, builtins.slice(0, k))]
    return take_along_axis(x, order, axis), order


@method
def scatter_add(x, indices, values, axis: int = 0) -> Tensor:
    """x with `values` added at places along an axis: y[.., indices[.., i, ..], ..] += values[.., i, ..].

    `indices` and `values` have one shape, with the axes of x; a place named twice receives both.
    """
    x = as_tensor(x)
    values = beside(values, x)
    indices = _places(indices, x)
    if not indices.ndim == x.ndim == values.ndim or indices.shape != values.shape:
        raise ShapeError(
            f"scatter_add needs indices and values of one shape with {x.ndim} axes, not {indices.shape} and {values.shape}"
        )
    axis = one_axis(axis, x.ndim)
    grid = [_places(place, x) for place in _grid(indices, axis)]
    check_labels(indices, x.shape[axis], "scatter_add")
    return x + apply(index.scatter_add, (values, *grid), {"index": (index.ARRAY,) * x.ndim, "shape": x.shape})


@method
def one_hot(indices, num_classes: int | None = None, dtype=dtypes.DEFAULT_FLOAT) -> Tensor:
    """Class numbers as rows of 0 with one 1: shape (*indices.shape, num_classes), by default the largest class + 1."""
    indices = as_tensor(indices)
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"one_hot needs integer classes, but got {indices._described()}")
    if num_classes is None:
        num_classes = int(indices.max().item()) + 1
    check_labels(indices, num_classes, "one_hot")
    return (indices.expand_dims(-1) == as_tensor(numpy.arange(num_classes), device=indices.device)).astype(dtype)


def check_labels(labels: Tensor, num_classes: int, what: str) -> None:
    """`RangeError` for a label outside of [0, num_classes)."""
    look(lambda array: _check_range(array, num_classes, what), labels)


def look(check: Callable, tensor: Tensor) -> None:
    """Call `check(array)`, which raises for wrong numbers, now, or in each replay of the step that is being recorded.

    On a GPU a look would have to wait, and is not taken.
    """

    def checked(array) -> None:
        if isinstance(array, (numpy.ndarray, numpy.generic)) and array.size:
            check(array)

    if modes.recorder is not None:
        modes.recorder.check(checked, tensor)
    else:
        checked(tensor._data)


def _check_range(array, num_classes: int, what: str) -> None:
    low, high = array.min(), array.max()
    if low < 0 or high >= num_classes:
        bad = low if low < 0 else high
        raise RangeError(
            f"{what}: label {bad} is out of range: {num_classes} classes are numbered from 0 to {num_classes - 1}"
        )
