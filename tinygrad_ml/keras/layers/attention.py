"""Attention: each position of a sequence looks up a mixture of values, weighted by how well its query fits their keys.

`MultiHeadAttention` computes by `nn.functional.scaled_dot_product_attention`; the two of one head have scores of their own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from ...errors import OptionError, ShapeError
from ...functional import asarray, repeat, softmax, tanh
from ...nn import functional as F
from ...tensor import Tensor, as_tensor, beside
from ..checks import number, one_of, whole
from ..masks import without_mask
from .einsum_dense import EinsumDense
from .regularization import Seeded

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class _Heads(Seeded):
    """What attention of several heads has in common. A subclass says how large they are."""

    key_dim: int
    value_dim: int
    attention_axes: tuple[int, ...] | None = None
    _heads: tuple[int, int]  # how many there are of queries, and how many of keys and values
    _out: tuple[int, ...] | None = None

    def __init__(
        self,
        seed: int | None,
        dropout: float,
        use_bias: bool,
        use_gate: bool,
        sliding_window: int | None,
        activity_regularizer: Any,
        **options: Any,
    ):
        super().__init__(seed, activity_regularizer=activity_regularizer, **options)
        self.dropout, self.use_bias, self.use_gate = number("dropout", dropout, 0, 1), use_bias, use_gate
        self.sliding_window = None if sliding_window is None else whole("sliding_window", sliding_window)

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ShapeError(f"{self.name}: there are as many keys as values, and not {key_shape} and {value_shape}")
        heads, shared = self._heads
        self.query_dense = self._projection("query", query_shape, 1, (heads, self.key_dim))
        self.key_dense = self._projection("key", key_shape, 1, (shared, self.key_dim))
        if self.use_gate:
            self.gate_dense = self._projection("gate", query_shape, 1, (heads, self.value_dim), "sigmoid")
        self.value_dense = self._projection("value", value_shape, 1, (shared, self.value_dim))
        found = (*query_shape[:-1], heads, self.value_dim)
        self.output_dense = self._projection("attention_output", found, 2, self._out or (query_shape[-1],))

    def _projection(self, name: str, shape: Any, summed: int, sizes: tuple, activation: Any = None) -> EinsumDense:
        """A dense layer from the last `summed` axes of an input to axes of these sizes."""
        free = len(shape) - summed
        x, out = _LETTERS[: len(shape)], _LETTERS[len(shape) : len(shape) + len(sizes)]
        weights = [
            f"{weight}_{what}" for weight in ("kernel", "bias") for what in ("initializer", "regularizer", "constraint")
        ]
        layer = EinsumDense(
            f"{x},{x[free:]}{out}->{x[:free]}{out}",
            (*[None] * (free - 1), *sizes),
            activation=activation,
            bias_axes=out if self.use_bias else None,
            name=name,
            **{option: getattr(self, option) for option in weights},
        )
        layer.build(shape)
        return layer

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = (without_mask(as_tensor(x)) for x in (query, value, value if key is None else key))
        axes = self.attention_axes or tuple(range(1, query.ndim - 1))
        axes = tuple(axis % query.ndim for axis in axes)
        q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
        if (times := self._heads[0] // self._heads[1]) > 1:
            k, v = (repeat(shared, times, axis=-2) for shared in (k, v))
        rest = [axis for axis in range(q.ndim - 1) if axis not in axes]  # the batch and the heads
        order = (*rest, *axes, q.ndim - 1)
        ends = [tuple(x.shape[axis] for axis in axes) for x in (q, k)]  # how many queries, how many keys
        flat = [x.permute_dims(order) for x in (q, k, v)]
        q, k, v = (x.reshape((*x.shape[: len(rest)], -1, x.shape[-1])) for x in flat)
        masks = [query_mask, value_mask, key_mask]
        causal = (
            use_causal_mask and self.sliding_window is None and all(one is None for one in (*masks, attention_mask))
        )
        mask = None if causal else self._mask(masks, attention_mask, use_causal_mask, ends, query, len(rest))
        scale, drop = 1 / math.sqrt(self.key_dim), self.dropout if training else 0.0
        weights = None
        with self.stream():
            if return_attention_scores:
                weights = F.attention_weights(q, k, mask, causal, scale)
                found = F.dropout(weights, drop) @ v
            else:
                found = F.scaled_dot_product_attention(q, k, v, mask, drop, causal, scale)
        found = found.reshape((*v.shape[: len(rest)], *ends[0], self.value_dim))
        found = found.permute_dims(tuple(order.index(axis) for axis in range(len(order))))
        y = self.output_dense(found * self.gate_dense(query) if self.use_gate else found)
        return y if weights is None else (y, weights.reshape((*weights.shape[: len(rest)], *ends[0], *ends[1])))

    def _mask(self, masks: list, given: Any, causal: bool, ends: list, query: Tensor, rest: int) -> Tensor | None:
        """(batch, 1 for the heads, L, S), True where a position may be looked at; None if all may be.

        masks  those of the queries (batch, L), values (batch, S) and keys (batch, S)
        given  (batch, L, S), if the caller has one; the axes of L and of S where several are looked along
        ends   the sizes of these axes
        query  whose device the mask is for
        rest   how many axes stand before L
        """
        length, keys = (math.prod(end) for end in ends)
        parts = []
        for mask, axis in zip(masks, (-1, -2, -2), strict=True):
            if mask is not None:
                parts.append(beside(mask, query).astype("bool").expand_dims(axis))
        far = numpy.arange(length)[:, None] - numpy.arange(keys)
        if causal:
            parts.append(far >= 0)
        if self.sliding_window is not None:
            parts.append(abs(far) < self.sliding_window)
        if given is not None:
            mask = beside(given, query).astype("bool")
            if len(ends[0]) > 1:
                mask = mask.broadcast_to((*mask.shape[: -2 * len(ends[0])], *ends[0], *ends[1]))
                mask = mask.reshape((*mask.shape[: -2 * len(ends[0])], length, keys))
            parts.append(mask)
        if not parts:
            return None
        whole_mask = beside(parts[0], query)
        for part in parts[1:]:
            whole_mask = whole_mask & beside(part, query)
        missing = rest + 2 - whole_mask.ndim
        shape = whole_mask.shape
        return whole_mask if missing <= 0 else whole_mask.reshape((*shape[:-2], *[1] * missing, *shape[-2:]))


class MultiHeadAttention(_Heads):
    """y = Σ over heads h of softmax(Qₕ·Kₕᵀ / √key_dim)·Vₕ·Wₕ + b, with Qₕ = query·W_q,ₕ + b_q,ₕ, K of the keys and V of the values.

    num_heads       how many heads look
    key_dim         the size of their queries and keys
    value_dim       that of their values; by default that of the keys
    dropout         the part of the weights that is dropped in training
    use_bias        whether biases are added
    output_shape    the last axes of y; by default the last of the queries
    attention_axes  the axes that are looked along; by default all but the batch and the features
    sliding_window  if given, a position looks at those less than so far away only
    use_gate        whether what a head has found is multiplied by a gate, σ(query·W_g + b_g)
    flash_attention is accepted, and changes nothing
    seed            of dropout
    The other options are those of `Dense`, for all weights.

    Called as layer(query, value, key=value): query (batch, L, in), value and key (batch, S, ...), with
    attention_mask           (batch, L, S), True where a position may be looked at
    use_causal_mask          let each position look at itself and those before it only
    return_attention_scores  also return the weights (batch, heads, L, S)
    Masks of query, value and key count, too. A position that may look at nothing gets 0 from its heads.

    The weights are those of `query_dense`, `key_dense`, `value_dense` (in, heads, size), and `output_dense` (heads, size, out).
    Source: A. Vaswani et al., "Attention Is All You Need" (2017).
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(seed, dropout, use_bias, use_gate, sliding_window, activity_regularizer, **options)
        self.num_heads, self.key_dim = whole("num_heads", num_heads), whole("key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else whole("value_dim", value_dim)
        self._heads = (self.num_heads, self.num_heads)
        self._out = None if output_shape is None else tuple(numpy.atleast_1d(output_shape).tolist())
        axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self.attention_axes = None if axes is None else tuple(axes)
        self._options_of("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._options_of("bias", bias_initializer, bias_regularizer, bias_constraint)


class GroupQueryAttention(_Heads):
    """`MultiHeadAttention` in which several heads of queries share the keys and values of one: less to compute and to keep.

    head_dim             the size of queries, keys and values
    num_query_heads      how many heads look
    num_key_value_heads  how many there are of keys and values; head h looks at the one of number h // (query heads / these)
    The other options, the call and the weights are as in `MultiHeadAttention`.

    Source: J. Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models" (2023).
    """

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(seed, dropout, use_bias, use_gate, sliding_window, activity_regularizer, **options)
        self.head_dim = self.key_dim = self.value_dim = whole("head_dim", head_dim)
        self.num_query_heads = whole("num_query_heads", num_query_heads)
        self.num_key_value_heads = whole("num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise OptionError(f"{num_query_heads=} must be a multiple of {num_key_value_heads=}")
        self._heads = (num_query_heads, num_key_value_heads)
        self._options_of("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._options_of("bias", bias_initializer, bias_regularizer, bias_constraint)


class Attention(Seeded):
    """y = softmax(scores)·value, with scores = query·keyᵀ: attention with one head and no weights but these.

    use_scale   whether scores are multiplied by a number that is learnt, `scale`
    score_mode  "dot"; or "concat": scores = w · Σ tanh(scale · (query + key)), w being learnt, too
    dropout     the part of the weights softmax(scores) that is dropped in training
    seed        of dropout

    Called on [query, value] or [query, value, key], of shapes (batch, L, d), (batch, S, v), (batch, S, d), with
    mask=[mask of the queries, mask of the values], `use_causal_mask` and `return_attention_scores` as `MultiHeadAttention` has
    them. A position that may look at nothing gets a mean of the values, as in Keras.

    Source: M. Luong et al., "Effective Approaches to Attention-based Neural Machine Translation" (2015).
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(seed, **options)
        self.use_scale, self.score_mode = use_scale, one_of("score_mode", score_mode, ("dot", "concat"))
        self.dropout = number("dropout", dropout, 0, 1)

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight") if concat else None

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """How well each query fits each key, (batch, L, S)."""
        if self.concat_score_weight is None:
            product = query @ key.mT
            return product if self.scale is None else product * self.scale
        return self.concat_score_weight * _tanh_of_sums(query, key, self.scale).sum(-1)

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            raise ShapeError(f"{type(self).__name__} is called on a list, [query, value] or [query, value, key]")
        if mask is not None and (not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3)):
            raise OptionError(f"{type(self).__name__}: mask is a list, [mask of the queries, mask of the values]")
        query, value, key = (as_tensor(x) for x in (*inputs, inputs[1])[:3])
        of_query, of_value = (None, None) if mask is None else mask[:2]
        scores = self.scores(query, key)
        seen = None if of_value is None else beside(of_value, scores).astype("bool").expand_dims(-2)
        if use_causal_mask:
            causal = asarray(numpy.tri(*scores.shape[-2:], dtype=bool), device=scores.device)
            seen = causal if seen is None else seen & causal
        if seen is not None:
            scores = seen.where(scores, scores - 1e9)
        weights = softmax(scores, axis=-1)
        if training and self.dropout:
            with self.stream():
                weights = F.dropout(weights, self.dropout)
        y = weights @ value
        if of_query is not None:
            y = beside(of_query, y).astype("bool").expand_dims(-1).where(y, 0.0)
        return (y, weights) if return_attention_scores else y

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """That of the queries."""
        return None if mask is None else mask[0]


class AdditiveAttention(Attention):
    """y = softmax(scores)·value, with scores = Σ scale · tanh(query + key): attention with one head, as `Attention`.

    use_scale  whether `scale`, of shape (d,), is learnt; it is 1 otherwise

    Source: D. Bahdanau et al., "Neural Machine Translation by Jointly Learning to Align and Translate" (2015).
    """

    _unwritten = ("score_mode",)

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **options: Any):
        super().__init__(use_scale, dropout=dropout, **options)

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale") if self.use_scale else None

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """How well each query fits each key, (batch, L, S)."""
        added = _tanh_of_sums(query, key, None)
        return (added if self.scale is None else self.scale * added).sum(-1)


def _tanh_of_sums(query: Tensor, key: Tensor, scale: Tensor | None) -> Tensor:
    """tanh(scale · (query + key)) of each query with each key, (batch, L, S, d)."""
    both = query.expand_dims(-2) + key.expand_dims(-3)
    return tanh(both if scale is None else scale * both)
