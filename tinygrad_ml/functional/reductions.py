"""Functions that reduce axes: sums and means, extrema, softmax, norms.

Everywhere `axis` is None (all axes), an integer, or a tuple; it counts from the left, or from the
right if negative; `keepdims=True` keeps reduced axes with size 1.
"""

import functools
import math
from collections.abc import Callable
from typing import Concatenate, Never, ParamSpec

from ..backend import dtypes
from ..errors import OptionError, ShapeError
from ..kernels import products, rows
from ..ops import reduce
from ..ops.shapes import kept
from ..spellings import beyond_numpy, misspelt, spelt
from ..tensor import Tensor, TensorLike, apply, as_tensor
from ..totals import accumulator
from ..typing import Axes, DTypeLike
from .axes import axes_of
from .composed import composed
from .elementwise import abs, exp, isfinite, log, sqrt, where
from .manipulation import concat, permute_dims
from .whole import as_a_whole

P = ParamSpec("P")


def _reduce(op, x, axis, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    try:
        axes = axes_of(axis, x.ndim)
    except ShapeError as error:
        raise type(error)(f"{op.name} of {x._described()}: {error}") from None
    return apply(op, (x,), {"axis": axes, "keepdims": keepdims})


def _position(op, x, axis: int | None, keepdims: bool) -> Tensor:
    if isinstance(axis, (tuple, list)):
        raise ShapeError(f"{op.name} looks along one axis, or over all with axis=None, not along {axis}")
    return _reduce(op, x, axis, keepdims)


def floating(x: TensorLike) -> Tensor:
    """x as a tensor of a floating dtype: integers and bools as float32."""
    x = as_tensor(x)
    return x if dtypes.is_float(x.dtype) else x.astype(dtypes.DEFAULT_FLOAT)


def widened(x: Tensor) -> Tensor:
    """x in the dtype of its sums: squares and sums soon exceed 65504, the largest float16."""
    wide = accumulator(x.dtype)
    return x if wide is x.dtype else x.astype(wide)


def rounded(y: Tensor, x: Tensor) -> Tensor:
    """y, which was computed of `widened(x)`, in the dtype of x, if that is another."""
    return y if accumulator(x.dtype) is x.dtype else y.astype(x.dtype)


def _wide(function: Callable[Concatenate[Tensor, P], Tensor]) -> Callable[Concatenate[TensorLike, P], Tensor]:
    """`function` of float16 computed in the dtype of sums, and rounded once."""

    @functools.wraps(function)
    def reduction(x: TensorLike, *args: P.args, **kwargs: P.kwargs) -> Tensor:
        x = floating(x)
        return rounded(function(widened(x), *args, **kwargs), x)

    return reduction


def _in_dtype(x, dtype) -> Tensor:
    x = as_tensor(x)
    return x if dtype is None else x.astype(dtype)


def _long(dtype):
    """The dtype in which many numbers of `dtype` are added or multiplied: integers and bools take 64 bits."""
    return dtype if dtypes.is_float(dtype) else dtypes.uint64 if dtype.kind == "u" else dtypes.int64


def _count(x: Tensor, axis) -> int:
    return math.prod(x.shape[a] for a in axes_of(axis, x.ndim))


def sum(
    x: TensorLike,
    axis: Axes | None = None,
    keepdims: bool = False,
    dtype: DTypeLike | None = None,
    **typed: Never,
) -> Tensor:
    """Σ x over the axes. The gradient goes to every element alike. Over nothing it is 0."""
    if typed and beyond_numpy(typed):
        raise misspelt(sum, (x, axis, keepdims, dtype), typed)
    y = _reduce(reduce.sum_, _in_dtype(x, dtype), axis, keepdims)
    return y if dtype is None else y.astype(dtype)


@composed
@_wide
def mean(x: Tensor, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """(1/n) Σ x over the axes; integers give float32. Over nothing it is nan."""
    return _mean(x, axis=axes_of(axis, x.ndim), keepdims=keepdims)


@as_a_whole(rows.mean, rows.mean_gradient)
def _mean(x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    return _divide(sum(x, axis, keepdims), _count(x, axis))


def _divide(total: Tensor, count: float) -> Tensor:
    """total / count, nan where there is nothing to count. 1 / count would be rounded, and the mean of 41 ones not be 1."""
    return total / count if count > 0 else total * math.nan


def prod(
    x: TensorLike,
    axis: Axes | None = None,
    keepdims: bool = False,
    dtype: DTypeLike | None = None,
    **typed: Never,
) -> Tensor:
    """Π x over the axes, right to every order with zeros among the factors.

    Computed as a tree, halves multiplied with halves, so that no derivative divides by a factor.
    """
    if typed and beyond_numpy(typed):
        raise misspelt(prod, (x, axis, keepdims, dtype), typed)
    x = _in_dtype(x, dtype)
    wide = widened(x)
    if wide is not x:
        return rounded(prod(wide, axis, keepdims), x)
    axes = axes_of(axis, x.ndim)
    rest = [a for a in range(x.ndim) if a not in axes]
    shape = kept(x.shape, axes) if keepdims else tuple(x.shape[a] for a in rest)
    factors = permute_dims(x, (*rest, *axes)).reshape((*(x.shape[a] for a in rest), _count(x, axis)))
    if dtype is None:
        factors = factors.astype(_long(factors.dtype))
    n = factors.shape[-1]
    if n == 0:
        return sum(factors, -1).reshape(shape) + 1
    return (_prod(factors) if n > 1 else factors).reshape(shape)


@as_a_whole(products.prod, products.prod_gradient)
def _prod(x: Tensor) -> Tensor:
    """Along the last axis."""
    while (n := x.shape[-1]) > 1:
        half = n // 2
        product = x[..., :half] * x[..., half : 2 * half]
        x = concat([product, x[..., 2 * half :]], axis=-1) if n % 2 else product
    return x.reshape(x.shape[:-1])


def max(x: TensorLike, *more: Never, axis: Axes | None = None, keepdims: bool = False, **typed: Never) -> Tensor:
    """The largest element over the axes. Where several tie, they share the gradient evenly."""
    if more or (typed and beyond_numpy(typed)):
        raise misspelt(max, (x, *more), {"axis": axis, "keepdims": keepdims} | typed)
    return _reduce(reduce.max_, x, axis, keepdims)


def min(x: TensorLike, *more: Never, axis: Axes | None = None, keepdims: bool = False, **typed: Never) -> Tensor:
    """The smallest element over the axes. Where several tie, they share the gradient evenly."""
    if more or (typed and beyond_numpy(typed)):
        raise misspelt(min, (x, *more), {"axis": axis, "keepdims": keepdims} | typed)
    return _reduce(reduce.min_, x, axis, keepdims)


def argmax(x: TensorLike, axis: int | None = None, keepdims: bool = False, **typed: Never) -> Tensor:
    """The position (int64) of the first largest element along an axis; of the flattened tensor for None."""
    if typed:
        raise misspelt(argmax, (x, axis, keepdims), typed)
    return _position(reduce.argmax, x, axis, keepdims)


def argmin(x: TensorLike, axis: int | None = None, keepdims: bool = False, **typed: Never) -> Tensor:
    """The position (int64) of the first smallest element along an axis; of the flattened tensor for None."""
    if typed:
        raise misspelt(argmin, (x, axis, keepdims), typed)
    return _position(reduce.argmin, x, axis, keepdims)


def any(x: TensorLike, axis: Axes | None = None, keepdims: bool = False, **typed: Never) -> Tensor:
    """Whether some element over the axes is true (not 0)."""
    if typed and beyond_numpy(typed):
        raise misspelt(any, (x, axis, keepdims), typed)
    return _reduce(reduce.any_, x, axis, keepdims)


def all(x: TensorLike, axis: Axes | None = None, keepdims: bool = False, **typed: Never) -> Tensor:
    """Whether all elements over the axes are true (not 0)."""
    if typed and beyond_numpy(typed):
        raise misspelt(all, (x, axis, keepdims), typed)
    return _reduce(reduce.all_, x, axis, keepdims)


@composed
@_wide
def var(x: Tensor, *, axis: Axes | None = None, correction: float = 0, keepdims: bool = False) -> Tensor:
    """Σ (x - mean)² / (n - correction) over the axes; `correction=1` is the unbiased estimate."""
    freedom = _count(x, axis) - correction
    deviation = x - mean(x, axis, keepdims=True)
    return _divide(sum(deviation * deviation, axis, keepdims), freedom)


@composed
@_wide
def std(x: Tensor, *, axis: Axes | None = None, correction: float = 0, keepdims: bool = False) -> Tensor:
    """√var over the axes. Where all elements are equal, its gradient is 0."""
    return _sqrt_flat_at_zero(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _sqrt_flat_at_zero(x: Tensor) -> Tensor:
    """√x whose gradient at 0 is 0 instead of infinite."""
    zero = x == 0
    return where(zero, 0, sqrt(where(zero, 1, x)))


@composed
@_wide
def norm(x: Tensor, ord: float = 2, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """The vector norm (Σ |x|ᵖ)^(1/p) over the axes, p = `ord`; `math.inf` is max |x|, -inf min |x|, 0 counts.

    The gradient of a zero vector's norm is 0 (a subgradient), not nan. A norm of negative order is 0 as soon as one
    element is, and then has gradient 0 too.
    """
    if not isinstance(ord, (int, float)):
        raise OptionError(
            f"norm of order {ord!r}: the order of a vector norm is a number; see also tg.linalg.matrix_norm"
        )
    if ord == 2:
        return _sqrt_flat_at_zero(sum(x * x, axis, keepdims))
    if ord == 1:
        return sum(abs(x), axis, keepdims)
    if ord == math.inf:
        return max(abs(x), axis=axis, keepdims=keepdims)
    if ord == -math.inf:
        return min(abs(x), axis=axis, keepdims=keepdims)
    if ord == 0:
        return sum((x != 0).astype(x.dtype), axis, keepdims)
    if ord < 0 and not _count(x, axis):
        raise ShapeError(f"norm of order {ord} of shape {x.shape} over axis {axis}: the axis is empty")
    nothing = x == 0
    total = sum(where(nothing, 0, where(nothing, 1, abs(x)) ** ord), axis, keepdims)
    zero = total == 0 if ord > 0 else any(nothing, axis, keepdims)
    return where(zero, 0, where(zero, 1, total) ** (1 / ord))


def _shift(x: Tensor, axis) -> Tensor:
    """A constant near the largest element, so that exp(x - shift) cannot overflow."""
    top = max(x.detach(), axis=axis, keepdims=True)
    return where(isfinite(top), top, 0)


@composed
@_wide
def logsumexp(x: Tensor, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """ln Σ eˣ over the axes, without overflow. Where all x are -∞ it is -∞, with gradient 0; over nothing it is -∞ too."""
    axes = axes_of(axis, x.ndim)
    if not x.size and not _count(x, axes):
        return sum(x, axes, keepdims) - math.inf
    return _logsumexp(x, axis=axes, keepdims=keepdims)


@as_a_whole(rows.logsumexp, rows.logsumexp_gradient, left=("parts",))
def _logsumexp(x: Tensor, *, axis: tuple[int, ...], keepdims: bool) -> Tensor:
    shift = _shift(x, axis)
    total = sum(exp(x - shift), axis, keepdims=True)
    nothing = total == 0
    result = where(nothing, -math.inf, log(where(nothing, 1, total))) + shift
    return result if keepdims else result.reshape(reduce.reduced(x.shape, axis))


@composed
@_wide
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """yᵢ = exp xᵢ / Σ exp xⱼ along an axis (or several): positive numbers that sum to 1.

    Right for any finite size of x, and with entries of -∞ (they get 0). A row of only -∞ is nan, one of nothing
    stays that.
    """
    return _softmax(x, axis=axes_of(axis, x.ndim)) if x.size else x


@as_a_whole(rows.softmax, rows.softmax_gradient)
def _softmax(x: Tensor, *, axis: tuple[int, ...]) -> Tensor:
    e = exp(x - _shift(x, axis))
    return e / sum(e, axis, keepdims=True)


@composed
@_wide
def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """ln softmax(x) along an axis, right where softmax itself would round to 0."""
    return _log_softmax(x, axis=axes_of(axis, x.ndim)) if x.size else x


@as_a_whole(rows.log_softmax, rows.log_softmax_gradient)
def _log_softmax(x: Tensor, *, axis: tuple[int, ...]) -> Tensor:
    x = x - _shift(x, axis)
    return x - log(sum(exp(x), axis, keepdims=True))


@spelt
def count_nonzero(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """How many elements over the axes are not 0 (int64)."""
    return sum(as_tensor(x) != 0, axis, keepdims)
