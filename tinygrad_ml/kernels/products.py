"""Linear layers; and products of many numbers, with gradients that are right where factors are 0."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy

from ..totals import total
from .scans import running_product, running_total

Array: TypeAlias = Any


def affine(x: Array, weight: Array, bias: Array) -> tuple[Array]:
    """x·Wᵀ + b of matrices x and W."""
    y = x.dot(weight.T)
    y += bias
    return (y,)


def affine_gradient(g: Array, x: Array, weight: Array, needed: tuple) -> tuple[Array, Array, Array]:
    """The shares of the inputs of `affine` in the gradient g."""
    return g.dot(weight), g.T.dot(x), total(g, (0,), False, g.dtype)


def affine_gradient_of_data(g: Array, x: Array, needed: tuple) -> tuple[None, Array, Array]:
    """The same where x needs none."""
    return None, g.T.dot(x), total(g, (0,), False, g.dtype)


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
    y = running_product(x, axis)
    return (numpy.multiply.accumulate(x, axis=axis) if y is None else y,)


def cumulative_prod_gradient(g: Array, x: Array, y: Array, axis: int, needed: tuple) -> tuple[Array]:
    """Σ of g·y behind each factor, divided by it; step by step, if one of them is 0."""
    x, y, g = (numpy.moveaxis(array, axis, -1) for array in (x, y, g))
    if x.all():
        backwards = (g * y)[..., ::-1]
        behind = running_total(backwards, x.ndim - 1)
        behind = numpy.cumsum(backwards, axis=-1, dtype=numpy.float64) if behind is None else behind
        share = behind[..., ::-1] / x
    else:
        share = numpy.array(g, numpy.float64)
        for i in range(x.shape[-1] - 2, -1, -1):
            share[..., i] += x[..., i + 1] * share[..., i + 1]
        share[..., 1:] *= y[..., :-1]
    return (numpy.moveaxis(share.astype(x.dtype), -1, axis),)
