"""`tg.linalg`: matrices, with the names of the Array API standard. Leading axes are a batch.

Raises `ShapeError` for what is not square, `TinygradError` for a singular matrix.
"""

import math
from typing import NamedTuple

from .errors import OptionError
from .functional.elementwise import abs
from .functional.linear_algebra import matmul, outer, tensordot, vecdot
from .functional.manipulation import diagonal, matrix_transpose
from .functional.reductions import max, min, sum
from .functional.reductions import norm as vector_norm
from .ops import matmul as primitives
from .tensor import Tensor, apply, as_tensor

__all__ = [
    "cholesky",
    "det",
    "diagonal",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_transpose",
    "norm",
    "outer",
    "slogdet",
    "solve",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


def inv(x) -> Tensor:
    """x⁻¹, of shape (.., n, n). dL/dx = -yᵀ · g · yᵀ."""
    return apply(primitives.inv, (as_tensor(x),))


def solve(a, b) -> Tensor:
    """y with a·y = b: a of shape (.., n, n), b of shape (n,) or (.., n, k). dL/db = a⁻ᵀ·g, dL/da = -(a⁻ᵀ·g)·yᵀ."""
    a, b = as_tensor(a), as_tensor(b)
    if b.ndim == 1:
        return solve(a, b.reshape(-1, 1)).squeeze(-1)
    return apply(primitives.solve, (a, b))


def det(x) -> Tensor:
    """The determinant, of shape (..). dL/dx = g · cofactors of x, for singular x too; higher orders need x⁻¹."""
    return apply(primitives.det, (as_tensor(x),))


class SlogdetResult(NamedTuple):
    sign: Tensor
    logabsdet: Tensor


def slogdet(x) -> SlogdetResult:
    """(sign, ln |det x|), where det itself would overflow. d ln|det x| / dx = x⁻ᵀ; the sign has derivative 0."""
    x = as_tensor(x)
    return SlogdetResult(apply(primitives.sign_det, (x,)), apply(primitives.log_abs_det, (x,)))


def cholesky(x, upper: bool = False) -> Tensor:
    """L, lower triangular, with L·Lᵀ = x, for a symmetric positive definite x; its transpose for `upper`.

    The gradient is symmetric: that of x as a symmetric matrix.
    """
    lower = apply(primitives.cholesky, (as_tensor(x),))
    return matrix_transpose(lower) if upper else lower


def trace(x, offset: int = 0) -> Tensor:
    """The sum of the diagonal of each matrix."""
    return sum(diagonal(x, offset, -2, -1), -1)


def matrix_norm(x, ord="fro", keepdims: bool = False) -> Tensor:
    """ "fro": √Σ x²; 1, -1: the largest, smallest column sum of |x|; inf, -inf: the same of rows."""
    x = as_tensor(x)
    if ord == "fro":
        return vector_norm(x, 2, (-2, -1), keepdims)
    if ord not in (1, -1, math.inf, -math.inf):
        raise OptionError(f"matrix_norm of order {ord!r}: use 'fro', 1, -1, inf or -inf")
    sums = sum(abs(x), -2 if ord in (1, -1) else -1, keepdims=True)
    result = (max if ord > 0 else min)(sums, (-2, -1), keepdims=True)
    return result if keepdims else result.squeeze((-2, -1))


def norm(x, ord=None, axis=None, keepdims: bool = False) -> Tensor:
    """As NumPy's: a vector norm over one axis or, without `ord`, over all; a matrix norm over two axes."""
    x = as_tensor(x)
    if ord is None:
        return vector_norm(x, 2, axis, keepdims)
    if (isinstance(axis, (tuple, list)) and len(axis) == 2) or (axis is None and x.ndim == 2):
        axes = tuple(axis) if axis is not None else (-2, -1)
        moved = x if axes == (-2, -1) else x.moveaxis(axes, (-2, -1))
        result = matrix_norm(moved, ord, keepdims)
        return result.moveaxis((-2, -1), axes) if keepdims and axes != (-2, -1) else result
    return vector_norm(x, ord, axis, keepdims)
