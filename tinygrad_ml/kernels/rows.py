"""Along axes: means, the softmax and what belongs to it, numbers brought to mean 0 and variance 1.

`axis` is a tuple of axes counted from the left.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy

from ..totals import total

Array: TypeAlias = Any
Axis: TypeAlias = tuple[int, ...]


def _sum(x: Array, axis: Axis) -> Array:
    return total(x, axis, True, x.dtype)


def _count(x: Array, axis: Axis) -> int:
    return math.prod([x.shape[a] for a in axis])


def mean(x: Array, axis: Axis, keepdims: bool) -> tuple[Array]:
    """The value of `mean`, and what its gradient needs besides."""
    return (total(x, axis, keepdims, x.dtype) / _count(x, axis),)


def mean_gradient(g: Array, like: Any, axis: Axis, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `mean` in the gradient g."""
    shape = [1 if a in axis else n for a, n in enumerate(like.shape)]
    return (numpy.broadcast_to((g / _count(like, axis)).reshape(shape), like.shape),)


def _from_the_top(x: Array, axis: Axis) -> tuple[Array, Array]:
    """x - top, which overflows in no exponential, and top, the largest along the axis, or 0 where that is infinite."""
    top = numpy.maximum.reduce(x, axis=axis, keepdims=True)
    finite = numpy.isfinite(top)
    if not finite.all():
        top = numpy.where(finite, top, x.dtype.type(0))
    return x - top, top


def softmax(x: Array, axis: Axis) -> tuple[Array]:
    """The value of `softmax`, and what its gradient needs besides."""
    e, _ = _from_the_top(x, axis)
    numpy.exp(e, e)
    return (numpy.divide(e, _sum(e, axis), e),)


def softmax_gradient(g: Array, x: Array, y: Array, axis: Axis, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `softmax` in the gradient g."""
    share = g * y
    share -= y * _sum(share, axis)
    return (share,)


def log_softmax(x: Array, axis: Axis) -> tuple[Array]:
    """The value of `log_softmax`, and what its gradient needs besides."""
    y, _ = _from_the_top(x, axis)
    return (numpy.subtract(y, numpy.log(_sum(numpy.exp(y), axis)), y),)


def log_softmax_gradient(g: Array, x: Array, y: Array, axis: Axis, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `log_softmax` in the gradient g."""
    share = numpy.exp(y)
    share *= _sum(g, axis)
    return (numpy.subtract(g, share, share),)


def logsumexp(x: Array, axis: Axis) -> tuple[Array, Array]:
    """Reduced axes are kept. Left is the softmax of x, or 0 where all x are -∞."""
    e, top = _from_the_top(x, axis)
    total = _sum(numpy.exp(e, e), axis)
    return numpy.log(total) + top, numpy.divide(e, numpy.where(total == 0, total.dtype.type(1), total), e)


def logsumexp_gradient(g: Array, x: Array, parts: Array, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `logsumexp` in the gradient g."""
    return (g * parts,)


def standardised(x: Array, axis: Axis, eps: float) -> tuple[Array, Array]:
    """(x - mean) / √(variance + eps); and 1/√(variance + eps)."""
    count = _count(x, axis)
    y = x - _sum(x, axis) / count
    scale = 1 / numpy.sqrt(_sum(numpy.square(y), axis) / count + eps)
    return numpy.multiply(y, scale, y), scale


def standardised_gradient(g: Array, x: Array, y: Array, scale: Array, axis: Axis, needed: Any) -> tuple[Array]:
    """The shares of the inputs of `standardised` in the gradient g."""
    count = _count(x, axis)
    share = g * y
    share = y * (_sum(share, axis) / -count)
    share += g
    share -= _sum(g, axis) / count
    return (numpy.multiply(share, scale, share),)
