"""Sliding windows, from which convolution and pooling are composed.

`windows` lays out, for each output position, the part of the input that it sees; `fold` adds such
parts back where they came from. Each is the other's gradient. A convolution is then one matrix
product over the windows, and a pooling is a reduction over them, in any number of dimensions.

Shapes: x is (..., *space); windows are (..., *positions, *kernel).
"""

from collections.abc import Iterator
from functools import partial
from math import prod

import numpy

from ..backend import Array
from ..errors import ShapeError
from ..ops.primitive import Primitive, View
from ..ops.shapes import Shape, size
from ..totals import accumulator

WORTH_RUNS = 1 << 14
"""Elements of windows that are added up in runs."""
RUNS_ELEMENTS = 1 << 19
"""Elements of windows that lie in runs at a time: they stay in the second-level cache."""


def positions(space: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    """How many windows fit along each axis: ⌊(n - dilation·(k - 1) - 1) / stride⌋ + 1."""
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(extent > n for extent, n in zip(extents, space, strict=True)):
        dilated = f" dilated to {tuple(extents)}" if tuple(extents) != tuple(kernel) else ""
        raise ShapeError(
            f"kernel {tuple(kernel)}{dilated} is larger than the padded input {tuple(space)}: use a smaller one, or more padding"
        )
    return tuple((n - extent) // s + 1 for n, extent, s in zip(space, extents, stride, strict=True))


def _windows_shape(x: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    lead = len(x) - len(kernel)
    return (*x[:lead], *positions(x[lead:], kernel, stride, dilation), *kernel)


def _windows_value(xp, x, kernel, stride, dilation):
    lead = x.ndim - len(kernel)
    steps = x.strides[lead:]
    strides = (
        *x.strides[:lead],
        *(step * s for step, s in zip(steps, stride, strict=True)),
        *(step * d for step, d in zip(steps, dilation, strict=True)),
    )
    # A view: the same memory is read through several windows, and nothing is copied here.
    return xp.lib.stride_tricks.as_strided(x, _windows_shape(x.shape, kernel, stride, dilation), strides)


def _fold_value(xp, x, shape, kernel, stride, dilation):
    if side_by_side(x.shape, shape, kernel, stride, dilation):
        y = xp.empty(shape, dtype=x.dtype)
        for seen, place in _places(x, kernel, stride, dilation):
            y[seen] = x[place]
        return y
    total = xp.zeros(shape, dtype=accumulator(x.dtype))
    return fold_into(total, x, kernel, stride, dilation).astype(x.dtype, copy=False)


def side_by_side(x: Shape, shape: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> bool:
    """Whether each pixel is in one window: then nothing is added up."""
    lead = len(shape) - len(kernel)
    counts = x[lead : lead + len(kernel)]
    return all(
        k == s and (d == 1 or k == 1) and n * s == extent
        for k, s, d, n, extent in zip(kernel, stride, dilation, counts, shape[lead:], strict=True)
    )


def fold_into(total: Array, x: Array, kernel: Shape, stride: Shape, dilation: Shape) -> Array:
    """Add windows to `total`, an array of zeros, where they came from."""
    if type(total) is numpy.ndarray and total.ndim > len(kernel) and set(stride) == {1} and x.size >= WORTH_RUNS:
        return _fold_in_runs(total, x, kernel, dilation)
    for seen, place in _places(x, kernel, stride, dilation):
        total[seen] += x[place]
    return total


def _fold_in_runs(total: numpy.ndarray, x: numpy.ndarray, kernel: Shape, dilation: Shape) -> numpy.ndarray:
    """`fold_into` for windows at every pixel: with lines as long as those of the image, an addition is one long run.

    NumPy takes as long to begin a line as to add up a hundred numbers, and lines of windows are short.
    """
    lead, dims = total.ndim - len(kernel), len(kernel)
    counts, extents = x.shape[lead : lead + dims], total.shape[lead:]
    laid = x.transpose((*range(lead), *range(lead + dims, lead + 2 * dims), *range(lead, lead + dims)))
    wide = (counts[0], *extents[1:])
    each = prod((*x.shape[1:lead], *kernel, *wide))
    length = max(1, min(len(x), RUNS_ELEMENTS // each))
    lines = numpy.zeros((length, *x.shape[1:lead], *kernel, *wide), total.dtype)
    flat = total.reshape((*total.shape[:lead], prod(extents)))
    for start in range(0, len(x), length):
        part = laid[start : start + length]
        lines[(slice(len(part)), ..., *map(slice, counts))] = part
        runs = lines[: len(part)].reshape((*part.shape[: lead + dims], prod(wide)))
        for place in numpy.ndindex(*kernel):
            first = 0
            for offset, d, extent in zip(place, dilation, extents, strict=True):
                first = first * extent + offset * d
            run = min(prod(wide), flat.shape[-1] - first)  # behind the image there are but zeros
            flat[start : start + length, ..., first : first + run] += runs[(..., *place, slice(run))]
    return total


def _places(x: Array, kernel: Shape, stride: Shape, dilation: Shape) -> Iterator[tuple[tuple, tuple]]:
    """For each place in the kernel, whatever the input's size: (the pixels that windows see there, in windows that place)."""
    spatial = len(kernel)
    lead = (slice(None),) * (x.ndim - 2 * spatial)
    counts = x.shape[len(lead) : len(lead) + spatial]
    for flat in range(prod(kernel)):
        place = []
        for k in reversed(kernel):
            flat, offset = divmod(flat, k)
            place.append(offset)
        place = tuple(reversed(place))
        target = tuple(
            slice(offset * d, offset * d + s * (n - 1) + 1, s)
            for offset, d, s, n in zip(place, dilation, stride, counts, strict=True)
        )
        yield lead + target, (..., *place)


windows = Primitive(
    "windows",
    _windows_value,
    _windows_shape,
    (
        lambda g, like, kernel, stride, dilation: g._apply(
            fold, shape=like.shape, kernel=kernel, stride=stride, dilation=dilation
        ),
    ),
    view=View("changed", take=partial(_windows_value, numpy), many=True),
    batch="leading",
    formula="the {kernel} windows of x",
    local=("1 in each window that sees it",),
    flops=lambda *_: 0,
)

fold = Primitive(
    "fold",
    _fold_value,
    lambda x, shape, kernel, stride, dilation: shape,
    (lambda g, kernel, stride, dilation: g._apply(windows, kernel=kernel, stride=stride, dilation=dilation),),
    batch=lambda x, n, shape, kernel, stride, dilation: x._apply(
        fold, shape=(n, *shape), kernel=kernel, stride=stride, dilation=dilation
    ),
    formula="the {kernel} windows added back to {shape}",
    local=("1",),
    flops=lambda y, x: size(x),
)
