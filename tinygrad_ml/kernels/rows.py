"""Along axes: means, the softmax and what belongs to it, numbers brought to mean 0 and variance 1.

`axis` is a tuple of axes counted from the left.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy

from ..totals import total
from . import normalization
from . import softmax as in_loops

Array: TypeAlias = Any
Axis: TypeAlias = tuple[int, ...]


SHORT_ROWS_ELEMENTS = 4096
"""Of so many numbers in short rows the largest are looked for column by column."""

LONGEST_RUN = 4096
"""Numbers along an axis that a gradient goes back through one by one, all rows at once."""


def kept_sum(x: Array, axis: Axis) -> Array:
    """Σ x over the axes, which are kept."""
    return total(x, axis, True, x.dtype)


def _largest(x: Array, axis: Axis) -> Array:
    """The largest number along the axes, which are kept. NumPy looks through each row by itself, and not through many at a time."""
    if axis != (x.ndim - 1,) or not x.size or not x.flags.c_contiguous:
        return numpy.maximum.reduce(x, axis=axis, keepdims=True)
    rows = x.reshape(-1, x.shape[-1])
    if x.size <= SHORT_ROWS_ELEMENTS and len(rows) >= x.shape[-1]:
        top = numpy.maximum.reduce(rows.T.copy(), 0)
    else:
        top = rows[numpy.arange(len(rows)), rows.argmax(1)]  # the first nan, if there is one
    return top.reshape(*x.shape[:-1], 1)


def _rest(x: Array, axis: Axis) -> list[int]:
    return [n for a, n in enumerate(x.shape) if a not in axis]


def _count(x: Array, axis: Axis) -> int:
    return math.prod([x.shape[a] for a in axis])


def mean(x: Array, axis: Axis, keepdims: bool) -> tuple[Array]:
    """The value of `mean`, and what its gradient needs besides."""
    return (total(x, axis, keepdims, x.dtype) / _count(x, axis),)


def mean_gradient(g: Array, like: Any, axis: Axis, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `mean` in the gradient g."""
    shape = [1 if a in axis else n for a, n in enumerate(like.shape)]
    return (numpy.broadcast_to((g / _count(like, axis)).reshape(shape), like.shape),)


def from_the_top(x: Array, axis: Axis) -> tuple[Array, Array]:
    """x - top, which overflows in no exponential, and top, the largest along the axis, or 0 where that is infinite."""
    top = _largest(x, axis)
    if not math.isfinite(numpy.add.reduce(top, axis=None)):
        top = numpy.where(numpy.isfinite(top), top, x.dtype.type(0))
    return x - top, top


def softmax(x: Array, axis: Axis) -> tuple[Array]:
    """The value of `softmax`, and what its gradient needs besides."""
    if in_loops.worth(axis, x):
        return (in_loops.run(in_loops.SOFTMAX, x),)
    e, _ = from_the_top(x, axis)
    numpy.exp(e, e)
    return (numpy.divide(e, kept_sum(e, axis), e),)


def softmax_gradient(g: Array, x: Array, y: Array, axis: Axis, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `softmax` in the gradient g."""
    if in_loops.worth(axis, y, g):
        return (in_loops.run(in_loops.SOFTMAX_GRADIENT, g, y),)
    share = g * y
    share -= y * kept_sum(share, axis)
    return (share,)


def log_softmax(x: Array, axis: Axis) -> tuple[Array]:
    """The value of `log_softmax`, and what its gradient needs besides."""
    if in_loops.worth(axis, x):
        return (in_loops.run(in_loops.LOG_SOFTMAX, x),)
    y, _ = from_the_top(x, axis)
    return (numpy.subtract(y, numpy.log(kept_sum(numpy.exp(y), axis)), y),)


def log_softmax_gradient(g: Array, x: Array, y: Array, axis: Axis, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `log_softmax` in the gradient g."""
    if in_loops.worth(axis, y, g):
        return (in_loops.run(in_loops.LOG_SOFTMAX_GRADIENT, g, y),)
    share = numpy.exp(y)
    share *= kept_sum(g, axis)
    return (numpy.subtract(g, share, share),)


def logsumexp(x: Array, axis: Axis, keepdims: bool) -> tuple[Array, Array]:
    """Left is the softmax of x, or 0 where all x are -∞."""
    e, top = from_the_top(x, axis)
    total = kept_sum(numpy.exp(e, e), axis)
    top += numpy.log(total)
    total = numpy.maximum(total, total.dtype.type(0.5))  # one of the numbers is 1, or all are 0
    return top if keepdims else top.reshape(_rest(x, axis)), numpy.divide(e, total, e)


def logsumexp_gradient(g: Array, x: Array, parts: Array, axis: Axis, keepdims: bool, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `logsumexp` in the gradient g."""
    return (parts * (g if keepdims else numpy.expand_dims(g, axis)),)


def worth_running_on(x: Array, axis: int) -> bool:
    """Whether these two compute the running logarithm: of finite numbers, along an axis that is not too long."""
    return x.size > 0 and x.shape[axis] <= LONGEST_RUN and bool(numpy.isfinite(x).all())


def running_logsumexp(x: Array, axis: int) -> tuple[Array]:
    """yₖ = ln(exp x₀ + … + exp xₖ)"""
    return (numpy.logaddexp.accumulate(x, axis, numpy.float64).astype(x.dtype),)


def running_logsumexp_gradient(g: Array, x: Array, y: Array, axis: int, needed: Any) -> tuple[Array]:
    """exp(xᵢ - yᵢ)·sᵢ, where sᵢ = gᵢ + exp(yᵢ - yᵢ₊₁)·sᵢ₊₁ is what all later places say: no exponential is more than 1."""
    share, x, y = (numpy.moveaxis(array, axis, 0).astype(numpy.float64) for array in (g, x, y))
    stays = numpy.exp(y[:-1] - y[1:])
    for i in range(len(y) - 2, -1, -1):
        share[i] += stays[i] * share[i + 1]
    share *= numpy.exp(x - y)
    return (numpy.ascontiguousarray(numpy.moveaxis(share, 0, axis).astype(g.dtype)),)


def standardised(x: Array, axis: Axis, eps: float) -> tuple[Array, Array]:
    """(x - mean) / √(variance + eps); and 1/√(variance + eps)."""
    if in_loops.worth(axis, x):
        return normalization.standardised(x, eps)
    count = _count(x, axis)
    y = x - kept_sum(x, axis) / count
    scale = 1 / numpy.sqrt(kept_sum(numpy.square(y), axis) / count + eps)
    return numpy.multiply(y, scale, y), scale


def standardised_gradient(g: Array, x: Array, y: Array, scale: Array, axis: Axis, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `standardised` in the gradient g."""
    if in_loops.worth(axis, y, g):
        return (normalization.standardised_gradient(g, y, scale),)
    count = _count(x, axis)
    share = g * y
    share = y * (kept_sum(share, axis) / -count)
    share += g
    share -= kept_sum(g, axis) / count
    return (numpy.multiply(share, scale, share),)
