"""Numbers brought to computed places: the opposite of `take_along_axis`."""

import builtins
import math

import numpy

from ..backend import dtypes
from ..errors import OptionError, ShapeError
from ..ops import Primitive
from ..ops.index import ARRAY, fill, getitem
from ..ops.index import scatter_add as scatter_add_row
from ..ops.primitive import zero
from ..ops.shapes import size
from ..spellings import misspelt, spelt
from ..tensor import Tensor, TensorLike, apply, as_tensor, beside
from .axes import one_axis
from .data_types import iinfo
from .elementwise import where
from .indexing import PLACES, _grid, _places, argsort, check_labels, take_along_axis
from .manipulation import concat


def _extremum_row(name: str, ufunc: str) -> Primitive:
    def value(xp, x, values, *arrays, index):
        y = x.copy()
        getattr(xp, ufunc).at(y, fill(index, arrays), values)
        return y

    def shares(x, values, y, indices, index):
        """The shares of x and of values in being the extremum: 1, or 1/n where n of them tie."""
        like = {"index": index, "shape": y.shape}
        own = (x == y).astype(dtypes.result_type(y.dtype, dtypes.float32))
        others = (values == y._apply(getitem, *indices, index=index)).astype(own.dtype)
        ties = own + others._apply(scatter_add_row, *indices, **like)
        return own / ties, others / ties._apply(getitem, *indices, index=index)

    return Primitive(
        name,
        value,
        lambda x, *_, **__: x,
        (
            lambda g, x, values, y, indices, index: g * shares(x, values, y, indices, index)[0],
            lambda g, x, values, y, indices, index: (
                g._apply(getitem, *indices, index=index) * shares(x, values, y, indices, index)[1]
            ),
            zero,
        ),
        inputs=("x", "values", "indices*"),
        formula=f"x, and at [{{index}}] the {ufunc} of x and values",
        local=("1 where x = y, shared among ties, else 0", "1 where values = y, shared among ties, else 0", "0"),
        flops=lambda y, x, values, *_: size(values),
    )


scatter_max_row = _extremum_row("scatter_max", "maximum")
scatter_min_row = _extremum_row("scatter_min", "minimum")


class _Target:
    """Places along an axis of x to which `values` go, both checked: `indices` and `values` are of one shape."""

    def __init__(self, x: TensorLike, indices: TensorLike, values: TensorLike, axis: int, name: str):
        self.x = x = as_tensor(x)
        self.values = values = beside(values, x)
        self.indices = indices = _places(indices, x)
        if not indices.ndim == x.ndim == values.ndim or indices.shape != values.shape or not x.ndim:
            raise ShapeError(
                f"{name} needs indices and values of one shape with {x.ndim} axes, not {indices.shape} and {values.shape}"
            )
        self.axis = one_axis(axis, x.ndim)
        check_labels(indices, x.shape[self.axis], name, PLACES)
        rows = _of_rows(indices, x.shape, self.axis)
        self.grid = _walk_along(indices, self.axis, x) if rows is None else [rows]
        self.index = (ARRAY,) * len(self.grid)

    def added(self, values: Tensor) -> Tensor:
        """Zeros in the shape of x, with `values` added at the places."""
        return apply(scatter_add_row, (values, *self.grid), {"index": self.index, "shape": self.x.shape})

    def counts(self) -> Tensor:
        """How many values go to each place of x."""
        return self.added(as_tensor(1, dtypes.int64, self.x.device).broadcast_to(self.values.shape))

    def extremum(self, op: Primitive, x: Tensor) -> Tensor:
        return apply(op, (x, self.values.astype(x.dtype), *self.grid), {"index": self.index})


@spelt
def scatter_add(x: TensorLike, indices: TensorLike, values: TensorLike, axis: int = 0) -> Tensor:
    """x with `values` added at places along an axis: y[.., indices[.., i, ..], ..] += values[.., i, ..].

    `indices` and `values` have one shape, with the axes of x; a place named twice receives both.
    """
    if isinstance(indices, int):
        raise misspelt(scatter_add, (x, indices, values, axis), {})
    target = _Target(x, indices, values, axis, "scatter_add")
    return target.x + target.added(target.values)


@spelt
def index_add(x: TensorLike, axis: int, indices: TensorLike, values: TensorLike, alpha: float = 1) -> Tensor:
    """x with slices added at places along an axis: y[.., indices[i], ..] += alpha · values[.., i, ..].

    `indices` has one axis, of n integers, and `values` the shape of x but for n along `axis`; a place named twice
    receives both.

    Raises `ShapeError` for other shapes, `RangeError` for a place that x does not have.
    """
    x = as_tensor(x)
    values, indices, axis = beside(values, x), _places(indices, x), one_axis(axis, x.ndim)
    wanted = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    if indices.ndim != 1 or values.shape != wanted:
        raise ShapeError(
            f"index_add along axis {axis} of {x._described()} needs n indices and values of shape "
            f"{(*x.shape[:axis], 'n', *x.shape[axis + 1 :])}, not {indices.shape} and {values.shape}"
        )
    check_labels(indices, x.shape[axis], "index_add", PLACES)
    index = (*(builtins.slice(None),) * axis, ARRAY)
    added = values if alpha == 1 else values * alpha
    return x + apply(scatter_add_row, (added, indices), {"index": index, "shape": x.shape})


@spelt
def scatter(
    x: TensorLike,
    indices: TensorLike,
    values: TensorLike,
    axis: int = 0,
    reduce: str | None = None,
    include_self: bool = True,
) -> Tensor:
    """x with `values` brought to places along an axis: y[.., indices[.., i, ..], ..] = values[.., i, ..].

    `indices` and `values` have one shape, with the axes of x.

    reduce        what becomes of several values for one place: None, the last one stays; "sum", "prod", "mean", "max"
                  or "min" of them, where extrema that tie share the gradient
    include_self  whether x itself is among them; where nothing arrives it stays in any case
    """
    if isinstance(indices, int):
        raise misspelt(scatter, (x, indices, values, axis), {})
    target = _Target(x, indices, values, axis, "scatter")
    x = target.x
    if reduce is None:
        order, last = _groups(target)
        written = take_along_axis(target.values, order, target.axis)
        return where(target.counts() > 0, _brought(target, order, where(last, written, 0)), x)
    if reduce not in _REDUCTIONS:
        raise OptionError(f"scatter's reduce is None or one of {', '.join(map(repr, _REDUCTIONS))}, not {reduce!r}")
    return _REDUCTIONS[reduce](target, target.counts(), include_self)


def _sum(target: _Target, counts: Tensor, include_self: bool) -> Tensor:
    own = target.x if include_self else where(counts > 0, 0, target.x)
    return own + target.added(target.values)


def _mean(target: _Target, counts: Tensor, include_self: bool) -> Tensor:
    total = _sum(target, counts, include_self)
    size = counts + 1 if include_self else where(counts > 0, counts, 1)
    return total / size if dtypes.is_float(total.dtype) else total // size


def _prod(target: _Target, counts: Tensor, include_self: bool) -> Tensor:
    order, last = _groups(target)
    factors = take_along_axis(target.values, order, target.axis)
    places = take_along_axis(target.indices, order, target.axis)
    lead = (builtins.slice(None),) * target.axis
    shift = 1
    while shift < factors.shape[target.axis]:  # the product of the last 2ˢ that have the same place; nothing divides
        head, before, behind = ((*lead, builtins.slice(*ends)) for ends in ((0, shift), (0, -shift), (shift, None)))
        together = where(places[before] == places[behind], factors[before], 1) * factors[behind]
        factors = concat([factors[head], together], axis=target.axis)
        shift *= 2
    product = where(counts > 0, _brought(target, order, where(last, factors, 0)), 1)
    return target.x * product if include_self else where(counts > 0, product, target.x)


def _extremum(op, least: float):
    def extremum(target: _Target, counts: Tensor, include_self: bool) -> Tensor:
        x = target.x
        if not include_self:
            limits = (-math.inf, math.inf) if dtypes.is_float(x.dtype) else (iinfo(x).min, iinfo(x).max)
            x = where(counts > 0, limits[least > 0], x)
        return target.extremum(op, x)

    return extremum


_REDUCTIONS = {
    "sum": _sum,
    "prod": _prod,
    "mean": _mean,
    "max": _extremum(scatter_max_row, -math.inf),
    "min": _extremum(scatter_min_row, math.inf),
}


def _groups(target: _Target) -> tuple[Tensor, Tensor]:
    """The order in which values for one place stand side by side, and which of them is the last for its place."""
    order = argsort(target.indices, target.axis)
    places = take_along_axis(target.indices, order, target.axis)
    lead = (builtins.slice(None),) * target.axis
    end = as_tensor(True, device=target.x.device).broadcast_to(places[(*lead, builtins.slice(0, 1))].shape)
    differs = places[(*lead, builtins.slice(1, None))] != places[(*lead, builtins.slice(0, -1))]
    return order, concat([differs, end], axis=target.axis)


def _brought(target: _Target, order: Tensor, values: Tensor) -> Tensor:
    """`values`, which stand in the order `order`, added into zeros at their places."""
    places = take_along_axis(target.indices, order, target.axis)
    grid = _walk_along(places, target.axis, target.x)
    return apply(scatter_add_row, (values, *grid), {"index": (ARRAY,) * len(grid), "shape": target.x.shape})


def _walk_along(indices: Tensor, axis: int, x: Tensor) -> list[Tensor]:
    """An index of x that goes along `axis` as `indices` say, and straight along the other axes."""
    return [_places(place, x) for place in _grid(indices, axis)]


def _of_rows(indices: Tensor, shape: tuple[int, ...], axis: int) -> Tensor | None:
    """The numbers of rows, if `indices` have one for each whole row, broadcast along it; None otherwise."""
    array = indices._data
    known = isinstance(array, numpy.ndarray) and array.size > 0
    if axis or not known or array.ndim < 2 or array.shape[1:] != shape[1:] or any(array.strides[1:]):
        return None
    return Tensor(array[(builtins.slice(None), *[0] * (array.ndim - 1))])
