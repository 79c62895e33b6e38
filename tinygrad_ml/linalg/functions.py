"""The functions of `tg.linalg`. Read before: `inverses.py`, `decompositions.py`."""

import builtins
import math
from typing import NamedTuple

from ..errors import DTypeError, OptionError, ShapeError
from ..functional.axes import one_axis
from ..functional.creation import eye
from ..functional.data_types import finfo
from ..functional.elementwise import abs
from ..functional.manipulation import _matrices, concat, matrix_transpose, roll
from ..functional.manipulation import diagonal as diagonal_of
from ..functional.reductions import count_nonzero, max, min, sum
from ..functional.reductions import norm as norm_of
from ..spellings import spelt
from ..tensor import Tensor, TensorLike, apply, as_tensor
from ..typing import Axes, DTypeLike
from . import decompositions, inverses


def inv(x: TensorLike) -> Tensor:
    """x⁻¹, of shape (.., n, n). dL/dx = -yᵀ · g · yᵀ."""
    return apply(inverses.inv, (as_tensor(x),))


def solve(a: TensorLike, b: TensorLike) -> Tensor:
    """y with a·y = b: a of shape (.., n, n), b of shape (n,) or (.., n, k). dL/db = a⁻ᵀ·g, dL/da = -(a⁻ᵀ·g)·yᵀ."""
    a, b = as_tensor(a), as_tensor(b)
    if b.ndim == 1:
        return solve(a, b.reshape(-1, 1)).squeeze(-1)
    return apply(inverses.solve, (a, b))


def det(x: TensorLike) -> Tensor:
    """The determinant, of shape (..). dL/dx = g · cofactors of x, for singular x too; higher orders need x⁻¹."""
    return apply(inverses.det, (as_tensor(x),))


class SlogdetResult(NamedTuple):
    """What `slogdet` finds: the determinant is sign · exp(logabsdet)."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(x: TensorLike) -> SlogdetResult:
    """(sign, ln |det x|), where det itself would overflow. d ln|det x| / dx = x⁻ᵀ; the sign has derivative 0."""
    x = as_tensor(x)
    return SlogdetResult(apply(inverses.sign_det, (x,)), apply(inverses.log_abs_det, (x,)))


def cholesky(x: TensorLike, upper: bool = False) -> Tensor:
    """L, lower triangular, with L·Lᵀ = x, for a symmetric positive definite x; its transpose for `upper`.

    The gradient is symmetric: that of x as a symmetric matrix.
    """
    lower = apply(inverses.cholesky, (as_tensor(x),))
    return matrix_transpose(lower) if upper else lower


class EighResult(NamedTuple):
    """What `eigh` finds: the eigenvalues, and in column i the eigenvector of the i-th."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(x: TensorLike) -> EighResult:
    """(λ, V) with V·diag(λ)·Vᵀ = x, for a symmetric x, of which the lower triangle is read: λ ascending, V orthogonal.

    The gradient is symmetric: that of x as a symmetric matrix. The signs of the columns of V are arbitrary, and so is
    their choice where eigenvalues are equal: what depends on that has no derivative.
    """
    return EighResult(*decompositions.eigh_parts(apply(decompositions.eigh, (as_tensor(x),))))


def eigvalsh(x: TensorLike) -> Tensor:
    """The eigenvalues of a symmetric x, ascending. dL/dx = V·diag(g)·Vᵀ."""
    return apply(decompositions.eigvalsh, (as_tensor(x),))


class SVDResult(NamedTuple):
    """What `svd` finds: x = U · diag(S) · Vh."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(x: TensorLike, full_matrices: bool = True) -> SVDResult:
    """(U, s, Vᵀ) with U·diag(s)·Vᵀ = x: s descending, the columns of U and V orthonormal.

    x of shape (.., m, n) gives U (.., m, m), s (.., k), Vᵀ (.., n, n), k = min(m, n); U (.., m, k) and Vᵀ (.., k, n) for
    `full_matrices=False`. The signs of the columns are arbitrary, and so is their choice where values are equal: what
    depends on that has no derivative.
    """
    x = as_tensor(x)
    u, s, v = decompositions.svd_parts(apply(decompositions.svd, (x,)), x.shape[-2])
    return SVDResult(_complete(u), s, _complete(v).mT) if full_matrices else SVDResult(u, s, v.mT)


def svdvals(x: TensorLike) -> Tensor:
    """The singular values of x, descending. dL/dx = U·diag(g)·Vᵀ."""
    return apply(decompositions.svdvals, (as_tensor(x),))


class QRResult(NamedTuple):
    """What `qr` finds: x = Q · R."""

    Q: Tensor
    R: Tensor


def qr(x: TensorLike, mode: str = "reduced") -> QRResult:
    """(Q, R) with Q·R = x, QᵀQ = 1, R upper triangular.

    x of shape (.., m, n) gives Q (.., m, k) and R (.., k, n), k = min(m, n), or k = m for `mode="complete"`. It has a
    derivative where the first k columns of x are linearly independent.
    """
    if mode not in ("reduced", "complete"):
        raise OptionError(f"qr's mode is 'reduced' or 'complete', not {mode!r}")
    x = _matrices(x, "qr")
    rows, columns = x.shape[-2:]
    square = x[..., :rows] if rows < columns else x
    q, r = decompositions.qr_parts(apply(decompositions.qr, (square,)), rows)
    if rows < columns:
        return QRResult(q, concat([r, q.mT @ x[..., rows:]], axis=-1))
    if mode == "complete" and rows > columns:
        below = as_tensor(0, r.dtype, r.device).broadcast_to((*r.shape[:-2], rows - columns, columns))
        return QRResult(_complete(q), concat([r, below], axis=-2))
    return QRResult(q, r)


def _complete(columns: Tensor) -> Tensor:
    """Orthonormal columns, with more of them up to a square matrix."""
    if columns.shape[-2] == columns.shape[-1]:
        return columns
    return concat([columns, apply(decompositions.complement, (columns,))], axis=-1)


def _tolerance(x: Tensor) -> float:
    """Singular values below this many times the largest one count as 0."""
    if x.dtype.kind != "f":
        raise DTypeError(
            f"the rank of {x._described()} is found in floating dtypes; convert it, as in x.astype('float32')"
        )
    return builtins.max(x.shape[-2:]) * finfo(x).eps


def pinv(x: TensorLike, rtol: TensorLike | None = None) -> Tensor:
    """x⁺, the pseudo-inverse, of shape (.., n, m): the least-squares solution of x·y = b is x⁺·b.

    Singular values of `rtol` (a number, or one for each matrix) times the largest one or less count as 0; by default max(m, n) times the dtype's eps.
    The derivative is that of matrices of the same rank.
    """
    x = _matrices(x, "pinv")
    rtol = _tolerance(x) if rtol is None else _frozen(as_tensor(rtol).tolist())
    return apply(decompositions.pinv, (x,), {"rtol": rtol})


def _frozen(numbers):
    """Nested lists as tuples: parameters of operations are compared."""
    return tuple(map(_frozen, numbers)) if isinstance(numbers, list) else numbers


def matrix_rank(x: TensorLike, rtol: TensorLike | None = None) -> Tensor:
    """How many singular values (int64) are above `rtol` times the largest one; by default max(m, n) times the dtype's eps."""
    x = _matrices(x, "matrix_rank")
    values = svdvals(x)
    if not values.shape[-1]:
        return count_nonzero(values, -1)
    rtol = as_tensor(_tolerance(x) if rtol is None else rtol, values.dtype, values.device)
    return count_nonzero(values > max(values, axis=-1, keepdims=True) * rtol.expand_dims(-1), -1)


def matrix_power(x: TensorLike, n: int) -> Tensor:
    """x·x·…·x, n times, by squaring; of the inverse for n < 0; the unit matrix for n = 0."""
    x = _matrices(x, "matrix_power")
    if not isinstance(n, int):
        raise OptionError(f"matrix_power takes a whole number of times, not {n!r}")
    if n < 0:
        return matrix_power(inv(x), -n)
    inverses.square(x.shape)
    if n == 0:
        return eye(x.shape[-1], dtype=x.dtype, device=x.device).broadcast_to(x.shape)
    while n % 2 == 0:
        x, n = x @ x, n // 2
    result, n = x, n // 2
    while n:
        x = x @ x
        result = result @ x if n % 2 else result
        n //= 2
    return result


@spelt
def cross(a: TensorLike, b: TensorLike, axis: int = -1) -> Tensor:
    """The vector product a × b along an axis of size 3; the other axes broadcast."""
    a, b = as_tensor(a), as_tensor(b)
    first, second = one_axis(axis, a.ndim), one_axis(axis, b.ndim)
    if a.shape[first : first + 1] != (3,) or b.shape[second : second + 1] != (3,):
        raise ShapeError(
            f"cross needs axis {axis} of size 3 on both sides, but got {a._described()} and {b._described()}"
        )
    a, b = a.moveaxis(first, -1), b.moveaxis(second, -1)
    product = roll(a, -1, -1) * roll(b, 1, -1) - roll(a, 1, -1) * roll(b, -1, -1)
    return product.moveaxis(-1, axis)


def diagonal(x: TensorLike, offset: int = 0) -> Tensor:
    """The diagonal of each matrix: of the last two axes, where `tg.diagonal` takes the first two, as NumPy does."""
    return diagonal_of(_matrices(x, "diagonal"), offset, -2, -1)


def trace(x: TensorLike, offset: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """The sum of the diagonal of each matrix."""
    return sum(diagonal(x, offset), -1, dtype=dtype)


@spelt
def vector_norm(x: TensorLike, ord: float = 2, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """(Σ |x|ᵖ)^(1/p) over the axes, p = `ord`: `tg.norm`, under the name of the standard."""
    return norm_of(x, ord, axis, keepdims)


@spelt
def matrix_norm(x: TensorLike, ord: float | str = "fro", keepdims: bool = False) -> Tensor:
    """A norm of each matrix.

    "fro"    √Σ x²
    "nuc"    the sum of the singular values
    1, -1    the largest, smallest column sum of |x|; inf, -inf: the same of rows
    2, -2    the largest, smallest singular value
    """
    x = _matrices(x, "matrix_norm")
    if ord == "fro":
        return vector_norm(x, 2, (-2, -1), keepdims)
    if ord in ("nuc", 2, -2):
        values = svdvals(x)
        result = sum(values, -1) if ord == "nuc" else (max if ord > 0 else min)(values, axis=-1)
        return result.expand_dims((-2, -1)) if keepdims else result
    if ord not in (1, -1, math.inf, -math.inf):
        raise OptionError(f"matrix_norm of order {ord!r}: use 'fro', 'nuc', 1, -1, 2, -2, inf or -inf")
    sums = sum(abs(x), -2 if ord in (1, -1) else -1, keepdims=True)
    result = (max if ord > 0 else min)(sums, axis=(-2, -1), keepdims=True)
    return result if keepdims else result.squeeze((-2, -1))


@spelt
def norm(x: TensorLike, ord: float | str | None = None, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """As NumPy's: a vector norm over one axis or, without `ord`, over all; a matrix norm over two axes."""
    x = as_tensor(x)
    if ord is None:
        return vector_norm(x, 2, axis, keepdims)
    if (isinstance(axis, (tuple, list)) and len(axis) == 2) or (axis is None and x.ndim == 2):
        axes = tuple(axis) if axis is not None else (-2, -1)
        moved = x if axes == (-2, -1) else x.moveaxis(axes, (-2, -1))
        result = matrix_norm(moved, ord, keepdims)
        return result.moveaxis((-2, -1), axes) if keepdims and axes != (-2, -1) else result
    return vector_norm(x, ord, axis, keepdims)  # pyright: ignore[reportArgumentType]: it says what is wrong with a name
