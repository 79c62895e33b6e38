"""Operators that read or write at computed places: gather, scatter, the largest, the unique. Negative places count from the end.

Read next: `creation.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from ... import functional as tg
from ...backend import dtypes
from ...functional.axes import one_axis
from ...functional.indexing import need_numbers
from ...tensor import Tensor
from ..table import Numbers, operator

REDUCE = {"none": None, "add": "sum", "mul": "prod", "max": "max", "min": "min"}
"""ONNX's word for what becomes of several numbers for one place, and ours."""


def along(axis: int, part: Any) -> tuple:
    """The index of a part along an axis, and of everything along those before it."""
    return (*(slice(None),) * axis, part)


def from_start(indices: Tensor, extent: int) -> Tensor:
    """Places of which negative ones count from the end, as int64."""
    indices = indices.astype(dtypes.int64)
    return tg.where(indices < 0, indices + extent, indices)


@operator("Gather", (1, 11, 13))
def gather(x: Any, indices: Any, *, axis: int = 0) -> Any:
    """Slices along an axis, of strings too. One place that is known is cut out, which is a view."""
    known = isinstance(indices, numpy.ndarray) and not indices.ndim
    return x[along(one_axis(axis, x.ndim), int(indices) if known else indices)]


@operator("GatherElements", (11, 13))
def gather_elements(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    axis = one_axis(axis, x.ndim)
    part = tuple(slice(None) if i == axis else slice(0, extent) for i, extent in enumerate(indices.shape))
    return tg.take_along_axis(x[part], indices, axis)


@operator("GatherND", (11, 12, 13))
def gather_nd(x: Tensor, indices: Tensor, *, batch_dims: int = 0) -> Tensor:
    """The slices of x at places that stand along the last axis of `indices`, the first axes of both going together."""
    lead = indices.shape[:-1]
    grid = [
        tg.arange(lead[i], device=x.device).reshape([-1 if j == i else 1 for j in range(len(lead))])
        for i in range(batch_dims)
    ]
    return x[(*grid, *(indices[..., i] for i in range(indices.shape[-1])))]


@operator("Compress", (9, 11, 28))
def compress(x: Tensor, condition: Numbers, *, axis: int | None = None) -> Tensor:
    """The slices along an axis, or the elements of all, where the condition holds; what is beyond its end is left out."""
    if axis is None:
        x, axis = x.reshape(-1), 0
    return x[along(one_axis(axis, x.ndim), numpy.flatnonzero(condition))]


@operator("NonZero", (9, 13))
def nonzero(x: Tensor) -> Tensor:
    """A row of places for each axis."""
    return tg.stack(tg.nonzero(x if x.ndim else x.reshape(1)))


@operator("OneHot", (9, 11, 28))
def one_hot(indices: Tensor, depth: Numbers, values: Tensor, *, axis: int = -1) -> Tensor:
    """`values` are (off, on). A place beyond the depth is nowhere on."""
    size = int(depth.item())
    axis = one_axis(axis, indices.ndim + 1)
    places = tg.arange(size, device=indices.device).reshape([-1 if i == axis else 1 for i in range(indices.ndim + 1)])
    return tg.where(tg.expand_dims(from_start(indices, size), axis) == places, values[1], values[0])


@operator("TopK", (11, 24))
def top_k(x: Tensor, k: Numbers, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Tensor, Tensor]:
    """The k largest or smallest, in order, whether this is asked for or not, and where they are."""
    found = tg.topk(x, int(k.item()), axis, bool(largest))
    return found.values, found.indices


@operator("TopK", (10,))
def top_k_largest(x: Tensor, k: Numbers, *, axis: int = -1) -> tuple[Tensor, Tensor]:
    return top_k(x, k, axis=axis)


@operator("TopK", (1,))
def top_k_by_attribute(x: Tensor, *, k: int, axis: int = -1) -> tuple[Tensor, Tensor]:
    return top_k(x, numpy.array(k), axis=axis)


@operator("Unique", (11, 28))
def unique(x: Tensor, *, axis: int | None = None, sorted: int = 1) -> tuple[Any, ...]:
    """(values, their first places, which of them stands where, how often): the elements, or the slices along an axis,
    each once, in ascending order or in that of their first places. Gradients go to the first places."""
    need_numbers(x, "Unique", "how many differ")
    _, first, inverse, counts = numpy.unique(
        x.detach().numpy(), return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    inverse = inverse.reshape(-1)
    if not sorted:
        order = numpy.argsort(first)
        first, counts, inverse = first[order], counts[order], numpy.argsort(order)[inverse]
    values = x.reshape(-1)[first] if axis is None else x[along(one_axis(axis, x.ndim), first)]
    return (values, *(part.astype(numpy.int64) for part in (first, inverse, counts)))


@operator("Scatter", (9, 11))
@operator("ScatterElements", (11, 13, 16, 18))
def scatter_elements(x: Tensor, indices: Tensor, updates: Tensor, *, axis: int = 0, reduction: str = "none") -> Tensor:
    return tg.scatter(x, from_start(indices, x.shape[axis]), updates, axis, REDUCE[reduction])


@operator("ScatterND", (11, 13, 16, 18))
def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Tensor:
    """x with slices written, or added, at places that stand along the last axis of `indices`."""
    axes = indices.shape[-1]
    extents, rest = x.shape[:axes], math.prod(x.shape[axes:])
    rows = tg.zeros(indices.shape[:-1], dtype=dtypes.int64, device=x.device)
    for i, extent in enumerate(extents):
        rows = rows * extent + from_start(indices[..., i], extent)
    rows = rows.reshape(-1, 1).broadcast_to((rows.size, rest))
    flat = x.reshape((math.prod(extents), rest))
    return tg.scatter(flat, rows, updates.reshape(rows.shape), 0, REDUCE[reduction]).reshape(x.shape)


@operator("TensorScatter", (24,))
def tensor_scatter(
    past: Tensor, update: Tensor, write_indices: Tensor | None = None, *, mode: str = "linear", axis: int = -2
) -> Tensor:
    """A cache with an update written into it, in each sample from a place of its own on; or around its end, if "circular"."""
    axis = one_axis(axis, past.ndim)
    places = tg.arange(update.shape[axis], device=past.device)
    if write_indices is not None:
        places = places + write_indices.astype(dtypes.int64).expand_dims(1)
        places = places % past.shape[axis] if mode == "circular" else places
        places = places.reshape([update.shape[i] if i in (0, axis) else 1 for i in range(past.ndim)])
    else:
        places = places.reshape([-1 if i == axis else 1 for i in range(past.ndim)])
    return tg.scatter(past, places.broadcast_to(update.shape), update, axis)


@operator("NonMaxSuppression", (10, 11))
def non_max_suppression(
    boxes: Numbers,
    scores: Numbers,
    max_output_boxes_per_class: Numbers | None = None,
    iou_threshold: Numbers | None = None,
    score_threshold: Numbers | None = None,
    *,
    center_point_box: int = 0,
) -> numpy.ndarray:
    """(batch, class, box) of boxes to keep, from the highest score down: those that no better one overlaps too much.

    boxes   (batches, boxes, 4): two opposite corners (y, x, y, x), or a centre and a size (x, y, width, height)
    scores  (batches, classes, boxes)
    """
    most = 0 if max_output_boxes_per_class is None else int(max_output_boxes_per_class.item())
    overlap = 0.0 if iou_threshold is None else float(iou_threshold.item())
    least = None if score_threshold is None else float(score_threshold.item())
    if center_point_box:
        centres, halves = boxes[..., :2], boxes[..., 2:] / 2
        low, high = centres - halves, centres + halves
    else:
        low, high = numpy.minimum(boxes[..., :2], boxes[..., 2:]), numpy.maximum(boxes[..., :2], boxes[..., 2:])
    kept = []
    for batch, kind in numpy.ndindex(scores.shape[:2]):
        row = scores[batch, kind]
        left = numpy.argsort(-row, kind="stable")
        left = left if least is None else left[row[left] > least]
        for _ in range(min(most, len(left))):
            if not len(left):
                break
            best, left = left[0], left[1:]
            kept.append((batch, kind, best))
            left = left[_overlaps(low[batch], high[batch], best, left) <= overlap]
    return numpy.array(kept, numpy.int64).reshape(-1, 3)


def _overlaps(low: numpy.ndarray, high: numpy.ndarray, box: int, others: numpy.ndarray) -> numpy.ndarray:
    """How much of what a box and each of the others cover together both of them cover."""
    sizes = numpy.prod(high - low, -1)
    common = numpy.minimum(high[box], high[others]) - numpy.maximum(low[box], low[others])
    both = numpy.prod(numpy.maximum(common, 0), -1)
    either = sizes[box] + sizes[others] - both
    return numpy.divide(both, either, out=numpy.zeros_like(both), where=either > 0)
