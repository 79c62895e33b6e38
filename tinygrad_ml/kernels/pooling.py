"""Pooling: the largest number of each window, and the mean. Images are (batch, channels, *space).

A window is not laid out: for each place in it there is a view of the image, of what all windows see there. Of large images
in two dimensions a loop of machine code reads each window at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, TypeAlias

import numpy

from . import loops

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
    if _in_loops(around, kernel):
        return _reduced(around, _largest, kernel, stride, dilation), around
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
    if _in_loops(around, kernel):
        share = _returned(_to_the_largest, kernel, stride, dilation, around.shape, g, around, y)
        return (inside(share, pairs),)
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
    around = padded(x, pairs, 0)
    if _in_loops(around, kernel):
        return (_reduced(around, _mean, kernel, stride, (1,) * len(kernel)),)
    first, *others = _views(around, kernel, stride, (1,) * len(kernel))
    y = numpy.array(first, order="C")
    for view in others:
        y += view
    y /= math.prod(kernel)
    return (y,)


def avg_pool_gradient(
    g: Array, like: Any, kernel: PerAxis, stride: PerAxis, pairs: Pairs, needed: tuple
) -> tuple[Array]:
    """The shares of the inputs of `avg_pool` in the gradient g."""
    shape = (*like.shape[:2], *[n + sum(pair) for n, pair in zip(like.shape[2:], pairs, strict=True)])
    if _in_loops(g, kernel):
        return (inside(_returned(_to_all, kernel, stride, (1,) * len(kernel), shape, g), pairs),)
    total = numpy.zeros(shape, g.dtype)
    share = g / math.prod(kernel)
    for view in _views(total, kernel, stride, (1,) * len(kernel)):
        view += share
    return (inside(total, pairs),)


MOST_PLACES = 16
"""Numbers of a window that a loop names one by one."""


def _in_loops(x: Array, kernel: PerAxis) -> bool:
    return len(kernel) == 2 and math.prod(kernel) <= MOST_PLACES and loops.worth(x)


def _reduced(x: Array, lines: Any, kernel: PerAxis, stride: PerAxis, dilation: PerAxis) -> Array:
    """What each window of x becomes."""
    x = numpy.ascontiguousarray(x)
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)]
    y = numpy.empty((*x.shape[:2], *counts), x.dtype)
    height, width = x.shape[2:]
    text = _walk(lines, "x: reals, y: reals", kernel, stride, dilation)
    sizes = (*counts, width, height * width)
    loops.run(text, math.prod(x.shape[:2]), sizes, (x, height * width), (y, math.prod(counts)))
    return y


def _returned(
    lines: Any, kernel: PerAxis, stride: PerAxis, dilation: PerAxis, shape: Sequence[int], g: Array, *arrays: Array
) -> Array:
    """The gradient of images of a shape, for g, that of what their windows became; `arrays` are images, and what they became."""
    total = numpy.zeros(shape, g.dtype)
    (*batch, height, width), counts = shape, g.shape[2:]
    given = [numpy.ascontiguousarray(array) for array in (g, *arrays)]
    names = "g: reals, x: reals, y: reals, d: reals" if arrays else "g: reals, d: reals"
    sizes = (*counts, width, height * width)
    steps = [(array, math.prod(array.shape[2:])) for array in (*given, total)]
    loops.run(_walk(lines, names, kernel, stride, dilation), math.prod(batch), sizes, *steps)
    return total


@cache
def _walk(lines: Any, names: str, kernel: PerAxis, stride: PerAxis, dilation: PerAxis) -> str:
    """The text of a loop over all windows, with some lines for each."""
    places = [f"at + {i * dilation[0]} * line + {j * dilation[1]}" for i in range(kernel[0]) for j in range(kernel[1])]
    apart = kernel == stride and set(dilation) == {1}  # no pixel is in two windows, and nothing is added up
    body = "\n".join(f"                {line}" for line in lines(places, "=" if apart else "+="))
    return f"""\
def loop(planes, lines, width, line, plane, {names}):
    nothing_overlaps()
    for p in range(planes):
        for i in range(lines):
            for j in range(width):
                at = p * plane + i * {stride[0]} * line + j * {stride[1]}
                here = (p * lines + i) * width + j
{body}
"""


def _largest(places: Sequence[str], _: str) -> list[str]:
    first, *others = places
    return [f"most = x[{first}]", *[f"most = maximum(most, x[{place}])" for place in others], "y[here] = most"]


def _to_the_largest(places: Sequence[str], put: str) -> list[str]:
    hits = [f"hit{n} = real(1) if x[{place}] == most else real(0)" for n, place in enumerate(places)]
    count = " + ".join(f"hit{n}" for n in range(len(places)))
    puts = [f"d[{place}] {put} share * hit{n}" for n, place in enumerate(places)]
    return ["most = y[here]", *hits, f"share = g[here] / ({count})", *puts]


def _mean(places: Sequence[str], _: str) -> list[str]:
    first, *others = places
    total = [f"total = x[{first}]", *[f"total = total + x[{place}]" for place in others]]
    return [*total, f"y[here] = total / real({len(places)})"]


def _to_all(places: Sequence[str], put: str) -> list[str]:
    return [f"share = g[here] / real({len(places)})", *[f"d[{place}] {put} share" for place in places]]
