"""Products of vectors, matrices and tensors. Read before: `tensors.py`."""

from __future__ import annotations

from typing import Any

from ... import functional as tg
from ... import linalg
from ...errors import OptionError, ShapeError
from ...nn import functional as F
from ...tensor import Tensor
from .calls import operation
from .tensors import float_of, tensor_of, tensors, two

matmul = two("matmul", tg.matmul, tensors)
outer = two("outer", lambda a, b: tg.outer(a.reshape(-1), b.reshape(-1)), tensors)
kron = two("kron", tg.kron, tensors)
vdot = two("vdot", lambda a, b: tg.vecdot(a.reshape(-1), b.reshape(-1)), tensors)


@operation
def dot(x1: Any, x2: Any) -> Tensor:
    """Σ over the last axis of x1 and the last but one of x2 (its last, if it is a vector); a product with a number."""
    x1, x2 = tensors(x1, x2)
    if not x1.ndim or not x2.ndim:
        return x1 * x2
    return tg.tensordot(x1, x2, axes=((x1.ndim - 1,), (max(x2.ndim - 2, 0),)))


@operation
def inner(x1: Any, x2: Any) -> Tensor:
    """Σ over the last axes of both; a product with a number."""
    x1, x2 = tensors(x1, x2)
    if not x1.ndim or not x2.ndim:
        return x1 * x2
    return tg.tensordot(x1, x2, axes=((x1.ndim - 1,), (x2.ndim - 1,)))


@operation
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Tensor:
    """Σ over several axes of both: so many of the last of x1 and the first of x2, or those that are listed for each."""
    x1, x2 = tensors(x1, x2)
    if not isinstance(axes, int):
        first, second = ((side,) if isinstance(side, int) else tuple(side) for side in axes)
        axes = (first, second)
    return tg.tensordot(x1, x2, axes=axes)


@operation
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Tensor:
    """Einstein's summation: a letter names an axis; one that is not in the output is summed over."""
    return tg.einsum(subscripts, *[tensor_of(x) for x in operands])


@operation
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    """The vector product of vectors of 3 (or 2, whose third is 0) along an axis of each; of two pairs its third part."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x1, x2 = tensors(x1, x2)
    x1, x2 = tg.moveaxis(x1, axisa, -1), tg.moveaxis(x2, axisb, -1)
    flat = x1.shape[-1] == x2.shape[-1] == 2
    if flat:
        return x1[..., 0] * x2[..., 1] - x1[..., 1] * x2[..., 0]
    made = linalg.cross(_in_space(x1), _in_space(x2))
    return tg.moveaxis(made, -1, axisc)


def _in_space(x: Tensor) -> Tensor:
    return tg.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 1)]) if x.shape[-1] == 2 else x


@operation
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the diagonal of two axes."""
    x = tensor_of(x)
    return tg.sum(tg.diagonal(x, offset, axis1, axis2), -1)


@operation
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Tensor:
    """yₖ = Σ x1[n + k] · x2[n] for all k ("full"), those for which both lie upon each other ("valid"), or as many as x1
    has, in the middle ("same")."""
    if mode not in ("valid", "same", "full"):
        raise OptionError(f"correlate: mode={mode!r} is not 'valid', 'same' or 'full'")
    x1, x2 = (float_of(x) for x in tensors(x1, x2))
    if x1.ndim != 1 or x2.ndim != 1:
        raise ShapeError(f"correlate takes two vectors, not {x1._described()} and {x2._described()}")
    n, m = x1.shape[0], x2.shape[0]
    full = F.conv1d(x1.reshape(1, 1, n), x2.reshape(1, 1, m), padding=m - 1).reshape(-1)
    length = {"full": n + m - 1, "same": n, "valid": abs(n - m) + 1}[mode]
    start = (n + m - 1 - length) // 2
    return full[start : start + length]
