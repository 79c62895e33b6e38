"""Attention as one operation, which machine code computes block by block: the weights of all pairs are never there at one time.

It gives the mixtures of values and, of each query, what its gradient needs; the gradient gives those of queries, keys and
values. As in a loop (`../../loops/primitive.py`), all that an operation gives lies in one array, one thing after the other.
The gradient of the gradient is that of the operations which attention is composed of.

Read before: `../../ops/primitive.py`. Read next: `../../kernels/attention.py`, `attention.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from itertools import pairwise
from math import prod
from typing import Any

from ...autograd import grad
from ...backend import Absent, Array
from ...graph.slices import SliceShares
from ...kernels import attention as kernels
from ...modes import enable_grad, modes
from ...ops import Primitive
from ...ops.movement import reshape
from ...ops.shapes import Shape, size
from ...tensor import Tensor, apply

Composed = Callable[..., Tensor]


def block_by_block(composed: Composed) -> Composed:
    """Let a function `composed(query, key, value, causal=, scale=)` be one operation, where machine code is worth it."""
    forward = _operation(composed)

    @wraps(composed)
    def call(query: Tensor, key: Tensor, value: Tensor, *, causal: bool, scale: float) -> Tensor:
        if not _worth(query, key, value, causal, scale):
            return composed(query, key, value, causal=causal, scale=scale)
        whole = apply(forward, (query, key, value), {"causal": causal, "scale": scale})
        return _parts(whole, _forms(query.shape, key.shape, value.shape))[0]

    return call


def _worth(query: Tensor, key: Tensor, value: Tensor, causal: bool, scale: float) -> bool:
    """Whether it is computed here: it follows from shapes, and from who wants to see its operations."""
    if not kernels.worth(query.dtype, query.shape, key.shape, value.shape, causal):
        return False
    if modes.apart or modes.tracer is not None or (modes.recorder is not None and modes.recorder.listens):
        return False
    if not isinstance(scale, float | int) or scale <= 0:  # then hidden scores are no longer the least
        return False
    return all(x.device.kind == "cpu" and x.dtype == query.dtype for x in (query, key, value))


def _forms(query: Shape, key: Shape, value: Shape) -> list[Shape]:
    """The shapes of what attention gives: mixtures, and lines of logarithms."""
    return [(*query[:-1], value[-1]), (prod(query[:-2]), kernels.padded(query[-2]))]


def _parts(whole: Any, forms: Sequence[Shape]) -> list[Any]:
    """What lies in one array, one thing of these shapes after the other: of tensors, and of arrays."""
    ends = [0]
    for form in forms:
        ends.append(ends[-1] + size(form))
    return [whole[first:end].reshape(form) for (first, end), form in zip(pairwise(ends), forms, strict=True)]


def _operation(composed: Composed) -> Primitive:
    """Attention as a row."""
    backward = _gradient_operation(composed)

    def value(xp: Any, q: Array, k: Array, v: Array, causal: bool, scale: float) -> Array:
        _refuse_absent(q, k, v)
        forms = _forms(q.shape, k.shape, v.shape)
        whole = xp.empty(sum(map(size, forms)), dtype=q.dtype)
        y, logarithms = _parts(whole, forms)
        kernels.attention(q, k, v, y, logarithms, causal, scale)
        return whole

    def gradient(g: Any, q: Tensor, k: Tensor, v: Tensor, y: Tensor, needed: tuple, causal: bool, scale: float) -> list:
        forms = _forms(q.shape, k.shape, v.shape)
        slopes = _parts(g, forms)[0] if isinstance(g, Tensor) else _only(g).reshape(forms[0])
        whole = apply(backward, (slopes, q, k, v, y), {"causal": causal, "scale": scale})
        return _parts(whole, [q.shape, k.shape, v.shape])

    return Primitive(
        "attention",
        value,
        lambda *shapes, **_: (sum(map(size, _forms(*shapes))),),
        (gradient,),
        inputs=("q", "k", "v"),
        formula="softmax(scale q·kᵀ) v, and logarithms of sums",
        local=("slopes·k", "slopesᵀ·q", "weightsᵀ"),
        flops=lambda _, q, k, v: 2 * size(q[:-1]) * k[-2] * (q[-1] + v[-1]),
        joint=True,
    )


def _gradient_operation(composed: Composed) -> Primitive:
    """The gradient of attention as a row."""

    def value(xp: Any, g: Array, q: Array, k: Array, v: Array, found: Array, causal: bool, scale: float) -> Array:
        _refuse_absent(g, q, k, v, found)
        forms = [q.shape, k.shape, v.shape]
        whole = xp.zeros(sum(map(size, forms)), dtype=q.dtype)
        y, logarithms = _parts(found, _forms(*forms))
        kernels.attention_gradient(g, q, k, v, y, logarithms, _parts(whole, forms), causal, scale)
        return whole

    def gradient(h: Any, g: Tensor, q: Tensor, k: Tensor, v: Tensor, needed: tuple, causal: bool, scale: float) -> list:
        h = h if isinstance(h, Tensor) else _as_tensor(h.total())
        again = modes.grad
        with enable_grad():
            given = [_apart(x) for x in (g, q, k, v)]
            y = composed(*given[1:], causal=causal, scale=scale)
            slopes = grad(y, given[1:], given[0], create_graph=True)
            shares = grad(slopes, given, _parts(h, [x.shape for x in slopes]), create_graph=again)
        return [*shares, None]

    return Primitive(
        "attention_gradient",
        value,
        lambda g, q, k, v, found, **_: (size(q) + size(k) + size(v),),
        (gradient,),
        inputs=("g", "q", "k", "v", "found"),
        formula="the gradients of q, k and v",
        local=("theirs",) * 5,
        flops=lambda _, g, q, k, v, found: 2 * size(q[:-1]) * k[-2] * (3 * q[-1] + 2 * v[-1]),
        joint=True,
    )


def _refuse_absent(*arrays: Array) -> None:
    if any(isinstance(array, Absent) for array in arrays):
        raise TypeError("attention of what has no numbers")


def _apart(x: Tensor) -> Tensor:
    """x as a tensor of its own, so that a derivative by it follows nothing that x was computed of, or another tensor of x."""
    if x.requires_grad:
        return apply(reshape, (x,), {"shape": x.shape})
    leaf = x.detach()
    leaf.requires_grad = True
    return leaf


def _only(shares: SliceShares) -> Tensor:
    """The gradient of the mixtures: nobody has a slice of the logarithms."""
    ((share, _),) = shares.shares
    return _as_tensor(share)


def _as_tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(x)
