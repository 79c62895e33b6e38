"""Indexing, and adding up at places that an index names.

An index without arrays is cut out by `Slice`. One with arrays is brought to the form in which all arrays come first: their
numbers make one number of a row, and rows are taken by `Gather`, or added up by `ScatterElements`, which adds in order.

Read next: `matrices.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy

from ....ops.index import ARRAY
from ..sizes import FURTHER, end_of_slice
from ..table import Inexpressible, row
from ..varying import Extents, Varying, lifted, merged, varies
from ..wires import Applied, Wire
from .movement import expanded, reshaped, transposed


def ints(w: Any, numbers: Sequence[int]) -> str:
    """Integers that are known."""
    return w.constant(numpy.array(numbers, numpy.int64))


class Part(NamedTuple):
    """What an index says of one axis: from where, to where and in which steps; or one place, or an array of places."""

    axis: int
    start: Any = 0
    stop: Any = 0
    step: int = 1
    place: Any = None
    array: Wire | None = None

    @property
    def is_slice(self) -> bool:
        """Whether the axis stays."""
        return self.place is None and self.array is None


def parts_of(index: tuple, shape: Extents, arrays: Sequence[Wire]) -> tuple[list[Part], list[int]]:
    """What an index says of each axis; and where in it `None` puts new axes, in front of which axis each."""
    rest = len(shape) - sum(part is not None and part is not Ellipsis for part in index)
    if Ellipsis in index:
        at = next(k for k, part in enumerate(index) if part is Ellipsis)
        index = (*index[:at], *[slice(None)] * rest, *index[at + 1 :])
    else:
        index = (*index, *[slice(None)] * rest)
    places, parts, new, axis = iter(arrays), [], [], 0
    for part in index:
        if part is None:
            new.append(axis)
            continue
        n = shape[axis]
        if isinstance(part, slice):
            parts.append(_slice(part, axis, n))
        elif part is ARRAY:
            parts.append(Part(axis, array=next(places)))
        else:
            parts.append(Part(axis, place=part))
        axis += 1
    return parts, new


def _slice(part: slice, axis: int, n: Any) -> Part:
    step = 1 if part.step is None else part.step
    ends = [
        lifted(lambda n, start, stop, k=k: slice(start, stop, step).indices(n)[k], n, part.start, part.stop)
        for k in (0, 1)
    ]
    return Part(axis, *ends, step)


def sliced(w: Any, x: str, parts: Sequence[Part], shape: Extents) -> str:
    """x of which some axes are cut."""
    cut = [p for p in parts if p.is_slice and not _is_whole(p, shape[p.axis])]
    if not cut:
        return x
    starts = [p.start for p in cut]
    stops = [
        end_of_slice(p.stop, shape[p.axis]) if p.step > 0 else (-FURTHER if _below_zero(p.stop) else p.stop)
        for p in cut
    ]
    starts = [_start(p, shape[p.axis]) for p in cut]
    axes, steps = [p.axis for p in cut], [p.step for p in cut]
    names = [x, w.sizes.vector(starts), w.sizes.vector(stops), ints(w, axes)]
    return w.node("Slice", [*names, ints(w, steps)] if set(steps) != {1} else names)


def _below_zero(stop: Any) -> bool:
    return all(n < 0 for n in stop) if isinstance(stop, Varying) else stop < 0


def _start(p: Part, n: Any) -> Any:
    """Where a slice begins: counted from the end, if only so it is the same at all sizes."""
    if isinstance(p.start, Varying):
        from_end = lifted(lambda start, n: start - n, p.start, n)
        if not isinstance(from_end, Varying) and from_end < 0:
            return from_end
    return p.start


def _is_whole(p: Part, n: Any) -> bool:
    return p.step == 1 and p.start == 0 and p.stop == n


def _extent(p: Part) -> Any:
    return lifted(lambda start, stop: len(range(start, stop, p.step)), p.start, p.stop)


@row("getitem")
def getitem(w: Any, step: Applied) -> str:
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


def _new_axes(step: Applied, parts: list[Part], new: list[int]) -> list[int]:
    """The axes of the result that are new."""
    if any(p.array is not None for p in parts):
        gone = {p.axis for p in parts if not p.is_slice}
        if any(k > min(gone) for k in new):
            raise Inexpressible("an index of arrays with new axes behind them; use expand_dims after it")
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


def _rows(parts: list[Part], shape: Extents) -> _Rows:
    named = [p.axis for p in parts if not p.is_slice]
    others = [p for p in parts if p.is_slice]
    together = named == list(range(named[0], named[-1] + 1))
    common = merged_shape([p.array.shape for p in parts if p.array is not None])
    return _Rows(
        [*named, *[p.axis for p in others]],
        [shape[a] for a in named],
        [_extent(p) for p in others],
        common,
        named[0] if together else 0,
    )


def merged_shape(shapes: Sequence[Extents]) -> Extents:
    """What shapes are together when they are broadcast."""
    runs = next((len(n) for shape in shapes for n in shape if isinstance(n, Varying)), 1)
    each = [
        numpy.broadcast_shapes(*[tuple(n[run] if isinstance(n, Varying) else n for n in shape) for shape in shapes])
        for run in range(runs)
    ]
    return merged(each)


def _numbers_of_rows(w: Any, parts: list[Part], at: _Rows) -> str:
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


def _counts_from_front(array: Wire) -> bool:
    known = array.constant
    if isinstance(known, Varying):
        return all((each >= 0).all() for each in known)
    return known is not None and bool((known >= 0).all())


def _gathered(w: Any, name: str, parts: list[Part], x: Wire, step: Applied) -> str:
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
def scatter_add(w: Any, step: Applied) -> str:
    x, *arrays = step.inputs
    parts, new = parts_of(step.params["index"], step.output.shape, arrays)
    if not arrays:
        return spread(w, w.name(x), x.shape, parts, new, step.output)
    if new or any(p.is_slice and not _is_whole(p, step.output.shape[p.axis]) for p in parts):
        return _added_to_part(w, step, parts, new)
    return _added(w, w.name(x), x, parts, step.output.shape)


def _added_to_part(w: Any, step: Applied, parts: list[Part], new: list[int]) -> str:
    """What is added at arrays within a slice: that part first, and then zeros around it."""
    x = step.inputs[0]
    if new:
        raise Inexpressible("adding up at an index of arrays with new axes")
    inner = tuple(_extent(p) if p.is_slice else n for p, n in zip(parts, step.output.shape, strict=True))
    whole = [Part(p.axis, 0, n, 1) if p.is_slice else p for p, n in zip(parts, inner, strict=True)]
    part = _added(w, w.name(x), x, whole, inner)
    cut = [p if p.is_slice else Part(p.axis, 0, n, 1) for p, n in zip(parts, inner, strict=True)]
    return spread(w, part, inner, cut, [], step.output)


def _added(
    w: Any, name: str, x: Wire, parts: list[Part], shape: Extents, onto: str | None = None, how: str = "add"
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


def spread(w: Any, name: str, before: Extents, parts: list[Part], new: list[int], output: Wire) -> str:
    """Zeros of a shape, with x at what an index without arrays names: zeros around and between its numbers."""
    kept = [p for p in parts if p.is_slice]
    if new:
        axes = [sum(p.axis < k for p in kept) + j for j, k in enumerate(new)]
        name = w.node("Squeeze", [name, ints(w, axes)])
    full = tuple(_extent(p) if p.is_slice else 1 for p in parts)
    inner = tuple(_extent(p) for p in kept)
    got = tuple(
        n
        for axis, n in enumerate(before)
        if axis not in ([sum(p.axis < k for p in kept) + j for j, k in enumerate(new)])
    )
    name = expanded(w, name, got, inner)
    singles = [p.axis for p in parts if not p.is_slice]
    if singles:
        name = w.node("Unsqueeze", [name, ints(w, singles)])
    backwards = [p.axis for p in parts if p.is_slice and p.step < 0]
    if backwards:
        many = [len(backwards) * [number] for number in (-1, -FURTHER)]
        name = w.node("Slice", [name, *[ints(w, each) for each in (*many, backwards, len(backwards) * [-1])]])
    for p in parts:
        if p.is_slice and abs(p.step) > 1:
            name = _apart(w, name, p.axis, abs(p.step), full, output)
    pads = [_zeros_around(p, n) for p, n in zip(parts, output.shape, strict=True)]
    if all(not varies(pair) and pair == (0, 0) for pair in pads):
        return name
    around = w.sizes.vector([*[before for before, _ in pads], *[after for _, after in pads]])
    return (
        w.node("Pad", [name, around, w.number_like(0, output)])
        if output.dtype != bool
        else _padded_truths(w, name, around)
    )


def _padded_truths(w: Any, name: str, around: str) -> str:
    return w.cast(w.node("Pad", [w.cast(name, numpy.int32), around]), numpy.bool_)


def _apart(w: Any, name: str, axis: int, step: int, full: Extents, output: Wire) -> str:
    """Zeros between the numbers along an axis, and behind the last one."""
    wide = w.node("Unsqueeze", [name, ints(w, [axis + 1])])
    pads = [0] * (2 * (len(full) + 1))
    pads[len(full) + 1 + axis + 1] = step - 1
    wide = w.node("Pad", [wide, ints(w, pads), w.number_like(0, output)])
    ndim = len(full)
    # Axes before stay as they are (0); those behind are told by how many there are before the merge.
    if axis == ndim - 1:
        wide = w.node("Reshape", [wide, ints(w, [*[0] * axis, -1])])
    else:
        order = [*[k for k in range(ndim + 1) if k not in (axis, axis + 1)], axis, axis + 1]
        wide = w.node("Transpose", [wide], perm=order)
        wide = w.node("Reshape", [wide, ints(w, [*[0] * (ndim - 1), -1])])
        back = [*range(axis), ndim - 1, *range(axis, ndim - 1)]
        wide = w.node("Transpose", [wide], perm=back)
    return w.node("Slice", [wide, ints(w, [0]), ints(w, [1 - step]), ints(w, [axis])])


def _zeros_around(p: Part, n: Any) -> tuple[Any, Any]:
    """How many zeros stand before and behind a part of an axis."""
    if not p.is_slice:
        place = lifted(lambda place, n: place % n, p.place, n)
        return place, lifted(lambda place, n: n - 1 - place, place, n)

    def ends(start: int, stop: int, n: int) -> tuple[int, int]:
        places = range(start, stop, p.step)
        return (min(places), n - 1 - max(places)) if len(places) else (0, n)

    return tuple(lifted(lambda a, b, n, k=k: ends(a, b, n)[k], p.start, p.stop, n) for k in (0, 1))


@row("assemble")
def assemble(w: Any, step: Applied) -> str:
    parts = []
    for wire, index in zip(step.inputs, step.params["indices"], strict=True):
        at, new = parts_of(index, step.output.shape, ())
        parts.append(spread(w, w.name(wire), wire.shape, at, new, step.output))
    return reduce(lambda a, b: w.node("Add", [a, b]), parts)


def _extreme(how: str) -> Any:
    def written(w: Any, step: Applied) -> str:
        x, values, *arrays = step.inputs
        if w.opset < 18:
            raise Inexpressible(f"ScatterElements with {how} is there from opset 18 on")
        parts, new = parts_of(step.params["index"], x.shape, arrays)
        if new or any(p.is_slice and not _is_whole(p, x.shape[p.axis]) for p in parts):
            raise Inexpressible("an index of slices and arrays")
        return _added(w, w.name(values), values, parts, x.shape, w.name(x), how)

    return written


row("scatter_max")(_extreme("max"))
row("scatter_min")(_extreme("min"))


@row("put")
def put(w: Any, step: Applied) -> str:
    """x with other numbers at some places."""
    x, values, *arrays = step.inputs
    parts, new = parts_of(step.params["index"], x.shape, arrays)
    if arrays and not new and all(p.is_slice is False or _is_whole(p, x.shape[p.axis]) for p in parts):
        return _added(w, w.name(values), values, parts, x.shape, w.name(x), "none")
    if arrays:
        raise Inexpressible("writing at an index of slices and arrays")
    there = Wire(values.shape, numpy.dtype(numpy.float32))
    ones = (
        w.node("Expand", [w.constant(numpy.float32(1)), w.sizes.vector(values.shape)])
        if values.ndim
        else w.constant(numpy.float32(1))
    )
    mask = w.cast(spread(w, ones, values.shape, parts, new, Wire(x.shape, there.dtype)), numpy.bool_)
    return w.node("Where", [mask, spread(w, w.name(values), values.shape, parts, new, x), w.name(x)])
