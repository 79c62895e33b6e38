"""Reductions: from many numbers to one along some axes. Axes arrive here as tuples counted from the left."""

import math
from collections.abc import Callable

import numpy

from ..backend import dtypes
from ..backend.sums import accumulator
from ..errors import ShapeError
from . import elementwise
from .primitive import Primitive
from .shapes import kept, reduced, same, size


def _input_size(_, x):
    return size(x)


def _spread(g, like, axis):
    """The gradient of a reduction, given back to every element that was reduced."""
    return g.reshape(kept(like.shape, axis)).broadcast_to(like.shape)


def _ties(x, y, axis):
    """For each element its share in being the extremum: 1, or 1/n where n of them tie.

    Counted in the dtype of sums: float16 cannot count beyond 2048.
    """
    winners = (x == y.reshape(kept(x.shape, axis))).astype(accumulator(x.dtype))
    return winners / winners.sum(axis=axis, keepdims=True)


sum_ = Primitive(
    "sum",
    lambda xp, x, axis, keepdims: xp.total(x, axis, keepdims),
    reduced,
    (lambda g, like, axis: _spread(g, like, axis),),
    formula="Σ x over {axis}",
    local=("1",),
    dtype=lambda x, **_: x if dtypes.is_float(x) else numpy.sum(numpy.empty(0, x)).dtype,
    flops=_input_size,
    fold=(elementwise.add, 0),
)


def _of_some(name: str, what: str) -> Callable:
    """The shape rule of a reduction that needs numbers; `what` an empty axis does not have."""

    def shape(x, axis, keepdims=False):
        if any(x[a] == 0 for a in axis):
            raise ShapeError(f"{name} of shape {x} over axis {axis}: an empty axis has no {what}")
        return reduced(x, axis, keepdims)

    return shape


def _extremum(name: str, fold: tuple[Primitive, float]) -> Primitive:
    return Primitive(
        name,
        lambda xp, x, axis, keepdims: getattr(xp, name)(x, axis=axis, keepdims=keepdims),
        _of_some(name, f"{name}imum"),
        (lambda g, y, x, like, axis: _spread(g, like, axis) * _ties(x, y, axis),),
        formula=f"{name} x over {{axis}}",
        local=("1 where x = y, shared among ties, else 0",),
        flops=_input_size,
        fold=fold,
    )


LARGEST, SMALLEST = (elementwise.maximum, -math.inf), (elementwise.minimum, math.inf)

max_ = _extremum("max", LARGEST)
min_ = _extremum("min", SMALLEST)


def _position(name: str, fold: tuple[Primitive, float]) -> Primitive:
    def value(xp, x, axis, keepdims):
        # Several axes at once means all of them: the position in the flattened tensor.
        over = axis[0] if len(axis) == 1 else None
        return getattr(xp, name)(x, axis=over, keepdims=keepdims).astype(numpy.int64)

    return Primitive(
        name,
        value,
        _of_some(name, "extremum"),
        formula=f"{name} x over {{axis}}",
        dtype=lambda x, **_: dtypes.int64,
        flops=_input_size,
        kind="position",
        fold=fold,
    )


argmax = _position("argmax", LARGEST)
argmin = _position("argmin", SMALLEST)


def _truth(name: str, fold: tuple[Primitive, float]) -> Primitive:
    return Primitive(
        name,
        lambda xp, x, axis, keepdims: getattr(xp, name)(x, axis=axis, keepdims=keepdims),
        reduced,
        formula=f"{name} x over {{axis}}",
        dtype=lambda x, **_: dtypes.bool_,
        flops=_input_size,
        fold=fold,
    )


any_ = _truth("any", (elementwise.logical_or, False))
all_ = _truth("all", (elementwise.logical_and, True))

cumulative_sum = Primitive(
    "cumulative_sum",
    lambda xp, x, axis: xp.running_total(x, axis),
    same,
    (lambda g, axis: g.flip(axis).cumulative_sum(axis).flip(axis),),
    formula="Σ x up to each place along axis {axis}",
    local=("1 for each later y",),
    dtype=lambda x, **_: x if dtypes.is_float(x) else numpy.cumsum(numpy.empty(0, x)).dtype,
)
