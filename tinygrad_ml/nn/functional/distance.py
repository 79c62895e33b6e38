"""Distances and directions of vectors: how far apart they are, and how well they point the same way."""

import numpy

from ...errors import OptionError, ShapeError
from ...functional import norm
from ...functional.axes import one_axis
from ...functional.composed import composed
from ...functional.reductions import floating
from ...ops.shapes import broadcast
from ...tensor import Tensor, TensorLike
from .scaling import normalize


@composed
def cosine_similarity(x1: TensorLike, x2: TensorLike, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """y = Σ x₁x₂ / (max(‖x₁‖₂, ε) · max(‖x₂‖₂, ε)) along the axis `dim`: the cosine of the angle between x₁ and x₂.

    x1, x2  shapes that broadcast. Returns their common shape without the axis `dim`.
    """
    x1, x2 = floating(x1), floating(x2)
    shape = broadcast(x1.shape, x2.shape)
    dim = one_axis(dim, len(shape))
    x1, x2 = x1.broadcast_to(shape), x2.broadcast_to(shape)
    return (normalize(x1, 2.0, dim, eps) * normalize(x2, 2.0, dim, eps)).sum(dim)


@composed
def pairwise_distance(
    x1: TensorLike, x2: TensorLike, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """y = ‖x₁ - x₂ + ε‖ₚ along the last axis. ε keeps the gradient of equal vectors from being that of a kink.

    x1, x2  (..., features), shapes that broadcast
    """
    return norm(floating(x1) - floating(x2) + eps, p, -1, keepdims=keepdim)


@composed
def pdist(input: TensorLike, p: float = 2.0) -> Tensor:
    """The distances ‖xᵢ - xⱼ‖ₚ of all pairs i < j of the n rows of x, as n(n - 1)/2 numbers: (0, 1), (0, 2), ..., (1, 2), ..."""
    input = floating(input)
    if input.ndim != 2:
        raise ShapeError(f"pdist needs the rows of a matrix, but got {input._described()}")
    if p < 0:
        raise OptionError(f"pdist: the order p of a norm is 0 or more, not {p}")
    first, second = numpy.triu_indices(input.shape[0], 1)
    return norm(input[first] - input[second], p, -1)
