"""Operations that sort, search, and take from computed places. Read before: `tensors.py`."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from ... import functional as tg
from ...backend import DEFAULT_FLOAT, dtypes
from ...errors import OptionError, ShapeError
from ...tensor import Tensor, as_tensor
from .calls import operation
from .tensors import INDEX, operand, tensor_of, tensors


class TopK(NamedTuple):
    """What `top_k` finds: the largest numbers, and where they stand."""

    values: Tensor
    indices: Tensor


@operation
def get_item(x: Any, key: Any) -> Tensor:
    """x[key]."""
    return tensor_of(x)[tuple(key) if isinstance(key, list) and _is_of_slices(key) else key]


def _is_of_slices(key: list) -> bool:
    return any(isinstance(part, builtins.slice) or part is None or part is Ellipsis for part in key)


@operation
def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """The slices of x at `indices` along an axis; of the flattened x for None."""
    return tg.take(tensor_of(x), _places(indices), axis)


@operation
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """y[.., i, ..] = x[.., indices[.., i, ..], ..]; of the flattened x for None."""
    x, indices = tensor_of(x), _places(indices)
    if axis is None:
        x, indices, axis = x.reshape(-1), indices.reshape(-1), 0
    return tg.take_along_axis(x, indices, axis)


def _places(indices: Any) -> Tensor:
    """Whole numbers; floats, which models are given, are taken for such."""
    indices = tensor_of(indices)
    return indices if indices.dtype.kind in "iu" else indices.astype(INDEX)


@operation
def sort(x: Any, axis: int | None = -1) -> Tensor:
    """x in ascending order along an axis; flattened for None."""
    x = tensor_of(x)
    return tg.sort(x.reshape(-1)) if axis is None else tg.sort(x, axis=axis)


@operation
def argsort(x: Any, axis: int | None = -1) -> Tensor:
    """The order (int32) that sorts x along an axis; the flattened x for None."""
    x = tensor_of(x)
    return (tg.argsort(x.reshape(-1), 0) if axis is None else tg.argsort(x, axis)).astype(INDEX)


@operation
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Tensor:
    """An order (int32) with the k smallest in front of the k-th, and the others behind: that of `argsort`."""
    return argsort(x, axis)


@operation
def top_k(x: Any, k: int, sorted: bool = True) -> TopK:
    """(the k largest numbers along the last axis, where they stand (int32)), in order whatever `sorted` is."""
    values, places = tg.topk(tensor_of(x), k)
    return TopK(values, places.astype(INDEX))


@operation
def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    """Whether the class `targets[i]` is among the k largest of row i; one that ties with the last of them is."""
    targets, predictions = _places(targets), tensor_of(predictions)
    least = tg.topk(predictions, k)[0][..., -1]
    return tg.take_along_axis(predictions, targets.expand_dims(-1), -1).squeeze(-1) >= least


@operation
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Tensor:
    """Where (int32) to put values into the ascending sequence, so that it stays sorted."""
    return tg.searchsorted(*tensors(sorted_sequence, values), side=side).astype(INDEX)


@operation
def nonzero(x: Any) -> tuple[Tensor, ...]:
    """The places (int32) of the elements that are not 0, an array for each axis."""
    return tuple(places.astype(INDEX) for places in tg.nonzero(tensor_of(x)))


@operation
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Where an element of x1 is some element of x2 (is none, with `invert`)."""
    x1, x2 = tensors(x1, x2)
    found = (x1.expand_dims(-1) == x2.reshape(-1)).any(-1)
    return tg.logical_not(found) if invert else found


@operation
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Tensor:
    """Of the choices the first whose condition holds, elementwise; `default` where none does."""
    if len(condlist) != len(choicelist):
        raise OptionError(f"select takes a choice for each condition, not {len(choicelist)} for {len(condlist)}")
    y = operand(default)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = tg.where(tensor_of(condition), operand(choice), y)
    return y


@operation
def unravel_index(indices: Any, shape: Any) -> tuple[Tensor, ...]:
    """The places along each axis of a tensor of `shape` that have these numbers in the flattened one."""
    rest, found = _places(indices), []
    size = int(numpy.prod(shape))
    rest = tg.where(rest < 0, rest + size, rest)
    for n in reversed(tuple(shape)):
        found.append(rest % n)
        rest = rest // n
    return tuple(reversed(found))


def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements of x, ascending; on demand also where each stands first, which of them stands where, and how
    often each occurs (int32).

    size        as many elements, the rest being `fill_value` (by default the smallest one), with counts of 0
    Not on symbols, nor in compiled steps, as how many there are is in the numbers.
    """
    if axis is not None:
        raise OptionError(f"unique: axis={axis} is not offered; give each row a number, or use numpy.unique")
    found = tg.unique_all(tensor_of(x))
    values, first, counts = found.values, found.indices, found.counts
    if size is not None:
        missing = size - values.shape[0]
        if missing > 0:
            filler = values[:1] if fill_value is None else as_tensor([fill_value], values.dtype)
            values = tg.concat([values, *[filler] * missing])
            first = tg.concat([first, *[first[:1]] * missing])
            counts = tg.concat([counts, tg.zeros(missing, dtype=counts.dtype)])
        values, first, counts = values[:size], first[:size], counts[:size]
    asked = [(return_index, first), (return_inverse, found.inverse_indices), (return_counts, counts)]
    more = [part.astype(INDEX) for wanted, part in asked if wanted]
    return (values, *more) if more else values


@operation
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """Class numbers as 0 with one 1 along a new axis; a number that is no class is all 0."""
    _refuse_sparse("one_hot", sparse)
    x = _places(x)
    axis = axis + x.ndim + 1 if axis < 0 else axis
    classes = tg.arange(num_classes, device=x.device).reshape((-1,) + (1,) * (x.ndim - axis))
    return (x.expand_dims(axis) == classes).astype(DEFAULT_FLOAT if dtype is None else dtype)


@operation
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Tensor:
    """Rows of class numbers as 0 with a 1 for each class that is in the row."""
    _refuse_sparse("multi_hot", sparse)
    if num_classes is None:
        raise OptionError("multi_hot needs num_classes=, the number of classes")
    x = tensor_of(inputs)
    return tg.max(one_hot(x, num_classes, axis, dtype), axis=1 if x.ndim > 1 else 0)


def _refuse_sparse(what: str, sparse: bool) -> None:
    if sparse:
        raise OptionError(f"{what}: sparse=True is not offered, as there are no sparse tensors")


def _rows(indices: Any, shape: Sequence[int]) -> tuple[Tensor, int, tuple[int, ...]]:
    """Of (..., k) indices of the first k axes: the numbers of the places with these axes as one, how many places there
    are, and the shape behind."""
    indices = _places(indices).astype(dtypes.int64)
    depth = indices.shape[-1]
    if depth > len(shape):
        raise ShapeError(f"indices of {depth} axes do not fit into shape {tuple(shape)}")
    flat = indices.reshape(-1, depth)
    number: Any = 0
    for axis, n in enumerate(shape[:depth]):
        place = flat[:, axis]
        number = number * n + tg.where(place < 0, place + n, place)
    return number, int(numpy.prod(shape[:depth])), tuple(shape[depth:])


def _scattered(base: Tensor, places: Tensor, values: Tensor, reduce: str | None) -> Tensor:
    """`base` (places, *rest) with values brought to rows of it."""
    places = places.reshape((-1,) + (1,) * (base.ndim - 1)).broadcast_to(values.shape)
    return tg.scatter_add(base, places, values) if reduce == "sum" else tg.scatter(base, places, values, 0, reduce)


@operation
def scatter(indices: Any, values: Any, shape: Any) -> Tensor:
    """Zeros of a shape, with values added at `indices`, whose last axis has the place in the first axes."""
    values = tensor_of(values)
    places, n, rest = _rows(indices, tuple(int(size) for size in shape))
    base = tg.zeros((n, *rest), dtype=values.dtype, device=values.device)
    return _scattered(base, places, values.reshape((-1, *rest)), "sum").reshape(tuple(shape))


REDUCTIONS = {None: None, "add": "sum", "max": "max", "min": "min", "mul": "prod"}


@operation
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Tensor:
    """`inputs` with updates at `indices`, whose last axis has the place in the first axes.

    reduction  None: the update replaces what was there; "add", "max", "min" or "mul": it is added and so on
    """
    if reduction not in REDUCTIONS:
        raise OptionError(f"scatter_update: reduction={reduction!r} is not None, 'add', 'max', 'min' or 'mul'")
    x = tensor_of(inputs)
    updates = tensor_of(updates).astype(x.dtype)
    places, n, rest = _rows(indices, x.shape)
    updates = (
        updates.broadcast_to((*places.shape, *rest)) if updates.ndim <= len(rest) else updates.reshape((-1, *rest))
    )
    return _scattered(x.reshape((n, *rest)), places, updates, REDUCTIONS[reduction]).reshape(x.shape)


@operation
def slice(inputs: Any, start_indices: Any, shape: Any) -> Tensor:
    """The part of `inputs` of a shape that begins at `start_indices`, which may be tensors."""
    x = tensor_of(inputs)
    for axis, (start, n) in enumerate(zip(start_indices, shape, strict=True)):
        n = int(n)
        if isinstance(start, Tensor):
            x = tg.take(x, tg.arange(n, device=x.device) + start.astype(dtypes.int64), axis)
        else:
            x = x[(builtins.slice(None),) * axis + (builtins.slice(int(start), int(start) + n),)]
    return x


@operation
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Tensor:
    """`inputs` with `updates` in place of the part that begins at `start_indices`, which may be tensors."""
    x, updates = tensor_of(inputs), tensor_of(updates)
    places = [
        tg.arange(n, device=x.device) + (start.astype(dtypes.int64) if isinstance(start, Tensor) else int(start))
        for start, n in zip(start_indices, updates.shape, strict=True)
    ]
    grid = tg.stack([axis.reshape(-1) for axis in tg.meshgrid(*places, indexing="ij")], -1)
    return scatter_update(x, grid, updates.reshape(-1))
