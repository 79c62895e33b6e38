"""Normalisation that only scales: numbers are divided by the size of their neighbours, and keep their mean."""

import math

import numpy

from ...errors import OptionError, ShapeError
from ...functional import clip, norm, sqrt
from ...functional.axes import axes_of
from ...functional.composed import composed
from ...functional.pooling import avg_pool
from ...functional.reductions import floating, widened
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike
from ...typing import Axes, ShapeLike
from .padding import pad


@composed
def normalize(input: TensorLike, p: float = 2.0, dim: Axes = 1, eps: float = 1e-12) -> Tensor:
    """y = x / max(‖x‖ₚ, ε), the norm being that along the axis `dim` (or several): vectors of length 1.

    A vector of zeros stays one.
    """
    input = floating(input)
    wide = widened(input)  # in float16 ε would be 0
    return (wide / clip(norm(wide, p, axes_of(dim, input.ndim), keepdims=True), min=eps)).astype(input.dtype)


@composed
def rms_norm(
    input: TensorLike, normalized_shape: ShapeLike, weight: TensorLike | None = None, eps: float | None = None
) -> Tensor:
    """y = x / √(mean x² + ε) · γ, the mean being that of each sample over its last axes, `normalized_shape`.

    weight  γ, of shape `normalized_shape`, or None
    eps     ε; the distance from 1 to the next number of the dtype by default

    Source: B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization" (2019).
    """
    input = floating(input)
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ShapeError(f"rms_norm{inside(modes.scope)} over the last axes {shape} does not fit {input._described()}")
    wide = widened(input)
    mean = (wide * wide).mean(tuple(range(-len(shape), 0)), keepdims=True)
    y = (wide / sqrt(mean + (float(numpy.finfo(input.dtype).eps) if eps is None else eps))).astype(input.dtype)
    return y if weight is None else y * weight


@composed
def local_response_norm(
    input: TensorLike, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """y = x / (k + α · mean x²)^β, the mean being that over `size` channels around each, with zeros beyond the ends.

    input  (batch, channels, *space)

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks"
    (2012), which has the sum in place of the mean.
    """
    input = floating(input)
    if input.ndim < 3:
        raise ShapeError(f"local_response_norm needs an input (batch, channels, *space), but got {input._described()}")
    if size < 1:
        raise OptionError(f"local_response_norm needs a size of 1 channel or more, not {size}")
    wide = widened(input)
    rows = (wide * wide).reshape((input.shape[0], 1, input.shape[1], math.prod(input.shape[2:])))
    mean = avg_pool(pad(rows, (0, 0, size // 2, (size - 1) // 2)), (size, 1), 1).reshape(input.shape)
    return (wide / (mean * alpha + k) ** beta).astype(input.dtype)
