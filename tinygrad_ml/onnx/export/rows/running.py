"""What runs on along an axis: each number is what stands in front of it and one more.

Of sums ONNX has an operator. Products and recurrences are put together in steps: after step s every number is what comes of the
last 2ˢ. Read before: `reductions.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ..table import InexpressibleError, row
from ..varying import VaryingNumber
from ..wires import ExportStep
from .cutting import ints

END = numpy.iinfo(numpy.int64).max


@row("cumulative_sum")
def cumulative_sum(w: Any, step: ExportStep) -> str:
    (x,) = step.inputs
    name = w.name(x) if x.dtype == step.output.dtype else w.cast(w.name(x), step.output.dtype)
    return w.node("CumSum", [name, w.constant(numpy.array(step.params["axis"], numpy.int64))])


@row("cumulative_prod")
def cumulative_prod(w: Any, step: ExportStep) -> str:
    y, part, followed = w.name(step.inputs[0]), *_parts(w, step)
    for shift in _shifts(step):
        y = followed(y, shift, w.node("Mul", [part(y, shift, END), part(y, 0, -shift)]))
    return y


@row("recurrence")
def recurrence(w: Any, step: ExportStep) -> str:
    y, a = w.names(step.inputs)
    part, followed = _parts(w, step)
    factor = followed(a, 1, part(a, 0, -1))
    for shift in _shifts(step):
        before = w.node("Mul", [part(factor, shift, END), part(y, 0, -shift)])
        y = followed(y, shift, w.node("Add", [part(y, shift, END), before]))
        factor = followed(factor, shift, w.node("Mul", [part(factor, shift, END), part(factor, 0, -shift)]))
    return y


def _parts(w: Any, step: ExportStep) -> tuple[Callable[[str, int, int], str], Callable[[str, int, str], str]]:
    """What cuts numbers out of an array along the axis, and what puts others behind its first ones."""
    axis = step.params["axis"]

    def part(name: str, start: int, end: int) -> str:
        return w.node("Slice", [name, ints(w, [start]), ints(w, [end]), ints(w, [axis])])

    def followed(name: str, count: int, later: str) -> str:
        return w.node("Concat", [part(name, 0, count), later], axis=axis)

    return part, followed


def _shifts(step: ExportStep) -> list[int]:
    n = step.output.shape[step.params["axis"]]
    if isinstance(n, VaryingNumber):
        raise InexpressibleError("along an axis whose size may be another")
    return [1 << s for s in range(max(n - 1, 0).bit_length())]
