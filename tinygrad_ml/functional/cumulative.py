"""Running totals and products along an axis, and the opposite of totals: differences of neighbours."""

import builtins
import math

import numpy

from ..backend import dtypes, of
from ..errors import OptionError, ShapeError
from ..kernels import rows, scans
from ..ops import Primitive
from ..ops.shapes import kept, same
from ..spellings import spelt
from ..tensor import Tensor, TensorLike, apply, as_tensor, beside
from ..totals import accumulator
from ..typing import DTypeLike
from .axes import one_axis
from .creation import zeros_like
from .elementwise import logaddexp
from .manipulation import concat
from .reductions import _in_dtype, _long, _wide, rounded, widened
from .whole import as_a_whole


def _running_total(xp, x, axis):
    y = scans.running_total(x, axis) if isinstance(x, numpy.ndarray) else None
    if y is not None:
        return y
    if not dtypes.is_float(x.dtype):
        return xp.cumsum(x, axis=axis)
    return xp.cumsum(x, axis=axis, dtype=accumulator(x.dtype, running=True)).astype(x.dtype, copy=False)


cumulative_sum_row = Primitive(
    "cumulative_sum",
    _running_total,
    same,
    (lambda g, axis: g.flip(axis).cumulative_sum(axis).flip(axis),),
    batch=lambda x, axis: x._apply(cumulative_sum_row, axis=axis + 1),
    formula="Σ x up to each place along axis {axis}",
    local=("1 for each later y",),
    dtype=lambda x, **_: x if dtypes.is_float(x) else numpy.cumsum(numpy.empty(0, x)).dtype,
)


def _running_product(xp, x, axis):
    y = scans.running_product(x, axis) if isinstance(x, numpy.ndarray) else None
    return xp.cumprod(x, axis=axis, dtype=x.dtype) if y is None else y


def _running_product_gradient(g, x, y, axis):
    """Of each factor it is what stands in front of it, and what comes behind it goes through it: no factor divides."""
    behind = _backwards(g, x, axis)
    first, later, earlier = _ends(axis)
    return concat([behind[first], behind[later] * y[earlier]], axis=axis)


cumulative_prod_row = Primitive(
    "cumulative_prod",
    _running_product,
    same,
    (_running_product_gradient,),
    batch=lambda x, axis: x._apply(cumulative_prod_row, axis=axis + 1),
    formula="Π x up to each place along axis {axis}",
    local=("Π of the other x, for each later y",),
)


def _recurrence(xp, x, a, axis):
    if not isinstance(x, numpy.ndarray):
        return _by_doubling(xp, x, a, axis)
    y = scans.recurrence(x, a, axis)
    if y is None:
        y = _by_doubling(xp, x, a, axis)
        return y if numpy.isfinite(y).all() else _by_ones(x, a, axis)
    return y


def _by_ones(x, a, axis):
    """yₖ = xₖ + aₖ₋₁·yₖ₋₁, one after the other, as the loops have it: ∞ stays what halves of it, ∞ and -∞, are not together."""
    y = numpy.empty_like(x)
    xs, factors, ys = (numpy.moveaxis(z, axis, 0) for z in (x, a, y))
    total = numpy.zeros(xs.shape[1:], accumulator(x.dtype, running=True))
    for k in range(len(xs)):
        total = total + xs[k]
        ys[k] = total
        total = total * factors[k]
    return y


def _by_doubling(xp, x, a, axis):
    """yₖ = xₖ + aₖ₋₁·yₖ₋₁: after step s every element has what comes of the last 2ˢ, and every factor is as many multiplied."""
    wide = accumulator(x.dtype, running=True)
    y = xp.moveaxis(x, axis, -1).astype(wide)
    factor = xp.empty(y.shape, wide)
    factor[..., 1:] = xp.moveaxis(a, axis, -1)[..., :-1]
    shift = 1
    while shift < y.shape[-1]:
        y[..., shift:] += factor[..., shift:] * y[..., :-shift]
        factor[..., shift:] = factor[..., shift:] * factor[..., :-shift]
        shift *= 2
    return xp.ascontiguousarray(xp.moveaxis(y, -1, axis).astype(x.dtype))


def _recurrence_gradient_of_factors(g, a, y, axis):
    first, later, earlier = _ends(axis)
    share = _recurrence_gradient(g, a, axis)
    return concat([share[later] * y[earlier], zeros_like(share[first])], axis=axis)  # the last has nothing behind it


def _recurrence_gradient(g, a, axis):
    """The gradient runs the other way, with the factor in front of each."""
    first, _, earlier = _ends(axis)
    return _backwards(g, concat([a[first], a[earlier]], axis=axis), axis)


recurrence_row = Primitive(
    "recurrence",
    _recurrence,
    lambda x, a, axis: x,
    (_recurrence_gradient, _recurrence_gradient_of_factors),
    inputs=("x", "a"),
    batch=lambda x, a, axis: x._apply(recurrence_row, a, axis=axis + 1),
    formula="x + a·y of the place before, along axis {axis}",
    local=("the product of a up to each later y", "y, and the product of a up to each later y"),
)


def _backwards(x, a, axis):
    return recurrence_row(x.flip(axis), a.flip(axis), axis=axis).flip(axis)


def _ends(axis):
    """Along an axis: the first place, all but that, all but the last one."""
    lead = (builtins.slice(None),) * axis
    parts = (builtins.slice(0, 1), builtins.slice(1, None), builtins.slice(0, -1))
    return [(*lead, part) for part in parts]


@spelt
def cumulative_sum(
    x: TensorLike, axis: int | None = None, include_initial: bool = False, dtype: DTypeLike | None = None
) -> Tensor:
    """yₖ = x₀ + … + xₖ along an axis, which may be left out for 1-D; `include_initial` puts a 0 in front."""

    def scan(x, axis):
        y = apply(cumulative_sum_row, (x,), {"axis": axis})
        return y if dtype is None else y.astype(dtype)

    return _cumulate(scan, _in_dtype(x, dtype), axis, include_initial, 0)


@spelt
def cumulative_prod(
    x: TensorLike, axis: int | None = None, include_initial: bool = False, dtype: DTypeLike | None = None
) -> Tensor:
    """yₖ = x₀ · … · xₖ along an axis, which may be left out for 1-D; right with zeros among the factors."""
    x = _in_dtype(x, dtype)
    x = x.astype(_long(x.dtype)) if dtype is None else x
    scan = lambda x, axis: rounded(apply(cumulative_prod_row, (widened(x),), {"axis": axis}), x)  # noqa: E731
    return _cumulate(scan, x, axis, include_initial, 1)


@spelt
@_wide
def cumulative_logsumexp(x: Tensor, axis: int | None = None, include_initial: bool = False) -> Tensor:
    """yₖ = ln(exp x₀ + … + exp xₖ) along an axis, without overflow; `include_initial` puts a -∞ in front."""
    scan = lambda x, axis: rounded(_running_logsumexp(widened(x), axis=axis), x)  # noqa: E731
    return _cumulate(scan, x, axis, include_initial, -math.inf)


@as_a_whole(rows.running_logsumexp, rows.running_logsumexp_gradient, worth=rows.worth_running_on)
def _running_logsumexp(x: Tensor, *, axis: int) -> Tensor:
    """By doubling: after step s every element holds what comes of the last 2ˢ. No derivative divides or subtracts."""
    lead = (builtins.slice(None),) * axis
    shift = 1
    while shift < x.shape[axis]:
        moved = logaddexp(x[(*lead, builtins.slice(0, -shift))], x[(*lead, builtins.slice(shift, None))])
        x = concat([x[(*lead, builtins.slice(0, shift))], moved], axis=axis)
        shift *= 2
    return x


def _cumulate(scan, x, axis: int | None, include_initial: bool, initial: float) -> Tensor:
    x = as_tensor(x)
    if axis is None and x.ndim > 1:
        raise ShapeError(f"a cumulative operation on shape {x.shape} needs to know along which axis: pass axis=")
    if not x.ndim:
        x = x.reshape(1)
    axis = one_axis(-1 if axis is None else axis, x.ndim)
    y = scan(x, axis)
    if include_initial:
        first = of(x._data).filled((*x.shape[:axis], 1, *x.shape[axis + 1 :]), initial, y.dtype, x.device.index)
        y = concat([Tensor(first), y], axis=axis)
    return y


def _end(end, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """What `diff` joins to x: numbers in the dtype of x, as often as it takes."""
    if isinstance(end, (int, float)):
        end = as_tensor(end, dtypes.number_dtype(end, x.dtype), x.device)
    end = beside(end, x)
    return end if end.ndim else end.broadcast_to(shape)


@spelt
def diff(
    x: TensorLike, n: int = 1, axis: int = -1, prepend: TensorLike | None = None, append: TensorLike | None = None
) -> Tensor:
    """yₖ = xₖ₊₁ - xₖ along an axis, n times; `prepend` and `append` are joined to x before."""
    x = as_tensor(x)
    if not x.ndim:
        raise ShapeError("diff needs an axis along which numbers differ, but got a 0-d tensor")
    if not isinstance(n, int) or n < 0:
        raise OptionError(f"diff is taken n times, a whole number of 0 or more, not {n!r}")
    axis = one_axis(axis, x.ndim)
    if not n:
        return x
    ends = [None if end is None else _end(end, x, kept(x.shape, (axis,))) for end in (prepend, append)]
    if ends != [None, None]:
        x = concat([part for part in (ends[0], x, ends[1]) if part is not None], axis)
    lead = (builtins.slice(None),) * axis
    for _ in range(n):
        later, earlier = x[(*lead, builtins.slice(1, None))], x[(*lead, builtins.slice(0, -1))]
        x = later != earlier if x.dtype == dtypes.bool_ else later - earlier
    return x
