"""Products of many numbers, with gradients that are right where factors are 0."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy

Array: TypeAlias = Any


def prod(x: Array) -> tuple[Array]:
    """Along the last axis."""
    return (numpy.multiply.reduce(x, axis=-1),)


def prod_gradient(g: Array, x: Array, needed: tuple) -> tuple[Array]:
    """Of each factor it is the product of those in front of it and of those behind it."""
    share = numpy.ones_like(x)
    numpy.multiply.accumulate(x[..., :-1], axis=-1, out=share[..., 1:])
    behind = numpy.multiply.accumulate(x[..., :0:-1], axis=-1)[..., ::-1]
    share[..., :-1] *= behind
    share *= numpy.asarray(g)[..., None]
    return (share,)


def cumulative_prod(x: Array, axis: int) -> tuple[Array]:
    """The value of `cumulative_prod`, and what its gradient needs besides."""
    return (numpy.multiply.accumulate(x, axis=axis),)


def cumulative_prod_gradient(g: Array, x: Array, y: Array, axis: int, needed: tuple) -> tuple[Array]:
    """Σ of g·y behind each factor, divided by it; step by step, if one of them is 0."""
    x, y, g = (numpy.moveaxis(array, axis, -1) for array in (x, y, g))
    if x.all():
        share = numpy.cumsum((g * y)[..., ::-1], axis=-1, dtype=numpy.float64)[..., ::-1] / x
    else:
        share = numpy.array(g, numpy.float64)
        for i in range(x.shape[-1] - 2, -1, -1):
            share[..., i] += x[..., i + 1] * share[..., i + 1]
        share[..., 1:] *= y[..., :-1]
    return (numpy.moveaxis(share.astype(x.dtype), -1, axis),)
