"""Operators of networks that read long texts: attention whose scores a graph changes, attention that is a recurrence, and the
short convolution in front of it.

Read before: `attention.py`.
"""

from __future__ import annotations

import math

from ... import functional as tg
from ...backend import dtypes
from ...errors import OptionError
from ...functional.reductions import rounded, widened
from ...loops import scan
from ...nn import functional as F
from ...tensor import Tensor
from ..table import operator
from .casting import element_type
from .control import Graph


@operator("FlexAttention", (1,), "ai.onnx.preview")
def flex_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float | None = None,
    softmax_precision: int | None = None,
    score_mod: Graph | None = None,
    prob_mod: Graph | None = None,
) -> Tensor:
    """prob_mod(softmax(score_mod(q·kᵀ·scale))) · v, for each head of (batch, heads, length, size); several of q may share one of k."""
    wide = dtypes.result_type(q.dtype, dtypes.float32) if softmax_precision is None else element_type(softmax_precision)
    groups = q.shape[1] // k.shape[1]
    k, v = tg.repeat(k, groups, axis=1), tg.repeat(v, groups, axis=1)
    scores = (tg.matmul(q, k.mT) * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)).astype(wide)
    weights = tg.softmax(scores if score_mod is None else score_mod(scores)[0])
    return tg.matmul((weights if prob_mod is None else prob_mod(weights)[0]).astype(v.dtype), v)


@operator("CausalConvWithState", (27,))
def causal_conv_with_state(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, past: Tensor | None = None, *, activation: str = "none"
) -> tuple[Tensor, Tensor]:
    """(y, state): a convolution of each channel of (batch, channels, length) with what was before, and the end of what it saw."""
    before = weight.shape[-1] - 1
    past = tg.zeros((*x.shape[:2], before), dtype=x.dtype, device=x.device) if past is None else past
    seen = tg.concat([past, x], -1)
    y = F.conv1d(seen, weight, bias, groups=x.shape[1])
    return y if activation == "none" else F.silu(y), seen[..., seen.shape[-1] - before :]


@operator("LinearAttention", (27,))
def linear_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_state: Tensor | None = None,
    decay: Tensor | None = None,
    beta: Tensor | None = None,
    *,
    q_num_heads: int,
    kv_num_heads: int,
    update_rule: str = "gated_delta",
    scale: float = 0.0,
    chunk_size: int = 64,
) -> tuple[Tensor, Tensor]:
    """(o, state) of a recurrence: state = e^decay·state + key ⊗ β·(value − stateᵀ·key), o = scale · stateᵀ·query.

    update_rule  "linear", "gated" (with a decay), "delta" (which takes away what the state says already, and has β), "gated_delta"

    Of (batch, length, heads·size); the state is (batch, heads, size of keys, size of values). Source: S. Yang et al., "Gated Delta
    Networks" (2024).
    """
    if update_rule not in ("linear", "gated", "delta", "gated_delta"):
        raise OptionError(f"LinearAttention has no update_rule {update_rule!r}")
    gated, delta = "gated" in update_rule, "delta" in update_rule
    if (gated and decay is None) or (delta and beta is None):
        raise OptionError(
            f"LinearAttention by the rule {update_rule!r} needs its inputs {'decay ' * gated}{'beta' * delta}"
        )

    def by_token(x: Tensor, heads: int) -> Tensor:
        """(length, batch, heads, size), of float16 in float32, as what is added up here is rounded but once."""
        x = widened(x)
        return x.reshape((*x.shape[:2], heads, -1)).permute_dims((1, 0, 2, 3))

    q, k, v = by_token(query, q_num_heads), by_token(key, kv_num_heads), by_token(value, kv_num_heads)
    scale = scale or 1 / math.sqrt(k.shape[-1])
    if past_state is None:
        past_state = tg.zeros((*k.shape[1:], v.shape[-1]), dtype=query.dtype, device=query.device)

    def token(state: Tensor, given: tuple) -> tuple[Tensor, Tensor]:
        q, k, v, g, b = given
        if g is not None:
            state = state * tg.exp(g).expand_dims(-1)
        if b is not None:
            v = (v - tg.matmul(k.expand_dims(-2), state).squeeze(-2)) * b
        state = state + k.expand_dims(-1) * v.expand_dims(-2)
        queries = q.reshape((*k.shape[:2], -1, k.shape[-1]))  # those of one head of keys side by side
        return state, tg.matmul(queries, state) * scale

    gate = by_token(decay, kv_num_heads) if gated and decay is not None else None
    rate = by_token(beta, beta.shape[-1]) if delta and beta is not None else None
    state, out = scan(token, widened(past_state), (q, k, v, gate, rate))
    out = out.permute_dims((1, 0, 2, 3, 4)).reshape((*query.shape[:2], -1))
    return rounded(out, query), rounded(state, past_state)
