"""Attention: each position looks up a mixture of values, weighted by how well its query fits their keys.

A position has no place of its own in this: `sinusoidal_positions` are added to what it is made of, `rotary_embedding` turns
queries and keys by their places, so that their products tell how far they are apart.
"""

import math

import numpy

from ...errors import OptionError, ShapeError
from ...functional import asarray, concat, softmax
from ...functional.composed import composed
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike, as_tensor, beside
from ...typing import DeviceLike, DTypeLike
from .dropout import dropout


@composed
def attention_weights(
    query: TensorLike,
    key: TensorLike,
    attn_mask: TensorLike | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """A = softmax(Q·Kᵀ / √d + mask), of shape (..., L, S): how much each position looks at each other one.

    The arguments are those of `scaled_dot_product_attention`. Rows add up to 1; that of a position that may look at
    nothing is 0, and sends no gradient back.
    """
    query, key = as_tensor(query), as_tensor(key)
    if is_causal and attn_mask is not None:
        raise OptionError("scaled_dot_product_attention takes attn_mask or is_causal=True, not both")
    # Scaled before the product, which could overflow in float16.
    scores = query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale) @ key.mT
    if is_causal:
        mask = asarray(numpy.tri(*scores.shape[-2:], dtype=bool), device=scores.device)
        scores = mask.where(scores, -math.inf)  # each sees itself at least
    if attn_mask is None:
        return softmax(scores, axis=-1)
    mask = beside(attn_mask, scores)
    seen = (mask if mask.dtype == bool else mask != -math.inf).any(axis=-1, keepdims=True)
    if mask.dtype == bool:
        scores = mask.where(scores, seen.where(-math.inf, 0).astype(scores.dtype))
    else:
        scores = scores + seen.where(mask, 0)
    return seen.where(softmax(scores, axis=-1), 0)


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
    return dropout(attention_weights(query, key, attn_mask, is_causal, scale), dropout_p) @ as_tensor(value)


def sinusoidal_positions(
    length: int, features: int, base: float = 10000.0, device: DeviceLike | None = None, dtype: DTypeLike | None = None
) -> Tensor:
    """P[p, 2i] = sin(p / base^(2i/features)), P[p, 2i+1] = cos of the same: a vector for each place p, of shape (length, features).

    It is added to what stands there. Raises `OptionError` for a negative length, or no features. Source: A. Vaswani et al.,
    "Attention Is All You Need" (2017), section 3.5.
    """
    if length < 0 or features < 1:
        raise OptionError(f"length={length}, features={features}; there are no such positions")
    rates = base ** (-2.0 * numpy.arange((features + 1) // 2) / features)
    angles = numpy.arange(length)[:, None] * rates
    table = numpy.stack([numpy.sin(angles), numpy.cos(angles)], axis=-1).reshape(length, 2 * len(rates))[:, :features]
    return asarray(table, dtype=numpy.float32 if dtype is None else dtype, device=device)


@composed
def rotary_embedding(x: TensorLike, positions: TensorLike | None = None, base: float = 10000.0) -> Tensor:
    """Each pair of features i and i + d/2 turned by the angle p·base^(-2i/d), p being its place: lengths stay, and a
    product of two such vectors depends on how far apart they are.

    x          (..., length, d), d being even: queries, or keys
    positions  (..., length), the places; 0, 1, 2, ... by default
    base       how many places the slowest turn takes, about

    Raises `ShapeError` for an odd number of features. Source: J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021), with the two halves as pairs.
    """
    x = as_tensor(x)
    if x.ndim < 2 or x.shape[-1] % 2:
        raise ShapeError(
            f"rotary_embedding{inside(modes.scope)} turns pairs of features of (..., length, features), whose number is "
            f"even, but got {x._described()}"
        )
    half = x.shape[-1] // 2
    rates = base ** (-numpy.arange(half) / half)
    if positions is None:
        angles = asarray(numpy.arange(x.shape[-2])[:, None] * rates, dtype=x.dtype, device=x.device)
    else:
        places = as_tensor(positions, device=x.device).astype(x.dtype)
        angles = places.expand_dims(-1) * asarray(rates, dtype=x.dtype, device=x.device)
    sin, cos = angles.sin(), angles.cos()
    first, second = x[..., :half], x[..., half:]
    return concat([first * cos - second * sin, first * sin + second * cos], axis=-1)
