"""Inverses and determinants, and the Cholesky factor: their derivatives are made of matrix products.

In the rules, Aᵀ is `A.mT` (the last two axes swapped) and a leading batch of matrices is broadcast.
Sources: M. Giles, "An extended collection of matrix derivative results" (2008); I. Murray,
"Differentiation of the Cholesky decomposition" (2016).

Read before: `../ops/matmul.py`. Read next: `decompositions.py`.
"""

from typing import Any

import numpy

from ..backend import dtypes
from ..errors import ShapeError
from ..ops.matmul import product_shape
from ..ops.primitive import Primitive, zero
from ..ops.shapes import Shape, size


def square(x: Shape, **_: Any) -> Shape:
    """The shape of a square matrix, or of a batch of them."""
    if len(x) < 2 or x[-1] != x[-2]:
        raise ShapeError(f"shape {x}: the last two axes must be equal (a square matrix, or a batch of them)")
    return x


def _batch(x: Shape) -> Shape:
    return square(x)[:-2]


def _solve_shape(a: Shape, b: Shape) -> Shape:
    if square(a)[-1:] != b[-2:-1]:
        raise ShapeError(f"shapes {a} and {b}: the second needs {a[-1]} rows, as many as the first has")
    return product_shape(a, b)


def cubic(y: Shape, x: Shape, *_: Any) -> int:
    """Of the order of n³ operations for each matrix."""
    return size(x) * x[-1]


inv = Primitive(
    "inv",
    lambda xp, x: xp.linalg.inv(x),
    square,
    (lambda g, y: -(y.mT @ g @ y.mT),),
    batch="leading",
    formula="x⁻¹",
    local=("-yᵀ @ g @ yᵀ",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


def _solve_value(xp, a, b):
    batch = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])  # CuPy's solve does not broadcast
    return xp.linalg.solve(xp.broadcast_to(a, (*batch, *a.shape[-2:])), xp.broadcast_to(b, (*batch, *b.shape[-2:])))


solve = Primitive(
    "solve",
    _solve_value,
    _solve_shape,
    (lambda g, y, a: -(a.mT._apply(solve, g) @ y.mT), lambda g, a: a.mT._apply(solve, g)),
    inputs=("a", "b"),
    batch="leading",
    formula="a⁻¹ @ b",
    local=("-a⁻ᵀ @ g @ yᵀ", "a⁻ᵀ @ g"),
    coerce=dtypes.promote_floats,
    flops=lambda y, a, b: cubic(y, a),
)


def _cofactors_value(xp, x):
    """det(U)·det(V) · U·diag(Π of the other singular values)·Vᵀ, which exists for singular x too."""
    u, s, vt = xp.linalg.svd(x)
    n = s.shape[-1]
    others = xp.prod(xp.where(xp.eye(n, dtype=bool), s.dtype.type(1), s[..., None, :]), axis=-1)
    signs = xp.linalg.det(u) * xp.linalg.det(vt)
    return signs[..., None, None] * xp.matmul(u * others[..., None, :], vt)


def _cofactors_gradient(g, y, x):
    inverse = x._apply(inv).mT
    return (g * y).sum(axis=(-2, -1))[..., None, None] * inverse - inverse @ g.mT @ y


cofactors = Primitive(
    "cofactors",
    _cofactors_value,
    square,
    (_cofactors_gradient,),
    batch="leading",
    formula="the cofactors of x, ∂det x/∂x",
    local=("⟨g, y⟩ · x⁻ᵀ - x⁻ᵀ @ gᵀ @ y",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


det = Primitive(
    "det",
    lambda xp, x: xp.linalg.det(x),
    _batch,
    (lambda g, x: g[..., None, None] * x._apply(cofactors),),
    batch="leading",
    formula="det x",
    local=("the cofactors of x: y · x⁻ᵀ where x⁻¹ exists",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)

log_abs_det = Primitive(
    "log_abs_det",
    lambda xp, x: xp.linalg.slogdet(x)[1],
    _batch,
    (lambda g, x: g[..., None, None] * x._apply(inv).mT,),
    batch="leading",
    formula="ln |det x|",
    local=("x⁻ᵀ",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)

sign_det = Primitive(
    "sign_det",
    lambda xp, x: xp.linalg.slogdet(x)[0],
    _batch,
    (zero,),
    batch="leading",
    formula="sign det x",
    local=("0",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


def half_lower(x: Any) -> Any:
    """The lower triangle, with half of the diagonal."""
    n = x.shape[-1]
    mask = numpy.tril(numpy.ones((n, n)), -1) + numpy.eye(n) / 2
    return x * x._like(mask)


def _cholesky_gradient(g, y):
    inner = half_lower(y.mT @ g)
    s = y.mT._apply(solve, y.mT._apply(solve, inner.mT).mT)  # L⁻ᵀ · inner · L⁻¹
    return (s + s.mT) / 2


cholesky = Primitive(
    "cholesky",
    lambda xp, x: xp.linalg.cholesky(x),
    square,
    (_cholesky_gradient,),
    batch="leading",
    formula="L with L @ Lᵀ = x, L lower triangular",
    local=("½·(S + Sᵀ), S = L⁻ᵀ @ Φ(Lᵀ @ g) @ L⁻¹",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)
