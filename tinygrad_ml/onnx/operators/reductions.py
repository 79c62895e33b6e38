"""Operators that reduce axes, or go along one: sums, extrema and where they are, running totals.

Which axes are reduced was an attribute, and became an input: each reduction has a row for either.

Read next: `movement.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ... import functional as tg
from ...backend import dtypes
from ...functional.axes import axes_of
from ...tensor import Tensor
from ..table import Numbers, operator

Axes = tuple[int, ...] | None


def _extremum(name: str, of_bools: Callable, least: float) -> Callable:
    """The largest or the smallest; of nothing the number that no other falls below, or exceeds."""

    def extremum(x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
        if x.dtype == dtypes.bool_:
            return of_bools(x, axis, keepdims)
        if not x.size:
            limits = tg.finfo(x.dtype) if dtypes.is_float(x.dtype) else tg.iinfo(x.dtype)
            bound = least if dtypes.is_float(x.dtype) else limits.min if least < 0 else limits.max
            return tg.full_like(tg.sum(x, axis, keepdims), bound, dtype=x.dtype)
        return getattr(tg, name)(x, axis=axis, keepdims=keepdims)

    return extremum


# fmt: off
#                    what it computes                                              axes are an attribute    an input
REDUCING = {
    "ReduceSum":       (lambda x, axis, keep: tg.sum(x, axis, keep),               (1, 11),                 (13,)),
    "ReduceMean":      (lambda x, axis, keep: tg.mean(x, axis, keep),              (1, 11, 13),             (18,)),
    "ReduceProd":      (lambda x, axis, keep: tg.prod(x, axis, keep),              (1, 11, 13),             (18,)),
    "ReduceMax":       (_extremum("max", tg.any, -math.inf),                       (1, 11, 12, 13),         (18, 20)),
    "ReduceMin":       (_extremum("min", tg.all, math.inf),                        (1, 11, 12, 13),         (18, 20)),
    "ReduceL1":        (lambda x, axis, keep: tg.sum(tg.abs(x), axis, keep),       (1, 11, 13),             (18,)),
    "ReduceL2":        (lambda x, axis, keep: tg.norm(x, 2, axis, keep),           (1, 11, 13),             (18,)),
    "ReduceSumSquare": (lambda x, axis, keep: tg.sum(x * x, axis, keep),           (1, 11, 13),             (18,)),
    "ReduceLogSum":    (lambda x, axis, keep: tg.log(tg.sum(x, axis, keep)),       (1, 11, 13),             (18, 28)),
    "ReduceLogSumExp": (lambda x, axis, keep: tg.logsumexp(x, axis, keep),         (1, 11, 13),             (18, 28)),
}
# fmt: on


def along_attribute(function: Callable) -> Callable:
    """The row of a reduction whose axes are an attribute."""

    def row(x: Tensor, *, axes: Sequence[int] | None = None, keepdims: int = 1) -> Tensor:
        return function(x, tuple(axes) if axes else None, bool(keepdims)).astype(x.dtype)

    return row


def along_input(function: Callable) -> Callable:
    """The row of a reduction whose axes are an input."""

    def row(x: Tensor, axes: Numbers | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Tensor:
        axis = tuple(axes.tolist()) if axes is not None and axes.size else () if noop_with_empty_axes else None
        return function(x, axis, bool(keepdims)).astype(x.dtype)

    return row


for _name, (_function, _attribute, _input) in REDUCING.items():
    operator(_name, _attribute)(along_attribute(_function))
    operator(_name, _input)(along_input(_function))


def _position(function: Callable) -> Callable:
    """The row of argmax or argmin: the first place of the extremum, or the last."""

    def row(x: Tensor, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
        found = function(tg.flip(x, axis) if select_last_index else x, axis=axis, keepdims=bool(keepdims))
        return x.shape[axis] - 1 - found if select_last_index else found

    return row


operator("ArgMax", (1, 11, 12, 13))(_position(tg.argmax))
operator("ArgMin", (1, 11, 12, 13))(_position(tg.argmin))


def _running(function: Callable) -> Callable:
    """The row of a running total along an axis, from either end, with or without the element itself."""

    def row(x: Tensor, axis: Numbers, *, exclusive: int = 0, reverse: int = 0) -> Tensor:
        (along,) = axes_of(int(axis.item()), x.ndim)
        y = tg.flip(x, along) if reverse else x
        y = function(y, along, include_initial=bool(exclusive))
        if exclusive:
            y = y[(*(slice(None),) * along, slice(0, -1))]
        return (tg.flip(y, along) if reverse else y).astype(x.dtype)

    return row


operator("CumSum", (11, 14))(_running(tg.cumulative_sum))
operator("CumProd", (26,))(_running(tg.cumulative_prod))
