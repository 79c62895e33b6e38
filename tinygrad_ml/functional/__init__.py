"""Functions on tensors, composed of the primitives: so each has derivatives of every order for free.

Names and arguments are those of the Python Array API standard and NumPy 2. A function whose first
argument is a tensor is a method too: `tg.sum(x, axis=0)` is `x.sum(axis=0)`; `methods.py` has the list.

Read `elementwise.py` and `reductions.py` first; a loss or a layer is a few lines of these.
"""

from math import e, inf, nan, pi

from .. import ops
from . import cumulative, indexing, scattering, windows
from .creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_dlpack,
    full,
    full_like,
    linspace,
    meshgrid,
    ones,
    ones_like,
    symbol,
    zeros,
    zeros_like,
)
from .cumulative import cumulative_logsumexp, cumulative_prod, cumulative_sum, diff
from .data_types import can_cast, finfo, iinfo, isdtype, result_type
from .elementwise import (
    abs,
    acos,
    acosh,
    add,
    asin,
    asinh,
    astype,
    atan,
    atan2,
    atanh,
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    ceil,
    clip,
    copysign,
    cos,
    cosh,
    divide,
    equal,
    erf,
    exp,
    expm1,
    floor,
    floor_divide,
    greater,
    greater_equal,
    hypot,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    multiply,
    nan_to_num,
    negative,
    nextafter,
    not_equal,
    positive,
    pow,
    reciprocal,
    relu,
    remainder,
    round,
    sigmoid,
    sign,
    signbit,
    sin,
    sinc,
    sinh,
    softplus,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    trunc,
    where,
    xlogy,
)
from .indexing import argsort, nonzero, one_hot, searchsorted, sort, take, take_along_axis, topk
from .linear_algebra import einsum, kron, matmul, outer, tensordot, vecdot
from .manipulation import (
    broadcast_arrays,
    broadcast_to,
    concat,
    diagonal,
    expand_dims,
    flatten,
    flip,
    matrix_transpose,
    moveaxis,
    pad,
    permute_dims,
    repeat,
    reshape,
    roll,
    split,
    squeeze,
    stack,
    swapaxes,
    tile,
    to,
    transpose,
    tril,
    triu,
    unstack,
)
from .reductions import (
    all,
    any,
    argmax,
    argmin,
    count_nonzero,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    norm,
    prod,
    softmax,
    std,
    sum,
    var,
)
from .scattering import scatter, scatter_add
from .sets import unique_all, unique_counts, unique_inverse, unique_values

ops.enter(cumulative, indexing, scattering, windows)  # which have rows of their own

newaxis = None
"""A new axis of size 1, as in x[:, tg.newaxis]."""

_ROOMS = [
    "creation",
    "cumulative",
    "data_types",
    "elementwise",
    "indexing",
    "interchange",
    "linear_algebra",
    "manipulation",
    "reductions",
    "scattering",
    "sets",
    "composed",
    "convolution",
    "ops",
    "pooling",
    "windows",
]
__all__ = [name for name in dir() if not name.startswith("_") and name not in _ROOMS]
