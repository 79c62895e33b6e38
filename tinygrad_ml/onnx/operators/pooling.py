"""Pooling: one number of each window, or of each channel.

Read before: `placing.py`.
"""

from __future__ import annotations

import functools
import math

import numpy

from ... import functional as tg
from ...functional.convolution import columns, padded
from ...functional.pooling import avg_pool, max_pool
from ...functional.reductions import rounded, widened
from ...tensor import Tensor
from ..table import NodeCall, Numbers, operator
from .placing import Pairs, WindowLayout, layout


@operator("MaxPool", versions=(1, 8, 10, 11, 12, 22))
def max_pooling(
    x: Tensor,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: list[int] | None = None,
    kernel_shape: list[int],
    pads: list[int] | None = None,
    storage_order: int = 0,
    strides: list[int] | None = None,
    call: NodeCall,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest number of each window; and where it is, counted over the whole of x, if that is asked for.

    storage_order  1 to count down the columns of each image first
    """
    at = layout(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
    space, image, moved = x.shape[2:], x, [0] * len(kernel_shape)
    if not _fits_library(at) or x.dtype.kind != "f":
        pairs = _with_ceiling(space, at) if ceil_mode else at.pairs
        lowest = -math.inf if x.dtype.kind == "f" else int(numpy.iinfo(x.dtype).min)
        image, at, ceil_mode = padded(x, pairs, lowest), at._replace(pairs=[(0, 0)] * len(space)), 0
        moved = [before for before, _ in pairs]
    options = (at.kernel, at.strides, at.pairs, at.dilations, bool(ceil_mode))
    if not call.wants(1):
        return _largest(image, *options)
    y, places = max_pool(image, *options, return_indices=True)
    return y, _counted(places, image, moved, x, storage_order)


def _largest(x: Tensor, *options) -> Tensor:
    y = max_pool(x, *options)
    assert isinstance(y, Tensor)
    return y


def _counted(places: Tensor, image: Tensor, moved: list[int], x: Tensor, storage_order: int) -> Tensor:
    """Places in the space of `image`, in which x is moved by its padding, as places in all of x."""
    batch, channels, *space = x.shape
    parts, rest = [], places
    for larger, before in zip(reversed(image.shape[2:]), reversed(moved), strict=True):
        parts.append(rest % larger - before)
        rest = rest // larger
    coordinates = parts[::-1]
    if storage_order:
        coordinates, space = coordinates[::-1], space[::-1]
    flat = functools.reduce(lambda total, part: total * part[1] + part[0], zip(coordinates, space, strict=True), 0)
    first = numpy.arange(batch * channels).reshape((batch, channels) + (1,) * len(space)) * math.prod(space)
    return flat + tg.asarray(first, device=x.device)


@operator("AveragePool", versions=(1, 7, 10, 11, 19, 22))
def average_pooling(
    x: Tensor,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: list[int] | None = None,
    kernel_shape: list[int],
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """The mean of each window; padding counts as zeros, or not at all."""
    at = layout(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
    if _fits_library(at) and all(d == 1 for d in at.dilations):
        return avg_pool(x, at.kernel, at.strides, at.pairs, bool(ceil_mode), bool(count_include_pad))
    total = _sums(widened(x), at, ceil_mode)
    counts = [
        _counts(x.shape[2 + axis], at, axis, total.shape[2 + axis], bool(count_include_pad))
        for axis in range(x.ndim - 2)
    ]
    return rounded(total / total._like(functools.reduce(numpy.multiply.outer, counts)), x)


def _counts(n: int, at: WindowLayout, axis: int, windows: int, with_padding: bool) -> numpy.ndarray:
    """How many elements along an axis of size n each window counts: what is added by rounding up never does."""
    steps = numpy.arange(at.kernel[axis]) * at.dilations[axis] - at.pairs[axis][0]
    places = numpy.arange(windows)[:, None] * at.strides[axis] + steps
    before, after = at.pairs[axis] if with_padding else (0, 0)
    return ((places >= -before) & (places < n + after)).sum(1)


@operator("LpPool", versions=(1, 2, 11, 18, 22))
def lp_pooling(
    x: Tensor,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: list[int] | None = None,
    kernel_shape: list[int],
    p: float = 2,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) of each window."""
    at = layout(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad)
    return rounded(_root(_sums(abs(widened(x)) ** p, at, ceil_mode), p), x)


@operator("GlobalMaxPool", versions=(1, 22))
def global_max_pooling(x: Tensor) -> Tensor:
    """The largest number of each channel."""
    return tg.max(x, axis=_space(x), keepdims=True)


@operator("GlobalAveragePool", versions=(1, 22))
def global_average_pooling(x: Tensor) -> Tensor:
    """The mean of each channel."""
    return tg.mean(x, _space(x), keepdims=True)


@operator("GlobalLpPool", versions=(1, 2, 22))
def global_lp_pooling(x: Tensor, *, p: float = 2) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) of each channel."""
    return tg.norm(x, p, _space(x), keepdims=True)


@operator("MaxUnpool", versions=(9, 11, 22))
def max_unpooling(
    x: Tensor,
    places: Tensor,
    output_shape: Numbers | None = None,
    *,
    kernel_shape: list[int],
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """The largest numbers put back where `MaxPool` has found them, among zeros."""
    at = layout(x.shape[2:], kernel_shape, strides, None, pads)
    space = [
        (n - 1) * s - sum(pair) + k for n, s, pair, k in zip(x.shape[2:], at.strides, at.pairs, at.kernel, strict=True)
    ]
    shape = (*x.shape[:2], *space)
    nothing = (x.reshape(-1)[:1] * 0).broadcast_to((math.prod(shape),))
    y = tg.scatter(nothing, places.reshape(-1), x.reshape(-1), 0).reshape(shape)
    if output_shape is not None:
        y = padded(y, [(0, int(wanted) - n) for wanted, n in zip(output_shape[2:], space, strict=True)])
    return y


@operator("MaxRoiPool", versions=(1, 22))
def max_roi_pooling(x: Tensor, rois: Numbers, *, pooled_shape: list[int], spatial_scale: float = 1.0) -> Tensor:
    """The largest numbers of the cells of a grid over each region of interest, (number of the image, x₁, y₁, x₂, y₂)."""
    regions = []
    for image, *corners in rois:
        left, top, right, bottom = (math.floor(corner * spatial_scale + 0.5) for corner in corners)
        rows = _cells(top, bottom, pooled_shape[0], x.shape[2])
        found = []
        for row in rows:
            for column in _cells(left, right, pooled_shape[1], x.shape[3]):
                cell = x[int(image), :, row, column]
                found.append(tg.max(cell, axis=(1, 2)) if 0 not in cell.shape else x[int(image), :, 0, 0] * 0)
        regions.append(tg.stack(found, -1).reshape((x.shape[1], *pooled_shape)))
    return tg.stack(regions)


def _cells(first: int, last: int, count: int, n: int) -> list[slice]:
    """The stretches from `first` to `last`, both included, that lie on an axis of size n; they may overlap by one."""
    size = max(last - first + 1, 1)
    ends = [(first + math.floor(i * size / count), first + math.ceil((i + 1) * size / count)) for i in range(count)]
    return [slice(min(max(start, 0), n), min(max(end, 0), n)) for start, end in ends]


def _space(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


def _fits_library(at: WindowLayout) -> bool:
    """Whether no window could lie in padding alone, which the library's poolings refuse."""
    return all(before <= k // 2 for k, (before, _) in zip(at.kernel, at.pairs, strict=True))


def _with_ceiling(space: tuple[int, ...], at: WindowLayout) -> Pairs:
    """More padding at the end, so that a last window that begins inside counts, though it reaches over the edge."""
    pairs = []
    for n, k, s, d, (before, after) in zip(space, *at, strict=True):
        span = n + before + after - d * (k - 1) - 1
        windows = -(-span // s) + 1
        if (windows - 1) * s >= n + before:
            windows -= 1
        pairs.append((before, after + max(0, (windows - 1) * s - span)))
    return pairs


def _sums(x: Tensor, at: WindowLayout, ceil_mode: int) -> Tensor:
    """The sum of each window, with zeros around x."""
    pairs = _with_ceiling(x.shape[2:], at) if ceil_mode else at.pairs
    laid, _ = columns(padded(x, pairs), at.kernel, at.strides, at.dilations)
    return laid.sum(tuple(range(2, 2 + len(at.kernel))))


def _root(total: Tensor, p: float) -> Tensor:
    """total^(1/p), with the gradient 0 at 0."""
    nothing = total == 0
    return nothing.where(0, nothing.where(1, total) ** (1 / p))
