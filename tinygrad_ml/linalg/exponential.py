"""The exponential of matrices. Read before: `functions.py`."""

from __future__ import annotations

from ..backend import Absent
from ..errors import ShapeError
from ..functional.creation import eye
from ..functional.elementwise import abs, ceil, log2, maximum, where
from ..functional.reductions import floating, max, rounded, sum, widened
from ..tensor import Tensor, TensorLike

TERMS = 12
"""Of the power series, which suffice for float64 where the matrix is not longer than `SHORT`."""
SHORT = 0.5
MOST_SQUARINGS = 32
"""Where it is not known how long matrices are: e to the power of so many doublings of `SHORT` is beyond every float."""


def matrix_exp(x: TensorLike) -> Tensor:
    """eˣ = 1 + x + x²/2! + x³/3! + …, of a square matrix, or of each of a batch of them.

    It is (e^(x/2ˢ)) to the power of 2ˢ: a short matrix by its power series, squared s times.
    Source: C. Moler, C. Van Loan, "Nineteen dubious ways to compute the exponential of a matrix" (2003), the third.

    Raises `ShapeError` for what is not square.
    """
    x = floating(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"matrix_exp needs a square matrix, or a batch of them, but got {x._described()}")
    wide = widened(x)
    if not wide.size:
        return x
    length = max(sum(abs(wide.detach()), axis=-1), axis=-1)
    halvings = ceil(maximum(log2(maximum(length, SHORT) / SHORT), 0))[..., None, None]
    one, short = eye(x.shape[-1], dtype=wide.dtype, device=x.device), wide / 2**halvings
    y = one
    for k in range(TERMS, 0, -1):
        y = one + (short @ y) / k
    most = MOST_SQUARINGS if isinstance(halvings._data, Absent) else int(max(halvings).item())
    for k in range(most):
        y = where(k < halvings, y @ y, y)
    return rounded(y, x)
