"""Attention of several heads: every head has a look of its own. What one head computes is in `functional/attention.py`.

Read next: `transformer.py`.
"""

from __future__ import annotations

import math

import numpy

from ..errors import OptionError, ShapeError
from ..functional import concat, zeros
from ..tensor import Tensor, TensorLike, as_tensor, beside
from ..typing import DeviceLike, DTypeLike
from . import functional as F
from .functional.dropout import check_probability
from .init import xavier_normal_, xavier_uniform_, zeros_
from .linear import Linear
from .module import Module
from .parameter import new_parameter


class MultiheadAttention(Module):
    """y = concat of heads (softmax(Qₕ·Kₕᵀ / √d) · Vₕ) · Wₒᵀ + bₒ, with Q = query·W_qᵀ + b_q cut into heads, K and V likewise.

    embed_dim     the size of the last axis of queries and outputs
    num_heads     which embed_dim is divided by; d = embed_dim / num_heads
    dropout       the probability with which a weight is dropped in training
    bias          whether b_q, b_k, b_v and bₒ are added
    add_bias_kv   whether a learnt key and value is put behind the others, at which every position may look
    add_zero_attn whether a key and value of zeros is
    kdim, vdim    the sizes of keys and values, if they are others than embed_dim
    batch_first   whether inputs are (batch, length, features), in place of (length, batch, features)

    Raises `OptionError` for an embed_dim that is not to be divided, and, called, `ShapeError` for inputs or masks that do not fit.

    W_q, W_k and W_v stand one above the other in in_proj_weight (3·embed_dim, embed_dim), or with kdim or vdim in
    q_proj_weight, k_proj_weight and v_proj_weight. They start by Glorot's uniform rule, the biases from 0.

    Source: A. Vaswani et al., "Attention Is All You Need" (2017).
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise OptionError(
                f"embed_dim={embed_dim} is not to be divided by num_heads={num_heads}: use a multiple of it"
            )
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, check_probability(dropout)
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self.add_zero_attn, self.batch_first = add_zero_attn, batch_first
        one_size = self.kdim == self.vdim == embed_dim
        self.in_proj_weight = new_parameter((3 * embed_dim, embed_dim), device, dtype) if one_size else None
        self.q_proj_weight = None if one_size else new_parameter((embed_dim, embed_dim), device, dtype)
        self.k_proj_weight = None if one_size else new_parameter((embed_dim, self.kdim), device, dtype)
        self.v_proj_weight = None if one_size else new_parameter((embed_dim, self.vdim), device, dtype)
        self.in_proj_bias = new_parameter((3 * embed_dim,), device, dtype) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, device, dtype)
        self.bias_k = new_parameter((1, 1, embed_dim), device, dtype) if add_bias_kv else None
        self.bias_v = new_parameter((1, 1, embed_dim), device, dtype) if add_bias_kv else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                xavier_uniform_(weight)
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            zeros_(self.in_proj_bias)
            zeros_(self.out_proj.bias)
        for weight in (self.bias_k, self.bias_v):
            if weight is not None:
                xavier_normal_(weight)

    def forward(
        self,
        query: TensorLike,
        key: TensorLike,
        value: TensorLike,
        key_padding_mask: TensorLike | None = None,
        need_weights: bool = True,
        attn_mask: TensorLike | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(y, weights): the output in the shape of `query`, and what it looked at, or None.

        query, key, value     (L, batch, embed_dim), (S, batch, kdim), (S, batch, vdim); with batch_first (batch, L, ...);
                              or without a batch (L, ...)
        key_padding_mask      (batch, S): bools, True where a key is to be ignored; or numbers that are added to scores
        need_weights          whether to return the weights (batch, L, S), or (batch, heads, L, S) if they are not averaged. Without
                              them, and without masks, long attention goes block by block (`F.scaled_dot_product_attention`)
        attn_mask             (L, S) or (batch·heads, L, S): bools, True where a position may NOT look; or numbers to add
        average_attn_weights  whether the weights are the mean over the heads
        is_causal             let each position look at itself and those before it only, also without attn_mask. (In
                              PyTorch it is a hint beside one)

        A position that may look at nothing gets 0 from its heads.
        """
        q, k, v = as_tensor(query), as_tensor(key), as_tensor(value)
        alone = q.ndim == 2
        if q.ndim not in (2, 3) or not q.ndim == k.ndim == v.ndim or k.shape[:-1] != v.shape[:-1]:
            raise ShapeError(
                "attention takes queries (L, batch, features) and as many keys as values, all with a batch or all without, "
                f"but got shapes {q.shape}, {k.shape} and {v.shape}"
            )
        if alone:
            q, k, v = (x.expand_dims(0) for x in (q, k, v))
        elif not self.batch_first:
            q, k, v = (x.permute_dims((1, 0, 2)) for x in (q, k, v))
        if q.shape[0] != k.shape[0]:
            raise ShapeError(
                f"queries are of {q.shape[0]} samples, keys of {k.shape[0]} (batch_first={self.batch_first})"
            )
        q, k, v = self._project(q, k, v)
        given = k.shape[1]
        k, v = self._extend(k, v)
        more = k.shape[1] - given
        q, k, v = map(self._heads, (q, k, v))
        # Without a mask as an array, attention may go block by block.
        causal = is_causal and not need_weights and attn_mask is key_padding_mask is None and not more
        mask = None if causal else self._mask(attn_mask, key_padding_mask, is_causal, q, given, more)
        weights = None
        if need_weights:
            weights = F.attention_weights(q, k, mask)
            y = F.dropout(weights, self.dropout, self.training) @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, mask, self.dropout if self.training else 0.0, causal)
        y = self.out_proj(y.permute_dims((0, 2, 1, 3)).reshape((q.shape[0], q.shape[2], self.embed_dim)))
        if alone:
            y = y.squeeze(0)
        elif not self.batch_first:
            y = y.permute_dims((1, 0, 2))
        if weights is None:
            return y, None
        weights = weights.mean(axis=1) if average_attn_weights else weights
        return y, weights.squeeze(0) if alone else weights

    def _project(self, q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
        """Queries, keys and values of all heads, (batch, length, embed_dim)."""
        size, whole, bias = self.embed_dim, self.in_proj_weight, self.in_proj_bias
        thirds = [slice(i * size, (i + 1) * size) for i in range(3)]
        apart = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        weights = [weight for weight in apart if weight is not None] if whole is None else [whole[i] for i in thirds]
        biases = [None if bias is None else bias[i] for i in thirds]
        return [F.linear(x, w, b) for x, w, b in zip((q, k, v), weights, biases, strict=True)]

    def _extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """With the learnt key and value, and the one of zeros, behind the others."""
        one = (k.shape[0], 1, self.embed_dim)
        if self.bias_k is not None and self.bias_v is not None:
            k = concat([k, self.bias_k.broadcast_to(one)], axis=1)
            v = concat([v, self.bias_v.broadcast_to(one)], axis=1)
        if self.add_zero_attn:
            nothing = zeros(one, dtype=k.dtype, device=k.device)
            k, v = concat([k, nothing], axis=1), concat([v, nothing], axis=1)
        return k, v

    def _heads(self, x: Tensor) -> Tensor:
        """(batch, length, embed_dim) as (batch, heads, length, d)."""
        return x.reshape((*x.shape[:2], self.num_heads, self.embed_dim // self.num_heads)).permute_dims((0, 2, 1, 3))

    def _mask(self, attn_mask, key_padding_mask, is_causal: bool, q: Tensor, keys: int, more: int) -> Tensor | None:
        """One mask (batch or 1, heads or 1, L or 1, S + more) of what is allowed, or of numbers to add; None for none.

        q      (batch, heads, L, d)
        keys   S
        more   how many keys, at which all may look, stand behind those given
        """
        batch, _, length, _ = q.shape
        masks = []
        if is_causal:
            masks.append(beside(numpy.tri(length, keys, dtype=bool), q).reshape((1, 1, length, keys)))
        if attn_mask is not None:
            mask = beside(attn_mask, q)
            if mask.shape not in ((length, keys), (batch * self.num_heads, length, keys)):
                raise ShapeError(
                    f"attn_mask has shape {mask.shape}; expected (L, S) = {(length, keys)}, or (batch·heads, L, S) = "
                    f"{(batch * self.num_heads, length, keys)}"
                )
            masks.append(_invert_mask(mask).reshape((batch if mask.ndim == 3 else 1, -1, length, keys)))
        if key_padding_mask is not None:
            mask = beside(key_padding_mask, q)
            if mask.shape not in ((batch, keys), (keys,) if batch == 1 else None):
                raise ShapeError(f"key_padding_mask has shape {mask.shape}; expected (batch, S) = {(batch, keys)}")
            masks.append(_invert_mask(mask).reshape((batch, 1, 1, keys)))
        if not masks:
            return None
        whole = masks[0]
        for mask in masks[1:]:
            whole = whole & mask if whole.dtype == mask.dtype == bool else _score_mask(whole) + _score_mask(mask)
        if more:
            rest = zeros((*whole.shape[:3], more), dtype=whole.dtype, device=whole.device)
            whole = concat([whole, ~rest if whole.dtype == bool else rest], axis=-1)
        return whole

    def extra_repr(self) -> str:
        return f"embed_dim={self.embed_dim}, num_heads={self.num_heads}, dropout={self.dropout}, batch_first={self.batch_first}"


def _invert_mask(mask: Tensor) -> Tensor:
    """Bools of what is forbidden as bools of what is allowed; numbers as they are."""
    return ~mask if mask.dtype == bool else mask


def _score_mask(mask: Tensor) -> Tensor:
    """A mask as numbers that are added to scores."""
    return mask.where(0.0, -math.inf) if mask.dtype == bool else mask
