"""Statistics of many numbers: quantiles, histograms, means with weights, correlations, integrals; and with nan left out.

Names are NumPy's. `axis` and `keepdims` are as in `reductions.py`.
"""

import builtins
import math
from collections.abc import Callable

import numpy

from ..backend import Absent, dtypes
from ..errors import DTypeError, OptionError, ShapeError
from ..modes import modes
from ..ops.shapes import kept, reduced
from ..tensor import Tensor, TensorLike, as_tensor, beside
from ..typing import Axes
from .axes import axes_of
from .composed import composed
from .cumulative import cumulative_prod, cumulative_sum
from .elementwise import floor, isnan, sqrt, where
from .indexing import check_labels, need_numbers, searchsorted, sort
from .linear_algebra import matmul
from .manipulation import concat, moveaxis, permute_dims
from .reductions import argmax, argmin, floating, max, mean, min, prod, rounded, sum, widened
from .scattering import scatter_add

QUANTILE_METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


def ptp(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """max x - min x over the axes."""
    return max(x, axis=axis, keepdims=keepdims) - min(x, axis=axis, keepdims=keepdims)


@composed
def average(x: TensorLike, axis: Axes | None = None, weights: TensorLike | None = None) -> Tensor:
    """Σ w·x / Σ w over the axes; the mean without weights. The weights have the shape of x, or are one for each place
    along the one axis."""
    x = floating(x)
    if weights is None:
        return mean(x, axis)
    weights = floating(beside(weights, x))
    if weights.shape != x.shape:
        if axis is None or weights.ndim != 1:
            raise ShapeError(
                f"average needs weights of the shape of {x._described()}, or one for each place along an axis, not {weights.shape}"
            )
        (axis,) = axes_of(axis, x.ndim)
        weights = weights.reshape([-1 if place == axis else 1 for place in range(x.ndim)])
    weights = weights.broadcast_to(x.shape)
    return sum(x * weights, axis) / sum(weights, axis)


@composed
def quantile(
    x: TensorLike,
    q: TensorLike,
    axis: Axes | None = None,
    keepdims: bool = False,
    method: str = "linear",
) -> Tensor:
    """The number below which the share q of the elements over the axes lies.

    q       a number from 0 to 1, or several, for which the result has a first axis
    method  what is taken between two neighbours: on the line between them ("linear"), "lower", "higher", "nearest", or
            their mean ("midpoint")

    Gradients go to the neighbours. nan where an element is nan; over nothing too.
    Raises `OptionError` for a method that is none of these, and for a q beyond 0 and 1.
    """
    x = floating(x)
    return _quantiles(x, q, axis, keepdims, method, None)


@composed
def median(x: TensorLike, *, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """The middle number over the axes, of an even count the lower of the two in the middle, as PyTorch's.

    The mean of the two, which is NumPy's median, is `quantile(x, 0.5)`. nan where an element is nan; over nothing too.
    """
    return quantile(x, 0.5, axis, keepdims, "lower")


@composed
def nanquantile(
    x: TensorLike, q: TensorLike, axis: Axes | None = None, keepdims: bool = False, method: str = "linear"
) -> Tensor:
    """`quantile` of the elements that are not nan; nan where all are."""
    x = floating(x)
    return _quantiles(x, q, axis, keepdims, method, sum(~isnan(_joined(x, axis)), -1))


@composed
def nanmedian(x: TensorLike, *, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """`median` of the elements that are not nan; nan where all are."""
    return nanquantile(x, 0.5, axis, keepdims, "lower")


def _joined(x: Tensor, axis: Axes | None) -> Tensor:
    """x with the axes as one, the last."""
    axes = axes_of(axis, x.ndim)
    rest = [a for a in range(x.ndim) if a not in axes]
    shape = [x.shape[a] for a in rest]
    return permute_dims(x, (*rest, *axes)).reshape((*shape, math.prod(x.shape[a] for a in axes)))


def _quantiles(
    x: Tensor, q: TensorLike, axis: Axes | None, keepdims: bool, method: str, counts: Tensor | None
) -> Tensor:
    if method not in QUANTILE_METHODS:
        raise OptionError(f"quantile: method={method!r} is not one of {', '.join(map(repr, QUANTILE_METHODS))}")
    shares = numpy.asarray(q.numpy() if isinstance(q, Tensor) else q, dtype=numpy.float64)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise OptionError(f"quantile: q={q!r} must be from 0 to 1")
    axes = axes_of(axis, x.ndim)
    shape = kept(x.shape, axes) if keepdims else reduced(x.shape, axes)
    ordered = sort(_joined(x, axis), axis=-1)  # nan comes last
    n = ordered.shape[-1]
    if not n:
        return (sum(ordered, -1) + math.nan).broadcast_to((*shares.shape, *reduced(x.shape, axes)))
    spoilt = isnan(ordered[..., -1]) if counts is None else counts == 0
    found = [
        where(spoilt, math.nan, _at(ordered, float(share), counts, method)).reshape((1, *shape))
        for share in shares.flat
    ]
    return concat(found, 0).reshape((*shares.shape, *shape))


def _at(ordered: Tensor, share: float, counts: Tensor | None, method: str) -> Tensor:
    """The number at a share of the way along the last axis, whose first `counts` elements count."""
    if counts is None:
        place = share * (ordered.shape[-1] - 1)
        low = math.floor(place)
        first, second = ordered[..., low], ordered[..., math.ceil(place)]
        beyond: float | Tensor = place - low
        middle = beyond * 0 + 0.5 if beyond else 0.0
        nearest = float(round(place) - low)
    else:
        reach = where(counts > 0, counts - 1, 0).astype(dtypes.float64) * share
        low_place = floor(reach)
        first, second = (_picked(ordered, end) for end in (low_place, -floor(-reach)))
        beyond = (reach - low_place).astype(ordered.dtype)
        middle, nearest = where(beyond > 0, 0.5, 0.0), (reach.round() - low_place).astype(ordered.dtype)
    step = {"linear": beyond, "lower": 0.0, "higher": 1.0, "nearest": nearest, "midpoint": middle}[method]
    return first + (second - first) * step


def _picked(ordered: Tensor, place: Tensor) -> Tensor:
    """The element at a place of its own in each row."""
    return ordered.take_along_axis(place.astype(dtypes.int64).expand_dims(-1), -1).squeeze(-1)


def _filled(x: TensorLike, value: float) -> Tensor:
    x = as_tensor(x)
    return where(isnan(x), value, x) if dtypes.is_float(x.dtype) else x


def _numbers(x: Tensor, axis: Axes | None, keepdims: bool) -> Tensor:
    """How many elements are no nan."""
    return sum(~isnan(x), axis, keepdims)


def nansum(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """Σ x over the axes, without what is nan."""
    return sum(_filled(x, 0), axis, keepdims)


def nanprod(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """Π x over the axes, without what is nan."""
    return prod(_filled(x, 1), axis, keepdims)


def nancumsum(x: TensorLike, axis: int | None = None) -> Tensor:
    """Running sums along an axis, what is nan counting as 0."""
    return cumulative_sum(_filled(x, 0), axis)


def nancumprod(x: TensorLike, axis: int | None = None) -> Tensor:
    """Running products along an axis, what is nan counting as 1."""
    return cumulative_prod(_filled(x, 1), axis)


def _nan_extremum(extremum: Callable, limit: float) -> Callable:
    def found(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
        x = as_tensor(x)
        if not dtypes.is_float(x.dtype):
            return extremum(x, axis=axis, keepdims=keepdims)
        nothing = _numbers(x, axis, keepdims) == 0
        return where(nothing, math.nan, extremum(where(isnan(x), limit, x), axis=axis, keepdims=keepdims))

    return found


def _nan_position(position: Callable, limit: float) -> Callable:
    def found(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
        x = as_tensor(x)
        if not dtypes.is_float(x.dtype):
            return position(x, axis, keepdims)
        nothing = _numbers(x, axis, keepdims) == 0
        return where(nothing, -1, position(where(isnan(x), limit, x), axis, keepdims))

    return found


def nanmax(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """The largest element over the axes that is not nan; nan where all are. Ties share the gradient."""
    return _nan_extremum(max, -math.inf)(x, axis, keepdims)


def nanmin(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """The smallest element over the axes that is not nan; nan where all are. Ties share the gradient."""
    return _nan_extremum(min, math.inf)(x, axis, keepdims)


def nanargmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where (int64) the first largest element that is not nan stands; -1 where all are nan."""
    return _nan_position(argmax, -math.inf)(x, axis, keepdims)


def nanargmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where (int64) the first smallest element that is not nan stands; -1 where all are nan."""
    return _nan_position(argmin, math.inf)(x, axis, keepdims)


def nanmean(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """(1/n) Σ x over the n elements that are not nan; nan where all are."""
    x = floating(x)
    wide = widened(x)
    return rounded(nansum(wide, axis, keepdims) / _numbers(x, axis, keepdims).astype(wide.dtype), x)


def nanvar(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """The mean of (x - nanmean)² over the elements that are not nan; nan where all are."""
    x = floating(x)
    wide = widened(x)
    center = nanmean(wide, axis, True)
    deviation = where(isnan(wide), center, wide) - center
    return rounded(sum(deviation**2, axis, keepdims) / _numbers(wide, axis, keepdims).astype(wide.dtype), x)


def nanstd(x: TensorLike, axis: Axes | None = None, keepdims: bool = False) -> Tensor:
    """√nanvar over the axes. Where all elements are equal, its gradient is 0."""
    variance = nanvar(x, axis, keepdims)
    flat = variance == 0
    return where(flat, 0, sqrt(where(flat, 1, variance)))


def bincount(x: TensorLike, weights: TensorLike | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs among the integers x (int64), or Σ of the weights of those that are.

    x          integers of 0 or more, of 1 axis
    minlength  the least length of the result, which ends with the largest x otherwise. Where the numbers of x are not known
               (symbols, functions that `tg.compile` records) it is the length

    The weights have gradients. Raises `DTypeError` for floats, `RangeError` for negative numbers.
    """
    x = as_tensor(x)
    if x.dtype.kind not in "iub" or x.ndim != 1:
        raise DTypeError(f"bincount counts integers of 1 axis, and not {x._described()}")
    x = x.astype(dtypes.int64)
    length = minlength
    if not minlength or not (isinstance(x._data, Absent) or modes.recorder is not None):
        need_numbers(x, "bincount without minlength", "the largest number")
        length = builtins.max(int(x.max().item()) + 1 if x.size else 0, minlength)
    check_labels(x, length, "bincount")
    if weights is None:
        weights = as_tensor(1, dtypes.int64, x.device).broadcast_to(x.shape)
    weights = beside(weights, x)
    return scatter_add(as_tensor(0, weights.dtype, x.device).broadcast_to((length,)), x, weights)


def digitize(x: TensorLike, bins: TensorLike, right: bool = False) -> Tensor:
    """Between which of the ascending edges `bins` each x lies (int64): i with bins[i - 1] ≤ x < bins[i]; for `right`
    with bins[i - 1] < x ≤ bins[i]. Any shape of x."""
    return searchsorted(bins, x, "left" if right else "right")


def histogram(
    x: TensorLike, bins: int = 10, range: tuple[float, float] | None = None, weights: TensorLike | None = None
) -> tuple[Tensor, Tensor]:
    """(how many elements lie in each of `bins` intervals of one width, the bins + 1 edges).

    range    from where to where, by default from the smallest x to the largest; what lies beyond does not count
    weights  of the elements, which are added up then, and have gradients
    """
    x = floating(x).reshape(-1)
    if not isinstance(bins, int) or bins < 1:
        raise OptionError(f"histogram: bins={bins!r} is the number of intervals, 1 or more")
    if range is None:
        need_numbers(x, "histogram without range", "from where to where it goes")
        range = (float(x.min().item()), float(x.max().item())) if x.size else (0.0, 1.0)
    low, high = range
    if low > high:
        raise OptionError(f"histogram: range={range} must go from a smaller to a larger number")
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = as_tensor(numpy.linspace(low, high, bins + 1), x.dtype, x.device)
    inside = (x >= edges[0]) & (x <= edges[-1])
    place = where(inside, searchsorted(edges[1:-1], x, "right"), bins)
    counted = bincount(place, None if weights is None else as_tensor(weights).reshape(-1), bins + 1)
    return counted[:bins], edges


@composed
def corrcoef(x: TensorLike) -> Tensor:
    """Rᵢⱼ = Cᵢⱼ / √(Cᵢᵢ Cⱼⱼ): the correlations of the variables, which are the rows of x, over the columns."""
    x = floating(x)
    if x.ndim > 2:
        raise ShapeError(f"corrcoef takes variables as rows of a matrix, but got {x._described()}")
    rows = x.reshape((1, -1)) if x.ndim < 2 else x
    deviation = rows - mean(rows, 1, True)
    unit = deviation / sqrt(sum(deviation * deviation, 1, True))
    r = matmul(unit, unit.mT).clip(-1, 1)
    return r if x.ndim == 2 else r.reshape(())


@composed
def trapezoid(y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """∫ y dx along an axis by the trapezoidal rule: Σ (xₖ₊₁ - xₖ)·(yₖ₊₁ + yₖ)/2, or with steps of dx where there is no x.

    x  of the shape of y, or of 1 axis
    """
    y = floating(y)
    y = moveaxis(y, axis, -1)
    if x is None:
        return sum(y[..., 1:] + y[..., :-1], -1) * (dx / 2)
    x = floating(beside(x, y))
    x = x if x.ndim == 1 else moveaxis(x, axis, -1)
    return sum((x[..., 1:] - x[..., :-1]) * (y[..., 1:] + y[..., :-1]), -1) / 2
