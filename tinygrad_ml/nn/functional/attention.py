"""Attention: each position looks up a mixture of values, weighted by how well its query fits their keys.

A position has no place of its own in this: `sinusoidal_positions` are added to what it is made of, `rotary_embedding` turns
queries and keys by their places, so that their products tell how far they are apart.
"""

import math
from itertools import pairwise

import numpy

from ...errors import OptionError, ShapeError
from ...functional import asarray, concat, moveaxis, reshape, softmax
from ...functional.composed import composed
from ...loops import scan
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike, as_tensor, beside
from ...typing import DeviceLike, DTypeLike
from .blockwise import block_by_block
from .dropout import dropout

MANY_PAIRS = 1 << 24
"""Pairs of a query and a key, from which on their weights are not all there at one time."""
ROWS_AT_A_TIME = 128
CAUSAL_PARTS = 4
"""So many loops, each of which sees the keys up to its end."""


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

    Without a mask of numbers or bools, and without dropout, machine code computes it block by block on the CPU, where that is worth
    it (`kernels/attention.py` says from which sizes on; features are whole vectors of the processor): the weights of all pairs
    are never there at one time, and blocks that a causal mask hides are left out. Elsewhere, where L·S is sixteen million or more
    and nothing is dropped, `tg.scan` goes over the queries, some hundred rows at a time, and computes their weights again for
    the gradient.

    Source: A. Vaswani et al., "Attention Is All You Need" (2017); block by block: T. Dao et al., "FlashAttention" (2022); rows at
    a time: M. Rabe, C. Staats, "Self-attention Does Not Need O(n²) Memory" (2021).
    """
    query, key, value = as_tensor(query), as_tensor(key), as_tensor(value)
    if is_causal and attn_mask is not None:
        raise OptionError("scaled_dot_product_attention takes attn_mask or is_causal=True, not both")
    if attn_mask is None and not dropout_p:
        scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
        return _of_pairs(query, key, value, causal=is_causal, scale=scale)
    if dropout_p or not _many_pairs(query, key):
        return dropout(attention_weights(query, key, attn_mask, is_causal, scale), dropout_p) @ value
    return _rows_at_a_time(query, key, value, attn_mask, is_causal, scale)


@block_by_block
def _of_pairs(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, scale: float) -> Tensor:
    """Attention without a mask or dropout."""
    if _many_pairs(query, key):
        return _rows_at_a_time(query, key, value, None, causal, scale)
    return attention_weights(query, key, None, causal, scale) @ value


def _many_pairs(query: Tensor, key: Tensor) -> bool:
    return query.shape[-2] * key.shape[-2] >= MANY_PAIRS and query.shape[-2] > ROWS_AT_A_TIME


def _rows_at_a_time(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: TensorLike | None, is_causal: bool, scale: float | None
) -> Tensor:
    """The same, without the matrix of all pairs; of a causal one without most of the half that is not looked at."""
    length, width, rows = query.shape[-2], key.shape[-2], ROWS_AT_A_TIME
    mask = None if attn_mask is None else beside(attn_mask, query)
    if mask is not None:  # every query has a row of it
        mask = mask.broadcast_to((*mask.shape[:-2], length, width))
    places = asarray(numpy.arange(max(length, width)), device=query.device)

    def attended(first: int, end: int, seen: int) -> Tensor:
        """What these queries see of the first keys."""
        keys, values = key[..., :seen, :], value[..., :seen, :]

        def attend(nothing: tuple, x: dict[str, Tensor]) -> tuple[tuple, Tensor]:
            mask = x["place"].expand_dims(-1) >= places[:seen] if is_causal else x.get("mask")
            return (), attention_weights(x["query"], keys, mask, scale=scale) @ values

        xs = {"query": query[..., first:end, :], "place": places[first:end]}
        if mask is not None:
            xs["mask"] = mask[..., first:end, :]
        if (end - first) % rows:
            return attend((), xs)[1]
        blocks = (end - first) // rows
        xs = {name: _split_blocks(x, blocks, -1 if name == "place" else -2) for name, x in xs.items()}
        y = moveaxis(scan(attend, (), xs, keep="carries")[1], 0, -3)
        return reshape(y, (*y.shape[:-3], end - first, y.shape[-1]))

    whole = length // rows * rows
    cuts = (
        [whole * part // CAUSAL_PARTS // rows * rows for part in range(CAUSAL_PARTS + 1)] if is_causal else [0, whole]
    )
    ends = [*cuts, length] if whole < length else cuts
    pieces = [
        attended(first, end, min(end, width) if is_causal else width) for first, end in pairwise(ends) if first < end
    ]
    return concat(pieces, axis=-2) if len(pieces) > 1 else pieces[0]


def _split_blocks(x: Tensor, blocks: int, axis: int) -> Tensor:
    """An axis, counted from the right, cut into blocks, which become the first axis."""
    axis += x.ndim
    return moveaxis(reshape(x, (*x.shape[:axis], blocks, x.shape[axis] // blocks, *x.shape[axis + 1 :])), axis, 0)


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
