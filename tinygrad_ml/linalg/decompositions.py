"""Matrices taken apart: eigenvalues, singular values, Q and R. Leading axes are a batch.

An operation has one result. So the parts of a decomposition lie in one array, side by side, and whoever
wants them cuts it: `eigh` is λ above V, `svd` U above s above V, `qr` Qᵀ beside R. One gradient rule then
sees what arrives for all of them.

The signs of vectors, and which of the vectors come for values that are equal, are the library's choice, so
only functions that do not depend on that choice have a derivative. What depends on the vectors of values that
are equal has none here: the rules divide by the difference of the values, and say inf or nan.

Sources: M. Giles, "An extended collection of matrix derivative results" (2008); J. Townsend,
"Differentiating the singular value decomposition" (2016); G. H. Golub, V. Pereyra, "The differentiation of
pseudo-inverses and nonlinear least squares problems whose variables separate" (1973); S. F. Walter,
L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2018), for Q and R.
"""

from typing import Any

import numpy

from ..backend import dtypes
from ..errors import ShapeError
from ..ops.primitive import Primitive
from ..ops.shapes import Shape, size
from .inverses import cubic, half_lower, solve, square


def _matrix(x: Shape, **_) -> tuple[int, int]:
    if len(x) < 2:
        raise ShapeError(f"shape {x}: a matrix has two axes, and a batch of them has more")
    return x[-2], x[-1]


def _divide(numerator, denominator):
    """numerator / denominator, and 0 where both are 0: where nothing arrives, nothing is passed on."""
    neither = (numerator == 0).logical_and(denominator == 0)
    return neither.where(0, numerator / neither.where(1, denominator))


def _differences(values):
    """vⱼ - vᵢ"""
    return values[..., None, :] - values[..., :, None]


def eigh_parts(y: Any) -> tuple:
    """λ and V of what `eigh` computes."""
    return y[..., 0, :], y[..., 1:, :]


def _eigh_value(xp, x):
    values, vectors = xp.linalg.eigh(x)
    return xp.concatenate([values[..., None, :], vectors], axis=-2)


def _eigh_shape(x: Shape) -> Shape:
    n = square(x)[-1]
    return (*x[:-2], n + 1, n)


def _eigh_gradient(g, y):
    (values, vectors), (g_values, g_vectors) = eigh_parts(y), eigh_parts(g)
    inner = vectors.mT @ g_vectors
    inner = _divide(inner * (1 - inner._like(numpy.eye(inner.shape[-1]))), _differences(values))
    return _symmetric(vectors @ inner @ vectors.mT + (vectors * g_values[..., None, :]) @ vectors.mT)


def _symmetric(x):
    return (x + x.mT) / 2


eigh = Primitive(
    "eigh",
    _eigh_value,
    _eigh_shape,
    (_eigh_gradient,),
    batch="leading",
    formula="λ, V with V @ diag(λ) @ Vᵀ = x, x symmetric",
    local=("V @ (diag(gλ) + E · (Vᵀ @ gV)) @ Vᵀ, Eᵢⱼ = 1/(λⱼ - λᵢ)",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


def _eigvalsh_gradient(g, x):
    _, vectors = eigh_parts(x._apply(eigh))
    return (vectors * g[..., None, :]) @ vectors.mT


eigvalsh = Primitive(
    "eigvalsh",
    lambda xp, x: xp.linalg.eigvalsh(x),
    lambda x: square(x)[:-1],
    (_eigvalsh_gradient,),
    batch="leading",
    formula="λ with V @ diag(λ) @ Vᵀ = x, x symmetric",
    local=("V @ diag(g) @ Vᵀ",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


def svd_parts(y: Any, rows: int) -> tuple:
    """U, s and V of what `svd` computes for a matrix of this many rows."""
    return y[..., :rows, :], y[..., rows, :], y[..., rows + 1 :, :]


def _svd_value(xp, x):
    u, s, vt = xp.linalg.svd(x, full_matrices=False)
    return xp.concatenate([u, s[..., None, :], xp.swapaxes(vt, -1, -2)], axis=-2)


def _svd_shape(x: Shape) -> Shape:
    m, n = _matrix(x)
    return (*x[:-2], m + 1 + n, min(m, n))


def _svd_gradient(g, y, like):
    (u, s, v), (gu, gs, gv) = (svd_parts(part, like.shape[-2]) for part in (y, g))
    row, column = s[..., None, :], s[..., :, None]
    inner_u, inner_v = u.mT @ gu, v.mT @ gv
    # sⱼ² - sᵢ², as a product: the difference of squares of numbers that differ little would be rounded away.
    squares = _differences(s) * (row + column)
    turned = _divide(inner_u - inner_u.mT, squares) * row + column * _divide(inner_v - inner_v.mT, squares)
    total = u @ turned @ v.mT + (u * gs[..., None, :]) @ v.mT
    if u.shape[-2] > u.shape[-1]:  # what turns u out of the space of its columns
        total = total + _divide(gu - u @ inner_u, row) @ v.mT
    if v.shape[-2] > v.shape[-1]:
        total = total + u @ _divide(gv - v @ inner_v, row).mT
    return total


svd = Primitive(
    "svd",
    _svd_value,
    _svd_shape,
    (_svd_gradient,),
    batch="leading",
    formula="U, s, V with U @ diag(s) @ Vᵀ = x",
    local=(
        "U @ (diag(gs) + (F · (Uᵀ @ gU - gUᵀ @ U)) @ S + S @ (F · (Vᵀ @ gV - gVᵀ @ V))) @ Vᵀ + ..., Fᵢⱼ = 1/(sⱼ² - sᵢ²)",
    ),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


def _svdvals_gradient(g, x, like):
    u, _, v = svd_parts(x._apply(svd), like.shape[-2])
    return (u * g[..., None, :]) @ v.mT


svdvals = Primitive(
    "svdvals",
    lambda xp, x: xp.linalg.svd(x, compute_uv=False),
    lambda x: (*x[:-2], min(_matrix(x))),
    (_svdvals_gradient,),
    batch="leading",
    formula="s with U @ diag(s) @ Vᵀ = x",
    local=("U @ diag(g) @ Vᵀ",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


def _pinv_gradient(g, y, x):
    outside = _without(x, y, g.mT @ y) @ y.mT + y.mT @ _without(x.mT, y.mT, g @ y.mT).mT
    return outside - y.mT @ g @ y.mT


def _without(x, y, z):
    """(1 - x·y)·z: what of z is outside of the columns of x."""
    return z - x @ (y @ z)


pinv = Primitive(
    "pinv",
    lambda xp, x, rtol: xp.linalg.pinv(x, rtol if isinstance(rtol, float) else xp.asarray(rtol)),
    lambda x, rtol: (*x[:-2], *reversed(_matrix(x))),
    (_pinv_gradient,),
    batch="leading",
    formula="x⁺, the pseudo-inverse",
    local=("-yᵀ @ g @ yᵀ + (1 - x @ y) @ gᵀ @ y @ yᵀ + yᵀ @ y @ gᵀ @ (1 - y @ x), where the rank does not change",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


def qr_parts(y: Any, rows: int) -> tuple:
    """Q and R of what `qr` computes for a matrix of this many rows."""
    return y[..., :, :rows].mT, y[..., :, rows:]


def _qr_value(xp, x):
    q, r = xp.linalg.qr(x)
    return xp.concatenate([xp.swapaxes(q, -1, -2), r], axis=-1)


def _qr_shape(x: Shape) -> Shape:
    m, n = _matrix(x)
    if m < n:
        raise ShapeError(f"shape {x}: a matrix with more columns than rows is taken apart by its first {m} columns")
    return (*x[:-2], n, m + n)


def _qr_gradient(g, y, like):
    (q, r), (gq, gr) = (qr_parts(part, like.shape[-2]) for part in (y, g))
    inner = r @ gr.mT - gq.mT @ q
    lower = half_lower(inner)
    total = gq + q @ (lower + lower.mT)
    return r._apply(solve, total.mT).mT


qr = Primitive(
    "qr",
    _qr_value,
    _qr_shape,
    (_qr_gradient,),
    batch="leading",
    formula="Q, R with Q @ R = x, Qᵀ @ Q = 1, R upper triangular",
    local=("(gQ + Q @ (Φ(M) + Φ(M)ᵀ)) @ R⁻ᵀ, M = R @ gRᵀ - gQᵀ @ Q",),
    coerce=dtypes.promote_floats,
    flops=cubic,
)


def _complement_shape(x: Shape) -> Shape:
    m, n = _matrix(x)
    return (*x[:-1], m - n)


complement = Primitive(
    "complement",
    lambda xp, x: xp.linalg.qr(x, mode="complete")[0][..., x.shape[-1] :],
    _complement_shape,
    (lambda g, y, x: -(y @ (g.mT @ x)),),
    batch="leading",
    formula="orthogonal columns that complete those of x to a square matrix",
    local=("-y @ gᵀ @ x",),
    coerce=dtypes.promote_floats,
    flops=lambda y, x: size(x) * x[-1],
)
