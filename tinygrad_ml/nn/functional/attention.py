"""Attention: each position looks up a mixture of values, weighted by how well its query fits their keys."""

import math

import numpy

from ...errors import OptionError
from ...functional import asarray, softmax
from ...modes import composed
from ...tensor import Tensor, TensorLike, as_tensor, beside
from .dropout import dropout


@composed
def scaled_dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    attn_mask: TensorLike | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """y = softmax(Q·Kᵀ / √d + mask) · V.

    query, key, value  (..., L, d), (..., S, d), (..., S, v)
    attn_mask  (..., L, S): bools, True where a position may be looked at; or numbers that are added
    dropout_p  the probability with which a weight is dropped
    is_causal  let each position look at itself and those before it only
    scale      in place of 1/√d
    Returns (..., L, v). A position that may look at nothing gets 0, and sends no gradient back.

    Source: A. Vaswani et al., "Attention Is All You Need" (2017).
    """
    query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
    if is_causal and attn_mask is not None:
        raise OptionError("scaled_dot_product_attention takes attn_mask or is_causal=True, not both")
    # Scaled before the product, which could overflow in float16.
    scores = query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale) @ key.mT
    seen = None
    if is_causal:
        mask = asarray(numpy.tri(*scores.shape[-2:], dtype=bool), device=scores.device)
        scores = mask.where(scores, -math.inf)  # each sees itself at least
    elif attn_mask is not None:
        mask = beside(attn_mask, scores)
        seen = (mask if mask.dtype == bool else mask != -math.inf).any(axis=-1, keepdims=True)
        if mask.dtype == bool:
            scores = mask.where(scores, seen.where(-math.inf, 0).astype(scores.dtype))
        else:
            scores = scores + seen.where(mask, 0)
    y = dropout(softmax(scores, axis=-1), dropout_p) @ value
    return y if seen is None else seen.where(y, 0)
