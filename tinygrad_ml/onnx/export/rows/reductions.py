"""Reductions, and the order of numbers.

Read next: `running.py`, `movement.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from .... import functional as tg
from ....functional.axes import axes_of
from ..table import InexpressibleError, call_row, row
from ..varying import VaryingNumber
from ..wires import CalledFunction, ExportStep
from .movement import reshaped

AXES_ARE_INPUTS = 18
"""The opset from which on axes are an input of all reductions; of `ReduceSum` they were one before."""


def reduced(w: Any, operator: str, x: str, axes: tuple[int, ...], keepdims: bool) -> str:
    """A reduction over some axes; over none it is x."""
    if not axes:
        return w.node("Identity", [x])
    if operator == "ReduceSum" or w.opset >= AXES_ARE_INPUTS:
        return w.node(operator, [x, w.constant(numpy.array(axes, numpy.int64))], keepdims=int(keepdims))
    return w.node(operator, [x], axes=list(axes), keepdims=int(keepdims))


@row("sum")
def sum_(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    dtype = step.output.dtype
    added = dtype if dtype.kind != "u" else numpy.dtype(numpy.int64)  # in which few programs add up others
    name = w.name(x) if x.dtype == added else w.cast(w.name(x), added)
    y = reduced(w, "ReduceSum", name, step.params["axis"], step.params["keepdims"])
    return y if added == dtype else w.cast(y, dtype)


def _extremum(operator: str) -> Any:
    def written(w: Any, step: ExportStep) -> str:
        (x,) = step.inputs
        if x.dtype != bool:
            return reduced(w, operator, w.name(x), step.params["axis"], step.params["keepdims"])
        y = reduced(w, operator, w.cast(w.name(x), numpy.int32), step.params["axis"], step.params["keepdims"])
        return w.cast(y, numpy.bool_)

    return written


row("max")(_extremum("ReduceMax"))
row("min")(_extremum("ReduceMin"))


def _of_truths(operator: str) -> Any:
    def written(w: Any, step: ExportStep) -> str:
        (x,) = step.inputs
        truths = w.name(x) if x.dtype == bool else w.cast(w.name(x), numpy.bool_)
        y = reduced(w, operator, w.cast(truths, numpy.int32), step.params["axis"], step.params["keepdims"])
        return w.cast(y, numpy.bool_)

    return written


row("any")(_of_truths("ReduceMax"))
row("all")(_of_truths("ReduceMin"))


def _position(operator: str) -> Any:
    def written(w: Any, step: ExportStep) -> str:
        (x,) = step.inputs
        axes, keepdims = step.params["axis"], step.params["keepdims"]
        name = w.cast(w.name(x), numpy.int32) if x.dtype == bool else w.name(x)
        if len(axes) == 1:
            return w.node(operator, [name], axis=axes[0], keepdims=int(keepdims))
        flat = w.node("Reshape", [name, w.constant(numpy.array([-1], numpy.int64))])
        place = w.node(operator, [flat], axis=0, keepdims=0)
        return reshaped(w, place, (), step.output.shape) if keepdims else place

    return written


row("argmax")(_position("ArgMax"))
row("argmin")(_position("ArgMin"))


@row("argsort")
def argsort(w: Any, step: ExportStep) -> str:
    return _first(w, step, step.inputs[0].shape[step.params["axis"]], step.params["descending"])


@row("topk")
def topk(w: Any, step: ExportStep) -> str:
    return _first(w, step, step.params["k"], step.params["largest"])


def _first(w: Any, step: ExportStep, count: Any, largest: bool) -> str:
    """The places of so many numbers, the largest or the smallest ones."""
    (x,) = step.inputs
    name = w.name(x) if x.dtype.kind == "f" else w.cast(w.name(x), numpy.int64)
    sizes = [name, w.sizes.one(count)]
    return w.node("TopK", sizes, 2, axis=step.params["axis"], largest=int(bool(largest)), sorted=1)[1]


@row("searchsorted")
def searchsorted(w: Any, step: ExportStep) -> str:
    """How many of the sorted numbers come before."""
    x, values = step.inputs
    each = w.node("Unsqueeze", [w.name(values), w.constant(numpy.array([-1], numpy.int64))])
    before = w.node("Less" if step.params["side"] == "left" else "LessOrEqual", [w.name(x), each])
    return reduced(w, "ReduceSum", w.cast(before, numpy.int64), (values.ndim,), False)


@call_row(tg.mean)
def mean(w: Any, call: CalledFunction) -> str | None:
    x = call.wire("x")
    if x is None or x.dtype.kind != "f" or x.dtype.itemsize < 4 or _is_empty(x.shape):
        return None
    axes = axes_of(call.arguments.get("axis"), x.ndim)
    return reduced(w, "ReduceMean", w.name(x), axes, call.arguments.get("keepdims", False))


def _is_empty(shape: tuple[Any, ...]) -> bool:
    return any(n == 0 for n in shape if not isinstance(n, VaryingNumber))


@call_row(tg.softmax)
def softmax(w: Any, call: CalledFunction) -> str | None:
    return along_one_axis(w, call, "Softmax")


@call_row(tg.log_softmax)
def log_softmax(w: Any, call: CalledFunction) -> str | None:
    return along_one_axis(w, call, "LogSoftmax")


def along_one_axis(w: Any, call: CalledFunction, operator: str) -> str | None:
    """An operator that works along one axis."""
    x = call.wire("x")
    if x is None or x.dtype.kind != "f":
        return None
    axes = axes_of(call.arguments.get("axis", -1), x.ndim)
    if len(axes) != 1 or _is_empty(x.shape):
        raise InexpressibleError("along several axes")
    return w.node(operator, [w.name(x)], axis=axes[0])
