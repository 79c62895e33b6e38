"""Linear layers; and products of many numbers, with gradients that are right where factors are 0."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy

from ..totals import total

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
