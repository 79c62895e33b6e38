"""Convolutions of images, and their gradients, as machine code: windows are read where they lie, and never laid out.

With few numbers, or where there is no llvmlite, a convolution stays what it is composed of: see `worth`. The gradient of the
image is a convolution as well: that of the gradient, with zeros between its pixels where windows lie apart, by the kernel
turned around.

Images are (batch, channels, *space), with one or two axes of space.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

import numpy

from ..machine.products.fewer import TiledConvolution, TiledGradient
from ..machine.products.fields import DEEPEST
from ..machine.products.windows import LONGEST_STRIDE, ImplicitProduct, Sight, WeightGradient
from ..machine.sharing.again import do
from ..totals import total
from .pooling import Pairs, PerAxis, padded

Array: TypeAlias = Any

WAYS = (TiledConvolution, ImplicitProduct)
"""The first that fits."""
MANY_MULTIPLICATIONS = 1 << 22
"""From so many on a convolution is worth a compiler's import, which takes as long as a dozen of them laid out."""


def worth(x: Array, weight: Array, *bias: Array, stride: PerAxis, pairs: Pairs, dilation: PerAxis, groups: int) -> bool:
    """Whether a convolution is done here; it follows from shapes, and from what the processor is."""
    batch, channels, *space = x.shape
    out, kernel = weight.shape[0], weight.shape[2:]
    if not 1 <= len(space) <= 2 or weight.dtype != x.dtype or stride[-1] > LONGEST_STRIDE:
        return False
    counts = _positions([n + sum(pair) for n, pair in zip(space, pairs, strict=True)], kernel, stride, dilation)
    multiplications = batch * prod(counts) * weight.size
    if multiplications < MANY_MULTIPLICATIONS or counts[-1] > DEEPEST or min(counts) < 1:
        return False
    if any(max(pair) > d * (k - 1) for pair, k, d in zip(pairs, kernel, dilation, strict=True)):
        return False
    sight = Sight(_both(counts), _both(kernel), _both(stride), _both(dilation), groups)
    backwards = Sight(_both(space), _both(kernel), (1, 1), _both(dilation), groups)
    return sight.worth(x.dtype, batch, channels, out) and backwards.worth(x.dtype, batch, out, channels)


def convolution(
    x: Array, weight: Array, *bias: Array, stride: PerAxis, pairs: Pairs, dilation: PerAxis, groups: int
) -> tuple[Array, Array]:
    """The value of `convolution`, and the image in its zeros."""
    around = padded(x, pairs, 0)
    y = _convolved(_rows_of(weight, groups), around, weight.shape[2:], stride, dilation, groups)
    if bias:
        y += bias[0].reshape(-1, *[1] * (y.ndim - 2))
    return y, around


def convolution_gradient(
    g: Array,
    x: Array,
    weight: Array,
    around: Array,
    stride: PerAxis,
    pairs: Pairs,
    dilation: PerAxis,
    groups: int,
    needed: tuple,
) -> list[Array]:
    """The shares of image, weights and bias in the gradient g."""
    g = numpy.ascontiguousarray(g)
    return [
        _image_gradient(g, x.shape[2:], weight, stride, pairs, dilation, groups) if 0 in needed else None,
        _weight_gradient(g, around, weight, stride, dilation, groups) if 1 in needed else None,
        *([total(g, (0, *range(2, g.ndim)), False, g.dtype)] if 2 in needed else []),
    ]


def _image_gradient(
    g: Array,
    space: tuple[int, ...],
    weight: Array,
    stride: PerAxis,
    pairs: Pairs,
    dilation: PerAxis,
    groups: int,
) -> Array:
    kernel = weight.shape[2:]
    seen = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    image = numpy.zeros((*g.shape[:2], *[n + more for n, more in zip(space, seen, strict=True)]), g.dtype)
    begins = [more - before for more, (before, _) in zip(seen, pairs, strict=True)]
    places = [slice(b, b + s * (n - 1) + 1, s) for b, s, n in zip(begins, stride, g.shape[2:], strict=True)]
    image[(..., *places)] = g
    out, channels = weight.shape[:2]
    turned = weight.reshape(groups, out // groups, channels, *kernel)[(..., *[slice(None, None, -1)] * len(kernel))]
    turned = numpy.ascontiguousarray(turned.swapaxes(1, 2)).reshape(groups * channels, out // groups, *kernel)
    return _convolved(_rows_of(turned, groups), image, kernel, (1,) * len(kernel), dilation, groups)


def _weight_gradient(g: Array, x: Array, weight: Array, stride: PerAxis, dilation: PerAxis, groups: int) -> Array:
    out = numpy.empty(_rows_of(weight, groups).shape, g.dtype)
    sight = Sight(_both(g.shape[2:]), _both(weight.shape[2:]), _both(stride), _both(dilation), groups)
    split = (groups, g.shape[1] // groups) if groups > 1 else (g.shape[1],)
    do((TiledGradient, WeightGradient), sight, g.reshape(len(g), *split, -1), _image(x), out)
    return out.reshape(weight.shape)


def _convolved(rows: Array, x: Array, kernel: PerAxis, stride: PerAxis, dilation: PerAxis, groups: int) -> Array:
    """Weights, a row for each channel of the result, times the windows of x."""
    counts = _positions(x.shape[2:], kernel, stride, dilation)
    y = numpy.empty((len(x), *rows.shape[:-1], prod(counts)), x.dtype)
    do(WAYS, Sight(_both(counts), _both(kernel), _both(stride), _both(dilation), groups), rows, _image(x), y)
    return y.reshape(len(x), rows.shape[-2] * groups, *counts)


def _rows_of(weight: Array, groups: int) -> Array:
    """Weights as a matrix, or one for each group."""
    split = (groups, len(weight) // groups) if groups > 1 else (len(weight),)
    return numpy.ascontiguousarray(weight).reshape(*split, -1)


def _image(x: Array) -> Array:
    """x with two axes of space, in one piece."""
    x = numpy.ascontiguousarray(x)
    return x if x.ndim == 4 else x[:, :, None]


def _both(values: Sequence[int]) -> tuple[int, ...]:
    """A number for each of two axes of space."""
    return (*[1] * (2 - len(values)), *values)


def _positions(space: Sequence[int], kernel: PerAxis, stride: PerAxis, dilation: PerAxis) -> tuple[int, ...]:
    return tuple([(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(space, kernel, stride, dilation, strict=True)])
