"""Reductions: from many numbers to one along some axes. Axes arrive here as tuples counted from the left."""

import math
from collections.abc import Callable
from typing import Any

import numpy

from ..backend import dtypes
from ..errors import ShapeError
from ..totals import accumulator
from . import elementwise
from .movement import broadcast_to
from .primitive import Primitive
from .shapes import kept, reduced


def spread(g: Any, like: Any, axis: tuple[int, ...]) -> Any:
    """The gradient of a reduction, a tensor or a NumPy array, given back to every element that was reduced."""
    return broadcast_to(g.reshape(kept(like.shape, axis)), shape=like.shape)


def _ties(x, y, axis):
    """For each element its share in being the extremum: 1, or 1/n where n of them tie, counted in the dtype of sums."""
    winners = (x == y.reshape(kept(x.shape, axis))).astype(accumulator(x.dtype))
    return winners / sum_(winners, axis=axis, keepdims=True)


def _reduction(
    name: str, fold: tuple[Primitive, float], shape: Callable = reduced, value: Callable | None = None, **facts: Any
) -> Primitive:
    """A row whose value, if none is given, is what NumPy has by the same name."""
    value = value or (lambda xp, x, axis, keepdims: getattr(xp, name)(x, axis=axis, keepdims=keepdims))
    facts = {"formula": f"{name} x over {{axis}}"} | facts
    return Primitive(name, value, shape, fold=fold, **facts)


def _of_some(name: str, what: str) -> Callable:
    """The shape rule of a reduction that needs numbers; `what` an empty axis does not have."""

    def shape(x, axis, keepdims=False):
        if any(x[a] == 0 for a in axis):
            raise ShapeError(f"{name} of shape {x} over axis {axis}: an empty axis has no {what}")
        return reduced(x, axis, keepdims)

    return shape


def _position(name: str, fold: tuple[Primitive, float]) -> Primitive:
    def value(xp, x, axis, keepdims):
        over = axis[0] if len(axis) == 1 else None  # several axes are all of them: the position in the flattened tensor
        return getattr(xp, name)(x, axis=over, keepdims=keepdims).astype(numpy.int64)

    return _reduction(name, fold, _of_some(name, "extremum"), value, dtype=lambda x, **_: dtypes.int64, kind="position")


LARGEST, SMALLEST = (elementwise.maximum, -math.inf), (elementwise.minimum, math.inf)
_extremum: dict[str, Any] = {
    "gradient": (lambda g, y, x, like, axis: spread(g, like, axis) * _ties(x, y, axis),),
    "local": ("1 where x = y, shared among ties, else 0",),
}

sum_ = _reduction(
    "sum",
    (elementwise.add, 0),
    value=lambda xp, x, axis, keepdims: xp.total(x, axis, keepdims),
    gradient=(lambda g, like, axis: spread(g, like, axis),),
    formula="Σ x over {axis}",
    local=("1",),
    dtype=lambda x, **_: x if dtypes.is_float(x) else numpy.sum(numpy.empty(0, x)).dtype,
)
max_ = _reduction("max", LARGEST, _of_some("max", "maximum"), **_extremum)
min_ = _reduction("min", SMALLEST, _of_some("min", "minimum"), **_extremum)
any_ = _reduction("any", (elementwise.logical_or, False), dtype=lambda x, **_: dtypes.bool_)
all_ = _reduction("all", (elementwise.logical_and, True), dtype=lambda x, **_: dtypes.bool_)
argmax, argmin = _position("argmax", LARGEST), _position("argmin", SMALLEST)
