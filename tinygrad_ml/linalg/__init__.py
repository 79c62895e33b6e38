"""`tg.linalg`: matrices, with the names of the Array API standard. Leading axes are a batch.

Raises `ShapeError` for what is not square, `TinygradError` for a singular matrix.

Its operations are rows of the library's table as those of `ops/` are, and are entered there when this room is opened.
Read in this order: `inverses.py`, `decompositions.py` (the rows), `functions.py`, `exponential.py`.
"""

from typing import TYPE_CHECKING

from .. import ops
from ..functional.linear_algebra import matmul, outer, tensordot, vecdot
from ..functional.manipulation import matrix_transpose
from ..spellings import missing_from
from . import decompositions, inverses
from .exponential import matrix_exp
from .functions import (
    EighResult,
    QRResult,
    SlogdetResult,
    SVDResult,
    cholesky,
    cross,
    det,
    diagonal,
    eigh,
    eigvalsh,
    inv,
    matrix_norm,
    matrix_power,
    matrix_rank,
    norm,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
    svdvals,
    trace,
    vector_norm,
)

ops.enter(inverses, decompositions)

__all__ = [
    "EighResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "torch.linalg")
