"""Operations that reduce axes: sums, means, extrema, quantiles, counts. Read before: `tensors.py`."""

from __future__ import annotations

from typing import Any

from ... import functional as tg
from ...backend import dtypes
from ...errors import OptionError
from ...tensor import Tensor
from .calls import operation
from .tensors import INDEX, float_of, likewise, tensor_of, tensors, whole_number

corrcoef, logsumexp, mean, ptp = likewise(tg.corrcoef), likewise(tg.logsumexp), likewise(tg.mean), likewise(tg.ptp)
nanmax, nanmean, nanmin = likewise(tg.nanmax), likewise(tg.nanmean), likewise(tg.nanmin)
nanstd, nanvar = likewise(tg.nanstd), likewise(tg.nanvar)

NARROW_DTYPES = frozenset((dtypes.bool_, dtypes.int8, dtypes.int16))


def _summable(x: Any) -> Tensor:
    """x in the dtype in which Keras adds it up: what is smaller than 32 bits takes 32."""
    x = tensor_of(x)
    if x.dtype in NARROW_DTYPES:
        return x.astype(dtypes.int32)
    return x.astype(dtypes.uint32) if x.dtype in (dtypes.uint8, dtypes.uint16) else x


@operation
def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Σ x over the axes."""
    x = _summable(x)
    return tg.sum(x, axis, keepdims).astype(x.dtype)


@operation
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """Π x over the axes."""
    x = _summable(x)
    return tg.prod(x, axis, keepdims, x.dtype if dtype is None else dtype)


@operation
def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """(1/n) Σ (x - mean)² over the axes."""
    return tg.var(tensor_of(x), axis=axis, keepdims=keepdims)


@operation
def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """√var over the axes."""
    return tg.std(tensor_of(x), axis=axis, keepdims=keepdims)


@operation
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The largest element over the axes, and `initial` at least."""
    y = tg.max(tensor_of(x), axis=axis, keepdims=keepdims)
    return y if initial is None else tg.maximum(y, initial)


@operation
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """The smallest element over the axes, and `initial` at most."""
    y = tg.min(tensor_of(x), axis=axis, keepdims=keepdims)
    return y if initial is None else tg.minimum(y, initial)


@operation
def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element over the axes."""
    return tg.max(tensor_of(x), axis=axis, keepdims=keepdims)


@operation
def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element over the axes."""
    return tg.min(tensor_of(x), axis=axis, keepdims=keepdims)


@operation
def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements over the axes are true."""
    return tg.all(tensor_of(x), axis, keepdims)


@operation
def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether some element over the axes is true."""
    return tg.any(tensor_of(x), axis, keepdims)


@operation
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where (int32) the first largest element along an axis stands."""
    return tg.argmax(tensor_of(x), axis, keepdims).astype(INDEX)


@operation
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where (int32) the first smallest element along an axis stands."""
    return tg.argmin(tensor_of(x), axis, keepdims).astype(INDEX)


@operation
def count_nonzero(x: Any, axis: Any = None) -> Tensor:
    """How many elements (int32) over the axes are not 0."""
    return tg.count_nonzero(tensor_of(x), axis).astype(INDEX)


@operation
def average(x: Any, axis: Any = None, weights: Any = None) -> Tensor:
    """Σ w·x / Σ w over the axes; the mean without weights."""
    return tg.average(tensor_of(x), axis, None if weights is None else tensor_of(weights))


@operation
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """(mean, variance) over the axes."""
    if synchronized:
        raise OptionError("moments: synchronized=True is not offered, as there is one device")
    x = float_of(x)
    return tg.mean(x, axes, keepdims), tg.var(x, axis=axes, keepdims=keepdims)


def _running(total: Any, x: Any, axis: int | None, dtype: Any) -> Tensor:
    x = tensor_of(x)
    if axis is None:
        x, axis = x.reshape(-1), 0
    dtype = (dtypes.int32 if x.dtype == dtypes.bool_ else x.dtype) if dtype is None else dtype
    return total(x.astype(dtype), axis).astype(dtype)


@operation
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running sums along an axis; of the flattened x for None."""
    return _running(tg.cumulative_sum, x, axis, dtype)


@operation
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running products along an axis; of the flattened x for None."""
    return _running(tg.cumulative_prod, x, axis, dtype)


@operation
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running sums along an axis, nan counting as 0."""
    return _running(tg.nancumsum, x, axis, dtype)


@operation
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Running products along an axis, nan counting as 1."""
    return _running(tg.nancumprod, x, axis, dtype)


@operation
def diff(a: Any, n: int = 1, axis: int = -1) -> Tensor:
    """yₖ = aₖ₊₁ - aₖ along an axis, n times."""
    return tg.diff(tensor_of(a), n, axis)


@operation
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """∫ y dx along an axis by the trapezoidal rule."""
    return tg.trapezoid(tensor_of(y), None if x is None else tensor_of(x), dx, axis)


@operation
def median(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The middle number over the axes, of an even count the mean of the two in the middle."""
    return tg.quantile(tensor_of(x), 0.5, axis, keepdims)


@operation
def quantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The number below which the share q of the elements over the axes lies."""
    return tg.quantile(tensor_of(x), q, axis, keepdims, method)


@operation
def percentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """The number below which q in a hundred of the elements over the axes lie."""
    return tg.quantile(tensor_of(x), float_of(q).astype("float64").numpy() / 100, axis, keepdims, method)


@operation
def nanmedian(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The middle number over the axes of those that are not nan."""
    return tg.nanquantile(tensor_of(x), 0.5, axis, keepdims)


@operation
def nanquantile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """`quantile` of the elements that are not nan."""
    return tg.nanquantile(tensor_of(x), q, axis, keepdims, method)


@operation
def nanpercentile(x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Tensor:
    """`percentile` of the elements that are not nan."""
    return tg.nanquantile(tensor_of(x), float_of(q).astype("float64").numpy() / 100, axis, keepdims, method)


@operation
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Σ x over the axes, without what is nan."""
    x = _summable(x)
    return tg.nansum(x, axis, keepdims).astype(x.dtype)


@operation
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Π x over the axes, without what is nan."""
    x = _summable(x)
    return tg.nanprod(x, axis, keepdims).astype(x.dtype)


@operation
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where (int32) the first largest element stands that is not nan; -1 where all are nan."""
    return tg.nanargmax(tensor_of(x), axis, keepdims).astype(INDEX)


@operation
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Where (int32) the first smallest element stands that is not nan; -1 where all are nan."""
    return tg.nanargmin(tensor_of(x), axis, keepdims).astype(INDEX)


@operation
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Tensor:
    """How often each of 0, 1, 2, ... occurs among the integers x, or Σ of the weights of those that are; of a matrix for
    each row. All rows have the length of the longest."""
    if sparse:
        raise OptionError("bincount: sparse=True is not offered, as there are no sparse tensors")
    x = tensor_of(x)
    weights = None if weights is None else tensor_of(weights)
    if x.ndim == 2:
        minlength = whole_number("length", tg.max(x)) + 1 if x.size and not x.symbolic else minlength
        rows = [bincount(row, None if weights is None else weights[i], minlength) for i, row in enumerate(x)]
        return tg.stack(rows)
    counted = tg.bincount(x, weights, minlength)
    return counted.astype(INDEX) if weights is None else counted


@operation
def histogram(x: Any, bins: int = 10, range: Any = None) -> tuple[Tensor, Tensor]:
    """(how many elements lie in each of `bins` intervals, the edges)."""
    x = float_of(x)
    counts, edges = tg.histogram(x, bins, range)
    return counts.astype(x.dtype), edges


@operation
def digitize(x: Any, bins: Any) -> Tensor:
    """Between which of the ascending edges each x lies (int32)."""
    return tg.digitize(*tensors(x, bins)).astype(INDEX)
