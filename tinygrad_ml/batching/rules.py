"""How an operation is applied to many samples at once.

What an operation says about that stands in its row, as `batch`; what follows from its kind is said here:

    elementwise   the same operation, the axes of samples aligned at the right
    reduction     over axes that have moved by one
    position      the same; of several axes, in the samples flattened
    product       one large product, where one side is the same for all samples
    "leading"     the same operation: whatever axes stand in front of those it is about are a batch to it

An operation that says nothing, as one of a user's own may, is applied to one sample after the other. The results are
stacked, so the gradient is right then too.

Read before: `level.py`. Read next: `places.py`, `vmap.py`.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import ShapeError
from ..functional import broadcast_to, matmul, reshape, stack
from ..ops import Primitive
from ..ops.matmul import matmul as product
from ..tensor import Tensor, apply

Params = dict[str, Any]
Tensors = Sequence[Tensor]


def batched(op: Primitive, n: int, inputs: Tensors, many: Sequence[bool], params: Params) -> Tensor:
    """What `op` gives for each of n samples, along a first axis.

    many  which of the inputs have the samples along a first axis; the others are the same for all of them
    """
    if callable(op.batch):
        result = _as_stated(op.batch, n, inputs, many, params)
    else:
        rule = RULE_OF_KIND.get(op.batch or op.kind)
        result = NotImplemented if rule is None else rule(op, n, inputs, many, params)
    return one_by_one(op, n, inputs, many, params) if result is NotImplemented else result


def _as_stated(rule: Callable, n: int, inputs: Tensors, many: Sequence[bool], params: Params) -> Any:
    """What the rule of a row gives: a function of the inputs, and of what it names of n, `many` and the parameters."""
    names = _names(rule)
    if "many" not in names:
        inputs = [x if has else for_each(x, n) for x, has in zip(inputs, many, strict=True)]
    known: Params = {"n": n, "many": tuple(many), **params}
    return rule(*inputs, **{name: known[name] for name in names if name in known})


@functools.lru_cache(maxsize=512)
def _names(rule: Callable) -> tuple[str, ...]:
    return tuple(inspect.signature(rule).parameters)


def for_each(x: Tensor, n: int) -> Tensor:
    """x, which is the same for all samples, for each of them."""
    return broadcast_to(x, (n, *x.shape))


def aligned(inputs: Tensors, many: Sequence[bool]) -> list[Tensor]:
    """Inputs whose samples broadcast at the right, so that the axis of samples stands in front of all."""
    axes = [len(x.shape) - has for x, has in zip(inputs, many, strict=True)]
    longest = max(axes)
    return [
        reshape(x, (x.shape[0], *(1,) * (longest - own), *x.shape[1:])) if has and own < longest else x
        for x, has, own in zip(inputs, many, axes, strict=True)
    ]


def one_by_one(op: Primitive, n: int, inputs: Tensors, many: Sequence[bool], params: Params) -> Tensor:
    """One sample after the other."""
    if not n:
        raise ShapeError(f"{op.name} has no rule for many samples, and of none of them there is nothing to stack")
    samples = [tuple([x[i] if has else x for x, has in zip(inputs, many, strict=True)]) for i in range(n)]
    return stack([apply(op, sample, params) for sample in samples])


def _leading(op: Primitive, n: int, inputs: Tensors, many: Sequence[bool], params: Params) -> Tensor:
    return apply(op, tuple(aligned(inputs, many)), params)


def _reduction(op: Primitive, n: int, inputs: Tensors, many: Sequence[bool], params: Params) -> Tensor:
    return apply(op, (inputs[0],), {**params, "axis": tuple(axis + 1 for axis in params["axis"])})


def _position(op: Primitive, n: int, inputs: Tensors, many: Sequence[bool], params: Params) -> Tensor:
    (x,), axis, keepdims = inputs, params["axis"], params["keepdims"]
    if len(axis) == 1:
        return _reduction(op, n, inputs, many, params)
    flat = reshape(x, (n, math.prod(x.shape[1:])))
    place = apply(op, (flat,), {"axis": (1,), "keepdims": False})
    return reshape(place, (n, *(1,) * (x.ndim - 1))) if keepdims else place


def _product(op: Primitive, n: int, inputs: Tensors, many: Sequence[bool], params: Params) -> Tensor:
    a, b = inputs
    if not many[1] and b.ndim == 2:  # the rows of all samples, one below the other
        y = apply(op, (reshape(a, (math.prod(a.shape[:-1]), a.shape[-1])), b))
        return reshape(y, (*a.shape[:-1], y.shape[-1]))
    b = b.mT if op.turned else b
    if not many[0] and a.ndim == 2 and b.shape[-1] < a.shape[-2]:  # few columns: they are the rows, then
        return matmul(b.mT, a.mT).mT
    return apply(product, tuple(aligned((a, b), many)))


RULE_OF_KIND: dict[str, Callable] = {
    "elementwise": _leading,
    "leading": _leading,
    "reduction": _reduction,
    "position": _position,
    "product": _product,
}
