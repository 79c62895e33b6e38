"""`keras.ops.linalg`: decompositions, inverses, norms. Leading axes are a batch. Read before: `tensors.py`."""

from __future__ import annotations

import math
from typing import Any

from ... import functional as tg
from ... import linalg
from ...errors import OptionError
from ...tensor import Tensor
from ..absent import not_offered
from .calls import operation
from .control import jvp as jvp
from .tensors import float_of, likewise, tensors

cholesky = likewise(linalg.cholesky, float_of)
det, inv = likewise(linalg.det, float_of), likewise(linalg.inv, float_of)


@operation
def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    """The inverse of the matrix whose Cholesky factor x is."""
    x = float_of(x)
    return linalg.inv(x.mT @ x if upper else x @ x.mT)


@operation
def eigh(x: Any) -> tuple[Tensor, Tensor]:
    """(the eigenvalues of a symmetric matrix, ascending, and its eigenvectors as columns)."""
    found = linalg.eigh(float_of(x))
    return found.eigenvalues, found.eigenvectors


@operation
def qr(x: Any, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """(Q, R) with Q·R = x."""
    if mode not in ("reduced", "complete"):
        raise OptionError(f"qr: mode={mode!r} is not 'reduced' or 'complete'")
    found = linalg.qr(float_of(x), mode)
    return found.Q, found.R


@operation
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """(U, s, Vᵀ) with U·diag(s)·Vᵀ = x; s alone without `compute_uv`."""
    if not compute_uv:
        return linalg.svdvals(float_of(x))
    found = linalg.svd(float_of(x), full_matrices)
    return found.U, found.S, found.Vh


@operation
def slogdet(x: Any) -> tuple[Tensor, Tensor]:
    """(sign, ln |det x|)."""
    found = linalg.slogdet(float_of(x))
    return found.sign, found.logabsdet


@operation
def logdet(x: Any) -> Tensor:
    """ln det x; nan where the determinant is negative."""
    sign, size = linalg.slogdet(float_of(x))
    return tg.where(sign < 0, math.nan, size)


@operation
def solve(a: Any, b: Any) -> Tensor:
    """y with a·y = b."""
    a, b = (float_of(x) for x in tensors(a, b))
    return linalg.solve(a, b)


@operation
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Tensor:
    """y with a·y = b, of a of which the upper triangle counts, or the lower one."""
    a, b = (float_of(x) for x in tensors(a, b))
    return linalg.solve(tg.tril(a) if lower else tg.triu(a), b)


@operation
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Tensor:
    """The y with the least |a·y - b|², and of these the smallest. Singular values below rcond times the largest are 0."""
    a, b = (float_of(x) for x in tensors(a, b))
    return linalg.pinv(a, rcond) @ b


@operation
def pinv(x: Any, rcond: float | None = None) -> Tensor:
    """The pseudo-inverse."""
    return linalg.pinv(float_of(x), rcond)


@operation
def matrix_rank(x: Any, tol: float | None = None) -> Tensor:
    """How many singular values (int32) are above `tol`."""
    x = float_of(x)
    if tol is None:
        return linalg.matrix_rank(x).astype("int32")
    return tg.count_nonzero(linalg.svdvals(x) > tol, -1).astype("int32")


@operation
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """A vector norm over one axis, or over all without `ord`; a matrix norm over two axes."""
    return linalg.norm(float_of(x), ord, tuple(axis) if isinstance(axis, list) else axis, keepdims)


__getattr__ = not_offered(
    "keras.ops",
    {
        "eig": "its eigenvalues are complex; use eigh for symmetric matrices, or numpy.linalg.eig",
        "lu_factor": "use solve, qr or cholesky",
    },
)
