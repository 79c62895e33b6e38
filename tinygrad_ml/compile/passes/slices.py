"""Slices that the rounds of a loop go over: in each round the next element of an axis of one array.

Read before: `../repeats.py`. Read next: `wiring.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy

from ...loops.body import Form
from ...ops import Primitive
from ...ops.index import getitem
from ..program import Instruction, Value, frozen
from ..repeats import Look

ENDS = 6
"""Rounds that may take something else, and are left out, for the others to go over slices."""


INDEX_PARTS = {int, slice}
"""Of an index that keeps axes where they are."""


class ViewStep(NamedTuple):
    """A way to look at something."""

    op: Primitive
    params: dict[str, Any]
    shape: tuple[int, ...]
    dtype: numpy.dtype

    @property
    def key(self) -> tuple:
        """What is equal for equal views."""
        return self.op, frozen(self.params)


class Series(NamedTuple):
    """In round r element `first + r * step` of an axis of `source`; or of that axis in parts of `width` elements, such a part."""

    source: Value
    axis: int
    first: int
    step: int
    width: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """That of each slice."""
        shape = self.source.shape
        return (*shape[: self.axis], *((self.width,) if self.width else ()), *shape[self.axis + 1 :])


class _Part(NamedTuple):
    """Element number `place` of an axis, or part of `width` elements, in an index of which `rest` is the rest, and what
    comes after it."""

    source: Value
    width: int
    rest: Hashable
    after: tuple
    place: int

    def follows(self, other: _Part | None, step: int) -> bool:
        return other is not None and self.place == other.place + step and self[:-1] == other[:-1]


def views_of(instructions: Iterable[Instruction]) -> list[ViewStep]:
    """What instructions do that only look at something."""
    return [ViewStep(i.op, i.params, *Form.of(i.output)) for i in instructions if isinstance(i.op, Primitive)]


def sliced(looks: Sequence[Look]) -> tuple[Series, list[ViewStep], frozenset[int]] | None:
    """(slices, the views through which each is looked at, the rounds that do not go on so from the one before).

    None if what the rounds look at are no slices, but for a few rounds at the ends."""
    middle = len(looks) // 2
    here, last = looks[middle], looks[middle - 1]
    level = next((i for i, (a, b) in enumerate(zip(here.views, last.views, strict=False)) if a is not b), None)
    if level is None or here.base is not last.base:
        return None
    axis = _axis(here.views[level], last.views[level])
    if axis is None:
        return None
    parts = [_part(look, level, axis) for look in looks]
    part, before = parts[middle], parts[middle - 1]
    if part is None or before is None or part.place == before.place:
        return None
    step = part.place - before.place
    apart = [
        turn
        for turn, (a, b) in enumerate(zip(parts[1:], parts, strict=False), 1)
        if a is None or not a.follows(b, step)
    ]
    if len(apart) > ENDS:
        return None
    slices = Series(part.source, axis, part.place - middle * step, step, part.width)
    return slices, [*_within(here.views[level], slices), *views_of(here.views[level + 1 :])], frozenset(apart)


def _index(view: Instruction) -> tuple | None:
    """The index of an instruction; None if an axis of what it looks at is not at the same place in it."""
    index = view.params["index"] if view.op is getitem else None
    return index if index is not None and INDEX_PARTS.issuperset(map(type, index)) else None


def _axis(one: Instruction, other: Instruction) -> int | None:
    """The one place at which the indices of two instructions differ."""
    a, b = _index(one), _index(other)
    if a is None or b is None or len(a) != len(b):
        return None
    differ = [axis for axis, pair in enumerate(zip(a, b, strict=True)) if frozen(pair[0]) != frozen(pair[1])]
    return differ[0] if len(differ) == 1 else None


def _part(look: Look, level: int, axis: int) -> _Part | None:
    if len(look.views) <= level:
        return None
    view = look.views[level]
    index, source = _index(view), view.inputs[0]
    if index is None or len(index) <= axis:
        return None
    extent, part, width = source.shape[axis], index[axis], 0
    if isinstance(part, slice):
        first, end, step = part.indices(extent)
        width = max(end - first, 0)
        if step != 1 or not width or extent % width or first % width:
            return None
        first //= width
    else:
        first = part % extent
    rest, after = (*index[:axis], *index[axis + 1 :]), look.views[level + 1 :]
    return _Part(source, width, rest and frozen(rest), after and tuple([(v.op, v.frozen) for v in after]), first)


def _within(view: Instruction, slices: Series) -> list[ViewStep]:
    """From a slice to what an instruction gives that takes it by its index."""
    index, shape, axis = view.params["index"], view.output.shape, slices.axis
    rest = (*index[:axis], *((slice(None),) if slices.width else ()), *index[axis + 1 :])
    return (
        []
        if all(part == slice(None) for part in rest)
        else [ViewStep(getitem, {"index": rest}, shape, view.output.dtype)]
    )
