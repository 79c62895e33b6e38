"""Attention over many places as machine code, and its gradient: the weights of all pairs are never there at one time.

Queries are (..., L, d), keys (..., S, d) and values (..., S, w). Read next: `../machine/products/attention.py`.
"""

from __future__ import annotations

from math import prod
from typing import Any, TypeAlias

import numpy

from ..machine.products.attending import (
    BackwardAttention,
    ForwardAttention,
    Looking,
    attention_fits,
    shares_of_slopes,
)
from ..machine.products.attending import padded as padded
from ..machine.sharing.again import do

Array: TypeAlias = Any

FEWEST_PAIRS = 1 << 14
"""Pairs of a query and a key, ..."""
FEWEST_CAUSAL_PAIRS, FEWEST_PLAIN_PAIRS = 1 << 16, 1 << 21
"""... and pairs of all heads, from which on blocks are faster than all at once: sooner where they leave out what is hidden,
and else where the weights of all do not fit into the caches."""
SCORES_MULTIPLICATIONS = 1 << 22
"""From so many on, for the scores of all heads, they are worth a compiler's import."""


def worth(dtype: numpy.dtype, q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], causal: bool) -> bool:
    """Whether attention of these shapes is done here."""
    if len(q) < 2 or q[:-2] != k[:-2] or k[:-1] != v[:-1] or q[-1] != k[-1]:
        return False
    pairs, all_pairs = q[-2] * k[-2], prod(q[:-1]) * k[-2]
    if pairs < FEWEST_PAIRS or all_pairs < (FEWEST_CAUSAL_PAIRS if causal else FEWEST_PLAIN_PAIRS):
        return False
    return all_pairs * q[-1] >= SCORES_MULTIPLICATIONS and attention_fits(dtype, q[-1], v[-1])


def attention(q: Array, k: Array, v: Array, y: Array, logarithms: Array, causal: bool, scale: float) -> None:
    """Put the mixtures of values into y, and for each query the logarithm of the sum of the exponentials into a line."""
    do((ForwardAttention,), Looking(causal, scale), *map(_matrices, (q, k, v, y)), logarithms)


def attention_gradient(
    g: Array,
    q: Array,
    k: Array,
    v: Array,
    y: Array,
    logarithms: Array,
    shares: list[Array],
    causal: bool,
    scale: float,
) -> None:
    """Put the shares of queries, keys and values in the gradient g into three arrays, which are 0 before."""
    dq, dk, dv = shares
    matrices, length = logarithms.shape[0], q.shape[-2]
    products = numpy.zeros_like(logarithms)
    products[:, :length] = numpy.vecdot(_matrices(g), _matrices(y))
    parts = shares_of_slopes(matrices, k.shape[-2])
    total = _matrices(dq)
    each = total[:, None] if parts == 1 else numpy.zeros((matrices, parts, *q.shape[-2:]), q.dtype)
    given = [*map(_matrices, (q, k, v, g)), logarithms, products, each, _matrices(dk), _matrices(dv)]
    do((BackwardAttention,), Looking(causal, scale), *given)
    if parts > 1:
        numpy.add(each[:, 0], each[:, 1], total)
        for part in range(2, parts):
            total += each[:, part]


def _matrices(x: Array) -> Array:
    """x as matrices one behind the other."""
    return numpy.ascontiguousarray(x).reshape(prod(x.shape[:-2]), *x.shape[-2:])
