"""What a tensor can do by name: the functions of `functional/` whose first argument is a tensor, and `backward`.

`tg.sum(x, axis=0)` and `x.sum(axis=0)` are one function, which stands in one place; this list makes a method of it. To a
type checker, and to an editor that asks one, it is a part of the class `Tensor`.

Read before: `operators.py`, which does the same for Python's symbols.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import autograd
from .functional import (
    cumulative,
    data_types,
    elementwise,
    linear_algebra,
    manipulation,
    reductions,
    scattering,
    sets,
    special,
)
from .functional import indexing as places
from .hooks import Hooks
from .in_place import InPlace
from .indexing import getitem, setitem
from .operators import Operators
from .protocols import Protocols
from .spellings import attribute_of
from .tensor import Tensor, TensorLike, hang


def _matmul_from_right(x: Tensor, other: TensorLike) -> Tensor:
    return linear_algebra.matmul(other, x)


class Methods(Operators, InPlace, Hooks, Protocols):
    """The methods of a tensor, by name."""

    backward = autograd.backward

    __getitem__, __setitem__ = getitem, setitem
    __matmul__, __rmatmul__ = linear_algebra.matmul, _matmul_from_right
    matmul = linear_algebra.matmul

    abs = elementwise.abs
    negative = elementwise.negative
    sign = elementwise.sign
    exp = elementwise.exp
    expm1 = elementwise.expm1
    log = elementwise.log
    log1p = elementwise.log1p
    log2 = elementwise.log2
    log10 = elementwise.log10
    sqrt = elementwise.sqrt
    square = elementwise.square
    reciprocal = elementwise.reciprocal
    sin = elementwise.sin
    cos = elementwise.cos
    tan = elementwise.tan
    asin = elementwise.asin
    acos = elementwise.acos
    atan = elementwise.atan
    sinh = elementwise.sinh
    cosh = elementwise.cosh
    tanh = elementwise.tanh
    asinh = elementwise.asinh
    acosh = elementwise.acosh
    atanh = elementwise.atanh
    erf = elementwise.erf
    sigmoid = elementwise.sigmoid
    relu = elementwise.relu
    softplus = elementwise.softplus
    floor = elementwise.floor
    ceil = elementwise.ceil
    trunc = elementwise.trunc
    logical_not = elementwise.logical_not
    isnan = elementwise.isnan
    isinf = elementwise.isinf
    isfinite = elementwise.isfinite
    signbit = elementwise.signbit
    add = elementwise.add
    subtract = elementwise.subtract
    multiply = elementwise.multiply
    divide = elementwise.divide
    maximum = elementwise.maximum
    minimum = elementwise.minimum
    atan2 = elementwise.atan2
    hypot = elementwise.hypot
    logaddexp = elementwise.logaddexp
    copysign = elementwise.copysign
    nextafter = elementwise.nextafter
    remainder = elementwise.remainder
    floor_divide = elementwise.floor_divide
    equal = elementwise.equal
    not_equal = elementwise.not_equal
    less = elementwise.less
    less_equal = elementwise.less_equal
    greater = elementwise.greater
    greater_equal = elementwise.greater_equal
    logical_and = elementwise.logical_and
    logical_or = elementwise.logical_or
    logical_xor = elementwise.logical_xor
    bitwise_and = elementwise.bitwise_and
    bitwise_or = elementwise.bitwise_or
    bitwise_xor = elementwise.bitwise_xor
    bitwise_left_shift = elementwise.bitwise_left_shift
    bitwise_right_shift = elementwise.bitwise_right_shift
    bitwise_invert = elementwise.bitwise_invert
    positive = elementwise.positive
    round = elementwise.round
    pow = elementwise.pow
    where = elementwise.where
    clip = elementwise.clip
    nan_to_num = elementwise.nan_to_num
    xlogy = elementwise.xlogy
    sinc = special.sinc
    astype = elementwise.astype

    sum = reductions.sum
    mean = reductions.mean
    prod = reductions.prod
    max = reductions.max
    min = reductions.min
    argmax = reductions.argmax
    argmin = reductions.argmin
    any = reductions.any
    all = reductions.all
    var = reductions.var
    std = reductions.std
    norm = reductions.norm
    logsumexp = reductions.logsumexp
    softmax = reductions.softmax
    log_softmax = reductions.log_softmax
    count_nonzero = reductions.count_nonzero

    cumulative_sum = cumulative.cumulative_sum
    cumulative_prod = cumulative.cumulative_prod
    cumulative_logsumexp = cumulative.cumulative_logsumexp
    diff = cumulative.diff

    reshape = manipulation.reshape
    flatten = manipulation.flatten
    permute_dims = manipulation.permute_dims
    transpose = manipulation.transpose
    swapaxes = manipulation.swapaxes
    matrix_transpose = manipulation.matrix_transpose
    moveaxis = manipulation.moveaxis
    expand_dims = manipulation.expand_dims
    squeeze = manipulation.squeeze
    broadcast_to = manipulation.broadcast_to
    unstack = manipulation.unstack
    split = manipulation.split
    flip = manipulation.flip
    roll = manipulation.roll
    tile = manipulation.tile
    repeat = manipulation.repeat
    tril = manipulation.tril
    triu = manipulation.triu
    diagonal = manipulation.diagonal
    pad = manipulation.pad
    to = manipulation.to

    @property
    def T(self: Any) -> Tensor:
        """All axes in reverse order."""
        return manipulation.transpose(self)

    @property
    def mT(self: Any) -> Tensor:
        """The last two axes exchanged: each matrix of a batch transposed."""
        return manipulation.matrix_transpose(self)

    def to_device(self: Any, device: Any, /, *, stream: Any = None) -> Tensor:
        """`to`, as the Array API standard calls it."""
        return manipulation.to(self, device)

    take = places.take
    take_along_axis = places.take_along_axis
    argsort = places.argsort
    sort = places.sort
    topk = places.topk
    nonzero = places.nonzero
    searchsorted = places.searchsorted
    one_hot = places.one_hot

    index_add = scattering.index_add
    scatter_add = scattering.scatter_add
    scatter = scattering.scatter

    unique_all = sets.unique_all
    unique_counts = sets.unique_counts
    unique_inverse = sets.unique_inverse
    unique_values = sets.unique_values

    __array_namespace__ = data_types.__array_namespace__

    if not TYPE_CHECKING:  # to whom every name would be one of a tensor

        def __getattr__(self, name: str) -> Any:
            return attribute_of(self, name, "x", "a tensor")


hang(Methods)
