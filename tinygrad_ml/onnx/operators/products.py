"""Products: of matrices, with scaling and bias, as Einstein wrote sums, and determinants.

Read before: `../table.py`.
"""

from __future__ import annotations

from ... import functional as tg
from ... import linalg
from ...tensor import Tensor
from ..table import operator


@operator("MatMul", versions=(1, 9, 13))
def matmul(a: Tensor, b: Tensor) -> Tensor:
    """a · b, as NumPy's matmul."""
    return tg.matmul(a, b)


@operator("Gemm", versions=(7, 9, 11, 13))
def gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Tensor:
    """α·a·b + β·c, a or b transposed."""
    y = tg.matmul(a.mT if transA else a, b.mT if transB else b)
    y = _scaled(y, alpha)
    return y if c is None else y + _scaled(c, beta)


@operator("Gemm", versions=(1, 6))
def gemm_of_old(
    a: Tensor,
    b: Tensor,
    c: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
    broadcast: int = 0,
) -> Tensor:
    """The same, of the days when it had to be said that c is broadcast."""
    return gemm(a, b, c, alpha=alpha, beta=beta, transA=transA, transB=transB)


def _scaled(x: Tensor, factor: float) -> Tensor:
    """x times a number, integers rounded as ONNX's reference does: towards zero."""
    return x if factor == 1 else (x * factor).astype(x.dtype)


@operator("Einsum", versions=(12, 28))
def einsum(*inputs: Tensor, equation: str) -> Tensor:
    """The sum of products that the equation says."""
    return tg.einsum(equation.replace(" ", ""), *inputs)


@operator("Det", versions=(11, 22))
def det(x: Tensor) -> Tensor:
    """The determinant of each matrix."""
    return linalg.det(x)
