"""Attention, and the turning of queries and keys by their places.

Read before: `../table.py`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...functional.convolution import padded
from ...nn import functional as F
from ...tensor import Tensor
from ..stored import dtype_of
from ..table import NodeCall, operator


@operator("Attention", versions=(23, 24, 25))
def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    past_key: Tensor | None = None,
    past_value: Tensor | None = None,
    nonpad_kv_seqlen: Tensor | None = None,
    *,
    is_causal: int = 0,
    kv_num_heads: int | None = None,
    left_window_size: int = -1,
    q_num_heads: int | None = None,
    qk_matmul_output_mode: int = 0,
    right_window_size: int = -1,
    scale: float | None = None,
    softcap: float = 0.0,
    softmax_precision: int | None = None,
    call: NodeCall,
) -> Any:
    """softmax(q·kᵀ·scale + mask) · v, for each head; and keys and values with those of before, and the products, if asked for.

    q, k, v            (batch, heads, length, size), or (batch, length, heads·size) where the numbers of heads are given. There may
                       be several heads of q for each of k and v
    past_key, past_value   what stands in front of k and v
    nonpad_kv_seqlen   how many of the keys of each sample count
    softcap            c, for products that are c·tanh(x / c)
    left_window_size, right_window_size   how far before and behind its own place a query looks; -1 for any way

    Source: A. Vaswani et al., "Attention Is All You Need" (2017).
    """
    flat = q.ndim == 3
    if flat:
        if not q_num_heads or not kv_num_heads:
            raise OptionError("Attention of (batch, length, heads·size) needs q_num_heads and kv_num_heads")
        q, k, v = _heads(q, q_num_heads), _heads(k, kv_num_heads), _heads(v, kv_num_heads)
    if past_key is not None and past_value is not None:
        k, v = tg.concat([past_key, k], 2), tg.concat([past_value, v], 2)
    keys, values = k, v
    offset = _first_place(q, past_key, nonpad_kv_seqlen)
    windows = (left_window_size, 0 if is_causal and right_window_size != 0 else right_window_size)
    mask = _mask(q, k, attn_mask, nonpad_kv_seqlen, offset, windows)
    k, v = _for_each_query_head(k, q), _for_each_query_head(v, q)
    if softcap or softmax_precision is not None or call.wants(3):
        kind = None if softmax_precision is None else dtype_of(softmax_precision)
        y, products = _with_products(q, k, v, mask, scale, softcap, kind, qk_matmul_output_mode)
    else:
        y, products = F.scaled_dot_product_attention(q, k, v, mask, scale=scale), None
    if flat:
        y = y.swapaxes(1, 2).reshape((y.shape[0], y.shape[2], y.shape[1] * y.shape[3]))
    return (y, keys, values, products)[: len(call.outputs)]


def _heads(x: Tensor, heads: int) -> Tensor:
    return x.reshape((*x.shape[:2], heads, x.shape[2] // heads)).swapaxes(1, 2)


def _for_each_query_head(x: Tensor, q: Tensor) -> Tensor:
    """Keys or values, each head repeated for the heads of q that share it."""
    batch, heads, length, size = x.shape
    times = q.shape[1] // heads
    if times == 1:
        return x
    return (
        x.expand_dims(2).broadcast_to((batch, heads, times, length, size)).reshape((batch, heads * times, length, size))
    )


def _first_place(q: Tensor, past_key: Tensor | None, counts: Tensor | None) -> Tensor | int:
    """At which place of the keys the first query stands: for each sample where it is another for each."""
    if past_key is not None:
        return past_key.shape[2]
    return 0 if counts is None else (counts.astype("int64") - q.shape[2]).reshape((-1, 1, 1, 1))


def _mask(
    q: Tensor,
    k: Tensor,
    given: Tensor | None,
    counts: Tensor | None,
    offset: Tensor | int,
    windows: tuple[int, int],
) -> Tensor | None:
    """Which keys each query sees: bools, or numbers that are added, as the mask that is given; None for all."""
    length, width = q.shape[2], k.shape[2]
    if given is not None and given.shape[-1] < width:
        hidden = False if given.dtype == bool else -math.inf
        given = padded(given, [(0, width - given.shape[-1])], hidden)
    before, behind = windows
    places = tg.asarray(numpy.arange(width), device=q.device)
    ahead = places - (tg.asarray(numpy.arange(length)[:, None], device=q.device) + offset)
    allowed = None
    if behind >= 0:
        allowed = ahead <= behind
    if before >= 0:
        allowed = _both(allowed, ahead >= -before)
    if counts is not None:
        allowed = _both(allowed, places < counts.astype("int64").reshape((-1, 1, 1, 1)))
    if given is None or allowed is None:
        return allowed if given is None else given
    return allowed & given if given.dtype == bool else allowed.where(given, -math.inf)


def _both(one: Tensor | None, other: Tensor) -> Tensor:
    return other if one is None else one & other


def _with_products(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float | None, softcap: float, kind: Any, mode: int
) -> tuple[Tensor, Tensor]:
    """The result, and the products of queries and keys: as they are (mode 0), capped (1), with the mask (2), or as weights (3)."""
    root = math.sqrt(1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    scores = (q * root) @ (k * root).mT
    stages = [scores]
    if softcap:
        scores = tg.tanh(scores / softcap) * softcap
    stages.append(scores)
    seen = None
    if mask is not None:
        seen = (mask if mask.dtype == bool else mask != -math.inf).any(axis=-1, keepdims=True)
        biased = mask.where(scores, -math.inf) if mask.dtype == bool else scores + mask
        stages.append(biased)
        scores = seen.where(biased, 0)
    else:
        stages.append(scores)
    weights = tg.softmax(scores if kind is None else scores.astype(kind), -1)
    if seen is not None:
        weights = seen.where(weights, 0)
    weights = weights.astype(q.dtype)
    return weights @ v, [*stages, weights][mode]


@operator("RotaryEmbedding", versions=(23,))
def rotary_embedding(
    x: Tensor,
    cos_cache: Tensor,
    sin_cache: Tensor,
    position_ids: Tensor | None = None,
    *,
    interleaved: int = 0,
    num_heads: int | None = None,
    rotary_embedding_dim: int = 0,
) -> Tensor:
    """Pairs of features turned by the angles whose cosines and sines are given, for each place.

    x                (batch, heads, length, size), or (batch, length, heads·size) where the number of heads is given
    cos_cache, sin_cache   (batch, length, size / 2); or (places, size / 2) of which `position_ids` (batch, length) choose
    interleaved      whether pairs are neighbours, or lie half of the size apart
    rotary_embedding_dim   how many features are turned, all for 0

    Source: J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding" (2021).
    """
    flat = x.ndim == 3
    if flat:
        if not num_heads:
            raise OptionError("RotaryEmbedding of (batch, length, heads·size) needs num_heads")
        x = _heads(x, num_heads)
    turned = rotary_embedding_dim or x.shape[-1]
    if position_ids is not None:
        cos_cache, sin_cache = (tg.take(cache, position_ids, axis=0) for cache in (cos_cache, sin_cache))
    if cos_cache.shape[-1] * 2 != turned or sin_cache.shape != cos_cache.shape:
        raise ShapeError(
            f"RotaryEmbedding of {turned} features takes half as many cosines and sines, not {cos_cache.shape[-1]}"
        )
    cos, sin = cos_cache.expand_dims(1), sin_cache.expand_dims(1)
    part, rest = x[..., :turned], x[..., turned:]
    half = turned // 2
    if interleaved:
        pairs = part.reshape((*part.shape[:-1], half, 2))
        first, second = pairs[..., 0], pairs[..., 1]
    else:
        first, second = part[..., :half], part[..., half:]
    halves = [first * cos - second * sin, first * sin + second * cos]
    part = tg.stack(halves, -1).reshape(part.shape) if interleaved else tg.concat(halves, -1)
    y = tg.concat([part, rest], -1) if rest.shape[-1] else part
    return y.swapaxes(1, 2).reshape((y.shape[0], y.shape[2], y.shape[1] * y.shape[3])) if flat else y
