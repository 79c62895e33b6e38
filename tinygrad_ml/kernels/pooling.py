"""Pooling: the largest number of each window, and the mean. Images are (batch, channels, *space).

A window is not laid out: for each place in it there is a view of the image, of what all windows see there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy

Array: TypeAlias = Any
PerAxis: TypeAlias = tuple[int, ...]
Pairs: TypeAlias = tuple[tuple[int, int], ...]
"""What is added in front and behind, along each axis of space."""


def _views(x: Array, kernel: PerAxis, stride: PerAxis, dilation: PerAxis) -> Iterator[Array]:
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)]
    for place in numpy.ndindex(*kernel):
        begins = [o * d for o, d in zip(place, dilation, strict=True)]
        cuts = [slice(b, b + s * (n - 1) + 1, s) for b, s, n in zip(begins, stride, counts, strict=True)]
        yield x[(..., *cuts)]


def padded(x: Array, pairs: Pairs, value: float) -> Array:
    """x in an edge of one value; x itself, if there is none."""
    if not any(map(any, pairs)):
        return x
    shape = [n + sum(pair) for n, pair in zip(x.shape[2:], pairs, strict=True)]
    padded = numpy.full((*x.shape[:2], *shape), value, x.dtype)
    inside(padded, pairs)[...] = x
    return padded


def inside(x: Array, pairs: Pairs) -> Array:
    """What is not the edge."""
    return x[(..., *[slice(before, n - after) for (before, after), n in zip(pairs, x.shape[2:], strict=True)])]


def max_pool(x: Array, kernel: PerAxis, stride: PerAxis, dilation: PerAxis, pairs: Pairs) -> tuple[Array, Array]:
    """The value of `max_pool`, and what its gradient needs besides."""
    around = padded(x, pairs, -math.inf)
    first, *others = _views(around, kernel, stride, dilation)
    y = numpy.array(first, order="C")
    for view in others:
        numpy.maximum(y, view, out=y)
    return y, around


def max_pool_gradient(
    g: Array,
    x: Array,
    y: Array,
    around: Array,
    kernel: PerAxis,
    stride: PerAxis,
    dilation: PerAxis,
    pairs: Pairs,
    needed: tuple,
) -> tuple[Array]:
    """To the largest elements, which share it evenly where several tie."""
    hits = [view == y for view in _views(around, kernel, stride, dilation)]
    share = g / sum(hits[1:], hits[0].astype(numpy.uint8 if len(hits) < 256 else x.dtype))  # small numbers are quick
    total = numpy.zeros_like(around)
    apart = kernel == stride and set(dilation) == {1}  # no pixel is in two windows, and nothing is added up
    for view, hit in zip(_views(total, kernel, stride, dilation), hits, strict=True):
        if apart:
            numpy.multiply(share, hit, view)
        else:
            view += share * hit
    return (inside(total, pairs),)


def avg_pool(x: Array, kernel: PerAxis, stride: PerAxis, pairs: Pairs) -> tuple[Array]:
    """Padding counts as zeros."""
    first, *others = _views(padded(x, pairs, 0), kernel, stride, (1,) * len(kernel))
    y = numpy.array(first, order="C")
    for view in others:
        y += view
    y /= math.prod(kernel)
    return (y,)


def avg_pool_gradient(
    g: Array, like: Any, kernel: PerAxis, stride: PerAxis, pairs: Pairs, needed: tuple
) -> tuple[Array]:
    """The shares of the inputs of `avg_pool` in the gradient g."""
    shape = [n + sum(pair) for n, pair in zip(like.shape[2:], pairs, strict=True)]
    total = numpy.zeros((*like.shape[:2], *shape), g.dtype)
    share = g / math.prod(kernel)
    for view in _views(total, kernel, stride, (1,) * len(kernel)):
        view += share
    return (inside(total, pairs),)
