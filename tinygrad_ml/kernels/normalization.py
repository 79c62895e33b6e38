"""Normalisation as machine code: three walks through a channel or a row, which stays in the cache, and two back.

Of a batch, x is (batch, channels, *space), contiguous, and sums are added up in float64. Of rows, x is as in `softmax.py`.
"""

from __future__ import annotations

from math import prod
from typing import Any, TypeAlias

import numpy

from . import loops
from .softmax import SUMMED, text_of

Array: TypeAlias = Any

MOMENTS = """\
def loop(channels, batch, pixels, step, x: reals, mean: reals, var: reals):
    nothing_overlaps()
    for c in range(channels):
        total = float64(0)
        for i in range(batch):
            for j in range(pixels):
                total = add_in_any_order(total, float64(x[c * pixels + i * step + j]))
        middle = total / float64(batch * pixels)
        squares = float64(0)
        for i in range(batch):
            for j in range(pixels):
                d = float64(x[c * pixels + i * step + j]) - middle
                squares = add_in_any_order(squares, d * d)
        mean[c] = real(middle)
        var[c] = real(squares / float64(batch * pixels))
"""

NORMALISED = """\
def loop(channels, batch, pixels, step, x: reals, mean: reals, scale: reals, shift: reals, y: reals):
    nothing_overlaps()
    for c in range(channels):
        middle = mean[c]
        a = scale[c]
        b = shift[c]
        for i in range(batch):
            for j in range(pixels):
                y[c * pixels + i * step + j] = (x[c * pixels + i * step + j] - middle) * a + b
"""

GRADIENT = """\
def loop(channels, batch, pixels, step, g: reals, x: reals, mean: reals, scale: reals, weight: reals, dx: reals, dw: reals, db: reals):
    nothing_overlaps()
    for c in range(channels):
        middle = mean[c]
        total = float64(0)
        along = float64(0)
        for i in range(batch):
            for j in range(pixels):
                share = g[c * pixels + i * step + j]
                total = add_in_any_order(total, float64(share))
                along = add_in_any_order(along, float64(share * (x[c * pixels + i * step + j] - middle)))
        count = float64(batch * pixels)
        db[c] = real(total)
        dw[c] = real(along) * scale[c]
        a = weight[c] * scale[c]
        first = real(total / count)
        second = real(along * float64(scale[c] * scale[c]) / count)
        for i in range(batch):
            for j in range(pixels):
                share = g[c * pixels + i * step + j] - first
                dx[c * pixels + i * step + j] = (share - (x[c * pixels + i * step + j] - middle) * second) * a
"""

STANDARDISED = text_of(
    "standardised",
    ("x", "eps", "y", "scale"),
    SUMMED.format(line="e = x[r * n + i]", number="e"),
    """
        middle = real(total / float64(n))
""",
    SUMMED.format(line="d = x[r * n + i] - middle", number="d * d"),
    """
        s = real(1) / sqrt(real(total / float64(n)) + eps[0])
        scale[r] = s
        for i in range(n):
            y[r * n + i] = (x[r * n + i] - middle) * s
""",
)
STANDARDISED_GRADIENT = text_of(
    "standardised, back",
    ("g", "y", "scale", "d"),
    SUMMED.format(line="e = g[r * n + i]", number="e"),
    """
        mean = real(total / float64(n))
""",
    SUMMED.format(line="e = g[r * n + i] * y[r * n + i]", number="e"),
    """
        along = real(total / float64(n))
        for i in range(n):
            d[r * n + i] = (g[r * n + i] - mean - y[r * n + i] * along) * scale[r]
""",
)


def standardised(x: Array, eps: float) -> tuple[Array, Array]:
    """(x - mean) / √(variance + eps) of each row; and 1/√(variance + eps)."""
    n, y, scale = x.shape[-1], numpy.empty(x.shape, x.dtype), numpy.empty((*x.shape[:-1], 1), x.dtype)
    loops.run(STANDARDISED, scale.size, (n,), (x, n), (numpy.array([eps], x.dtype), 0), (y, n), (scale, 1))
    return y, scale


def standardised_gradient(g: Array, y: Array, scale: Array) -> Array:
    """The share of the input of `standardised` in the gradient g."""
    n, share = y.shape[-1], numpy.empty(y.shape, y.dtype)
    loops.run(STANDARDISED_GRADIENT, scale.size, (n,), (g, n), (y, n), (scale, 1), (share, n))
    return share


def worth(x: Array, weight: Array, bias: Array, **_: Any) -> bool:
    """Whether batch norm is done here: many numbers, that lie in order."""
    return loops.worth(x) and x.flags.c_contiguous and weight.dtype == x.dtype == bias.dtype


def _sizes(x: Array) -> tuple[int, tuple[int, int, int], int]:
    """The number of channels, what a loop is told besides, and by how many elements x goes on from channel to channel."""
    pixels = prod(x.shape[2:])
    return x.shape[1], (len(x), pixels, x.shape[1] * pixels), pixels


def moments(x: Array) -> tuple[Array, Array]:
    """Mean and variance of each channel."""
    channels, sizes, step = _sizes(x)
    mean, var = numpy.empty((2, channels), x.dtype)
    loops.run(MOMENTS, channels, sizes, (x, step), (mean, 1), (var, 1))
    return mean, var


def batch_norm(x: Array, weight: Array, bias: Array, eps: float, known: tuple[Array, Array]) -> tuple[Array, Array]:
    """(x - mean) / √(var + eps) · weight + bias, for the `known` moments of x; and 1/√(var + eps)."""
    mean, var = known
    scale = 1 / numpy.sqrt(var + eps)
    y = numpy.empty_like(x)
    channels, sizes, step = _sizes(x)
    loops.run(NORMALISED, channels, sizes, (x, step), (mean, 1), (scale * weight, 1), (bias, 1), (y, step))
    return y, scale


def batch_norm_gradient(
    g: Array,
    x: Array,
    weight: Array,
    bias: Any,
    scale: Array,
    eps: float,
    known: tuple[Array, Array],
    needed: Any,
) -> tuple[Array, Array, Array]:
    """The shares of x, weight and bias in the gradient g."""
    dx, (dw, db) = numpy.empty_like(x), numpy.empty((2, len(weight)), x.dtype)
    channels, sizes, step = _sizes(x)
    g = numpy.ascontiguousarray(g)
    small = [(array, 1) for array in (known[0], scale, weight)]
    loops.run(GRADIENT, channels, sizes, (g, step), (x, step), *small, (dx, step), (dw, 1), (db, 1))
    return dx, dw, db
