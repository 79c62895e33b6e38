"""Indexing, and adding up at places that an index names.

An index without arrays is cut out (`cutting.py`). One with arrays is brought to the form in which all arrays come first: their
numbers make one number of a row, and rows are taken by `Gather`, or added up by `ScatterElements`, which adds in order.

Read next: `matrices.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy

from ..table import InexpressibleError, row
from ..varying import Extents, VaryingNumber, lifted, merged, varies
from ..wires import ExportStep, ExportWire
from .cutting import AxisPart, extent, ints, is_whole, parts_of, sliced, spread
from .movement import expanded, reshaped, transposed


@row("getitem")
def getitem(w: Any, step: ExportStep) -> str:
    x, *arrays = step.inputs
    parts, new = parts_of(step.params["index"], x.shape, arrays)
    name = sliced(w, w.name(x), parts, x.shape)
    if arrays:
        name = _gathered(w, name, parts, x, step)
    else:
        singles = [p for p in parts if p.place is not None]
        for p in reversed(singles):
            place = w.sizes.scalar(p.place) if varies(p.place) else w.constant(numpy.int64(p.place))
            name = w.node("Gather", [name, place], axis=p.axis)
    if new:
        name = w.node("Unsqueeze", [name, ints(w, _new_axes(step, parts, new))])
    return name


def _new_axes(step: ExportStep, parts: list[AxisPart], new: list[int]) -> list[int]:
    """The axes of the result that are new."""
    if any(p.array is not None for p in parts):
        gone = {p.axis for p in parts if not p.is_slice}
        if any(k > min(gone) for k in new):
            raise InexpressibleError("an index of arrays with new axes behind them; use expand_dims after it")
        return [k + j for j, k in enumerate(new)]
    kept = [p.axis for p in parts if p.is_slice]
    return [sum(axis < k for axis in kept) + j for j, k in enumerate(new)]


class _Rows(NamedTuple):
    """How an index of arrays is brought into the form in which rows are numbered.

    order    the axes: those that the arrays name, then the others
    named    the sizes of the first, rest those of the second
    common   the shape of the arrays together
    place    where in the result their axes stand
    """

    order: list[int]
    named: list[Any]
    rest: list[Any]
    common: Extents
    place: int


def _rows(parts: list[AxisPart], shape: Extents) -> _Rows:
    named = [p.axis for p in parts if not p.is_slice]
    others = [p for p in parts if p.is_slice]
    together = named == list(range(named[0], named[-1] + 1))
    common = merged_shape([p.array.shape for p in parts if p.array is not None])
    return _Rows(
        [*named, *[p.axis for p in others]],
        [shape[a] for a in named],
        [extent(p) for p in others],
        common,
        named[0] if together else 0,
    )


def merged_shape(shapes: Sequence[Extents]) -> Extents:
    """What shapes are together when they are broadcast."""
    runs = next((len(n) for shape in shapes for n in shape if isinstance(n, VaryingNumber)), 1)
    each = [
        numpy.broadcast_shapes(
            *[tuple(n[run] if isinstance(n, VaryingNumber) else n for n in shape) for shape in shapes]
        )
        for run in range(runs)
    ]
    return merged(each)


def _numbers_of_rows(w: Any, parts: list[AxisPart], at: _Rows) -> str:
    """The number of each row that is named, in the shape that the arrays have together."""
    total = None
    for k, p in enumerate([p for p in parts if not p.is_slice]):
        n = at.named[k]
        if p.array is None:
            places = (
                w.sizes.scalar(p.place)
                if varies(p.place)
                else w.constant(numpy.int64(p.place % n if not varies(n) else p.place))
            )
            known = True
        else:
            places = w.name(p.array) if p.array.dtype == numpy.int64 else w.cast(w.name(p.array), numpy.int64)
            known = _counts_from_front(p.array)
        if len(at.named) > 1 and not known:  # places that are counted from the end
            below = w.node("Less", [places, w.constant(numpy.int64(0))])
            places = w.node("Where", [below, w.node("Add", [places, w.sizes.scalar(n)]), places])
        if total is not None:
            places = w.node("Add", [w.node("Mul", [total, w.sizes.scalar(n)]), places])
        total = places
    assert total is not None
    return total


def _counts_from_front(array: ExportWire) -> bool:
    known = array.constant
    if isinstance(known, VaryingNumber):
        return all((each >= 0).all() for each in known)
    return known is not None and bool((known >= 0).all())


def _gathered(w: Any, name: str, parts: list[AxisPart], x: ExportWire, step: ExportStep) -> str:
    """x[arrays], where slices have been cut."""
    named = [p for p in parts if not p.is_slice]
    if len(named) == 1:
        array = named[0].array
        assert array is not None
        places = w.name(array) if array.dtype in (numpy.int32, numpy.int64) else w.cast(w.name(array), numpy.int64)
        return w.node("Gather", [name, places], axis=named[0].axis)
    at = _rows(parts, x.shape)
    name = transposed(w, name, at.order)
    rows = reduce(lambda a, b: lifted(lambda a, b: a * b, a, b), at.named)
    name = reshaped(w, name, (*at.named, *at.rest), (rows, *at.rest))
    taken = w.node("Gather", [name, _numbers_of_rows(w, parts, at)], axis=0)
    return _moved_back(w, taken, at)


def _moved_back(w: Any, name: str, at: _Rows) -> str:
    """The axes of the arrays, which are in front, where they belong."""
    c, r = len(at.common), len(at.rest)
    order = [*range(c, c + at.place), *range(c), *range(c + at.place, c + r)]
    return transposed(w, name, order)


@row("scatter_add")
def scatter_add(w: Any, step: ExportStep) -> str:
    x, *arrays = step.inputs
    parts, new = parts_of(step.params["index"], step.output.shape, arrays)
    if not arrays:
        return spread(w, w.name(x), x.shape, parts, new, step.output)
    if new or any(p.is_slice and not is_whole(p, step.output.shape[p.axis]) for p in parts):
        return _added_to_part(w, step, parts, new)
    return _added(w, w.name(x), x, parts, step.output.shape)


def _added_to_part(w: Any, step: ExportStep, parts: list[AxisPart], new: list[int]) -> str:
    """What is added at arrays within a slice: that part first, and then zeros around it."""
    x = step.inputs[0]
    if new:
        raise InexpressibleError("adding up at an index of arrays with new axes")
    inner = tuple(extent(p) if p.is_slice else n for p, n in zip(parts, step.output.shape, strict=True))
    whole = [AxisPart(p.axis, 0, n, 1) if p.is_slice else p for p, n in zip(parts, inner, strict=True)]
    part = _added(w, w.name(x), x, whole, inner)
    cut = [p if p.is_slice else AxisPart(p.axis, 0, n, 1) for p, n in zip(parts, inner, strict=True)]
    return spread(w, part, inner, cut, [], step.output)


def _added(
    w: Any, name: str, x: ExportWire, parts: list[AxisPart], shape: Extents, onto: str | None = None, how: str = "add"
) -> str:
    """Zeros of a shape (or what `onto` is), with x put at places that arrays name."""
    at = _rows(parts, shape)
    c, r = len(at.common), len(at.rest)
    full = _in_result(at)
    name = expanded(w, name, x.shape, full)
    name = transposed(
        w, name, [*range(at.place, at.place + c), *[k for k in range(c + r) if not at.place <= k < at.place + c]]
    )
    count = reduce(lambda a, b: lifted(lambda a, b: a * b, a, b), at.common, 1)
    rows = reduce(lambda a, b: lifted(lambda a, b: a * b, a, b), at.named)
    updates = reshaped(w, name, (*at.common, *at.rest), (count, *at.rest))
    numbers = _numbers_of_rows(w, parts, at)
    broadcast = w.node("Expand", [numbers, w.sizes.vector(at.common)]) if at.common else numbers
    numbers = w.node("Reshape", [broadcast, ints(w, [-1, *[1] * r])])
    numbers = expanded(w, numbers, (count, *[1] * r), (count, *at.rest))
    back = [at.order.index(axis) for axis in range(len(shape))]
    if onto is None:
        total = w.node("Expand", [w.number_like(0, x), w.sizes.vector([rows, *at.rest])])
    else:
        total = reshaped(w, transposed(w, onto, at.order), (*at.named, *at.rest), (rows, *at.rest))
    total = w.node("ScatterElements", [total, numbers, updates], axis=0, reduction=how)
    total = reshaped(w, total, (rows, *at.rest), (*at.named, *at.rest))
    return transposed(w, total, back)


def _in_result(at: _Rows) -> Extents:
    """The shape of what an index of arrays names."""
    return (*at.rest[: at.place], *at.common, *at.rest[at.place :])


@row("assemble")
def assemble(w: Any, step: ExportStep) -> str:
    parts = []
    for wire, index in zip(step.inputs, step.params["indices"], strict=True):
        at, new = parts_of(index, step.output.shape, ())
        parts.append(spread(w, w.name(wire), wire.shape, at, new, step.output))
    return reduce(lambda a, b: w.node("Add", [a, b]), parts)


def _extreme(how: str) -> Any:
    def written(w: Any, step: ExportStep) -> str:
        x, values, *arrays = step.inputs
        if w.opset < 18:
            raise InexpressibleError(f"ScatterElements with {how} is there from opset 18 on")
        parts, new = parts_of(step.params["index"], x.shape, arrays)
        if new or any(p.is_slice and not is_whole(p, x.shape[p.axis]) for p in parts):
            raise InexpressibleError("an index of slices and arrays")
        return _added(w, w.name(values), values, parts, x.shape, w.name(x), how)

    return written


row("scatter_max")(_extreme("max"))
row("scatter_min")(_extreme("min"))


@row("put")
def put(w: Any, step: ExportStep) -> str:
    """x with other numbers at some places."""
    x, values, *arrays = step.inputs
    parts, new = parts_of(step.params["index"], x.shape, arrays)
    if arrays and not new and all(p.is_slice is False or is_whole(p, x.shape[p.axis]) for p in parts):
        return _added(w, w.name(values), values, parts, x.shape, w.name(x), "none")
    if arrays:
        raise InexpressibleError("writing at an index of slices and arrays")
    there = ExportWire(values.shape, numpy.dtype(numpy.float32))
    ones = (
        w.node("Expand", [w.constant(numpy.float32(1)), w.sizes.vector(values.shape)])
        if values.ndim
        else w.constant(numpy.float32(1))
    )
    mask = w.cast(spread(w, ones, values.shape, parts, new, ExportWire(x.shape, there.dtype)), numpy.bool_)
    return w.node("Where", [mask, spread(w, w.name(values), values.shape, parts, new, x), w.name(x)])
