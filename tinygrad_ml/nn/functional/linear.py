"""Affine maps, and look-up tables, which are affine maps of one-hot rows."""

import math

from ...errors import DTypeError, ShapeError
from ...functional.indexing import check_labels
from ...modes import inside, modes
from ...ops import matmul
from ...tensor import Tensor, apply, as_tensor


def linear(input, weight, bias=None) -> Tensor:
    """y = x·Wᵀ + b.

    input   (..., in_features)
    weight  (out_features, in_features)
    bias    (out_features,), or None
    Returns (..., out_features). Raises `ShapeError` for another number of features.
    """
    input, weight = as_tensor(input), as_tensor(weight)
    if not input.ndim or input.shape[-1] != weight.shape[-1]:
        raise ShapeError(
            f"linear{inside(modes.scope)} expects {weight.shape[-1]} features on the last axis of its input, but got "
            f"{input._described()}. Its weight has shape {weight.shape}: (out_features, in_features)."
        )
    rows = input if input.ndim == 2 else input.reshape((math.prod(input.shape[:-1]), input.shape[-1]))
    y = apply(matmul.linear, (rows, weight))
    if input.ndim != 2:
        y = y.reshape((*input.shape[:-1], weight.shape[0]))
    return y if bias is None else y + bias


def embedding(input, weight, padding_idx: int | None = None) -> Tensor:
    """Rows of a table: y[..., :] = weight[input[...], :].

    input        integers of any shape, from 0 to num_embeddings - 1
    weight       (num_embeddings, embedding_dim)
    padding_idx  the number of a row that gets no gradient
    Returns (*input.shape, embedding_dim). Raises `RangeError` for a number that has no row.
    """
    input, weight = as_tensor(input), as_tensor(weight)
    if input.dtype.kind not in "iu":
        raise DTypeError(f"embedding needs integers to look up, but got {input._described()}")
    check_labels(input, weight.shape[0], "embedding")
    rows = weight[input]
    if padding_idx is None:
        return rows
    padding = (input == padding_idx % weight.shape[0]).expand_dims(-1)
    return padding.where(rows.detach(), rows)
