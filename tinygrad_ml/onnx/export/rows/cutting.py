"""An index without arrays, axis by axis: cutting out what it names, and putting numbers there among zeros.

Read next: `indexing.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from ....ops.index import ARRAY
from ..sizes import FURTHER, end_of_slice
from ..varying import Extents, VaryingNumber, lifted, varies
from ..wires import ExportWire
from .movement import expanded


def ints(w: Any, numbers: Sequence[int]) -> str:
    """Integers that are known."""
    return w.constant(numpy.array(numbers, numpy.int64))


class AxisPart(NamedTuple):
    """What an index says of one axis: from where, to where and in which steps; or one place, or an array of places."""

    axis: int
    start: Any = 0
    stop: Any = 0
    step: int = 1
    place: Any = None
    array: ExportWire | None = None

    @property
    def is_slice(self) -> bool:
        """Whether the axis stays."""
        return self.place is None and self.array is None


def parts_of(index: tuple, shape: Extents, arrays: Sequence[ExportWire]) -> tuple[list[AxisPart], list[int]]:
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
            parts.append(AxisPart(axis, array=next(places)))
        else:
            parts.append(AxisPart(axis, place=part))
        axis += 1
    return parts, new


def _slice(part: slice, axis: int, n: Any) -> AxisPart:
    step = 1 if part.step is None else part.step
    start, stop = (
        lifted(lambda n, first, last, k=k: slice(first, last, step).indices(n)[k], n, part.start, part.stop)
        for k in (0, 1)
    )
    return AxisPart(axis, start, stop, step)


def sliced(w: Any, x: str, parts: Sequence[AxisPart], shape: Extents) -> str:
    """x of which some axes are cut."""
    cut = [p for p in parts if p.is_slice and not is_whole(p, shape[p.axis])]
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
    return all(n < 0 for n in stop) if isinstance(stop, VaryingNumber) else stop < 0


def _start(p: AxisPart, n: Any) -> Any:
    """Where a slice begins: counted from the end, if only so it is the same at all sizes."""
    if isinstance(p.start, VaryingNumber):
        from_end = lifted(lambda start, n: start - n, p.start, n)
        if not isinstance(from_end, VaryingNumber) and from_end < 0:
            return from_end
    return p.start


def is_whole(p: AxisPart, n: Any) -> bool:
    """Whether it names all of an axis of size n."""
    return p.step == 1 and p.start == 0 and p.stop == n


def extent(p: AxisPart) -> Any:
    """How many places of its axis a slice names."""
    return lifted(lambda start, stop: len(range(start, stop, p.step)), p.start, p.stop)


def spread(w: Any, name: str, before: Extents, parts: list[AxisPart], new: list[int], output: ExportWire) -> str:
    """Zeros of a shape, with x at what an index without arrays names: zeros around and between its numbers."""
    kept = [p for p in parts if p.is_slice]
    if new:
        axes = [sum(p.axis < k for p in kept) + j for j, k in enumerate(new)]
        name = w.node("Squeeze", [name, ints(w, axes)])
    full = tuple(extent(p) if p.is_slice else 1 for p in parts)
    inner = tuple(extent(p) for p in kept)
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


def _apart(w: Any, name: str, axis: int, step: int, full: Extents, output: ExportWire) -> str:
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


def _zeros_around(p: AxisPart, n: Any) -> tuple[Any, Any]:
    """How many zeros stand before and behind a part of an axis."""
    if not p.is_slice:
        place = lifted(lambda place, n: place % n, p.place, n)
        return place, lifted(lambda place, n: n - 1 - place, place, n)

    def ends(start: int, stop: int, n: int) -> tuple[int, int]:
        places = range(start, stop, p.step)
        return (min(places), n - 1 - max(places)) if len(places) else (0, n)

    return tuple(lifted(lambda a, b, n, k=k: ends(a, b, n)[k], p.start, p.stop, n) for k in (0, 1))
