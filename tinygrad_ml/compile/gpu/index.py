"""What an index says about each axis of the array that is indexed, and where an element of the result lies there.

An index is a tuple of integers, slices, None and arrays, as in `ops/index.py`. Arrays may stand anywhere in it: where
they stand side by side their axes come in their place, else in front, as NumPy has it.

Read next: `gathers.py`, which reads at such places, and `indexing.py`, which writes there.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from ...ops.index import ARRAY, getitem_shape
from ...ops.shapes import broadcast


class Part(NamedTuple):
    """What an index says about one axis of the array that is indexed.

    axis    of that array
    shown   its axis in the result; None where it has none
    start   its first place
    step    to the next one
    count   how many there are
    array   which of the index arrays names its places; None if a slice or a number does
    """

    axis: int
    shown: int | None
    start: int = 0
    step: int = 1
    count: int = 1
    array: int | None = None


class Index:
    """An index into an array of this shape, by arrays of these shapes.

    shape  of what it names
    parts  an entry for each axis
    first  where in `shape` the axes of the index arrays begin, and `common`, what these are
    """

    def __init__(self, index: tuple, shape: tuple[int, ...], arrays: list[tuple[int, ...]]):
        self.shape = getitem_shape(shape, *arrays, index=index)
        self.common = broadcast(*arrays) if arrays else ()
        chosen = [i for i, part in enumerate(index) if self._chosen(part, arrays)]
        apart = any(b - a != 1 for a, b in pairwise(chosen))
        self.first, placed = 0, apart or not chosen
        self.parts: list[Part] = []
        shown, axis, number = (len(self.common) if apart else 0), 0, 0
        for part in self._written_out(index, len(shape)):
            if self._chosen(part, arrays):
                if not placed:
                    self.first, placed = shown, True
                    shown += len(self.common)
                if part is ARRAY:
                    self.parts.append(Part(axis, None, array=number))
                    number += 1
                else:
                    self.parts.append(Part(axis, None, int(part) % shape[axis]))
                axis += 1
            elif part is None:
                shown += 1
            elif isinstance(part, slice):
                start, stop, step = part.indices(shape[axis])
                self.parts.append(Part(axis, shown, start, step, len(range(start, stop, step))))
                axis, shown = axis + 1, shown + 1
            else:
                self.parts.append(Part(axis, None, int(part) % shape[axis]))
                axis += 1

    @staticmethod
    def _written_out(index: tuple, ndim: int) -> tuple:
        """With a slice for each axis that it does not name."""
        named = sum(part is not None and part is not Ellipsis for part in index)
        at = index.index(Ellipsis) if Ellipsis in index else len(index)
        return (*index[:at], *(slice(None),) * (ndim - named), *index[at + 1 :])

    @staticmethod
    def _chosen(part, arrays) -> bool:
        """Whether it stands with the arrays: beside arrays, a number is one too."""
        return part is ARRAY or (bool(arrays) and isinstance(part, int))

    def of_target(self, strides: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        """The strides of the array that is indexed along the axes of `shape`, and where its first element lies."""
        along, first = [0] * len(self.shape), 0
        for part in self.parts:
            first += part.start * strides[part.axis]
            if part.shown is not None:
                along[part.shown] = part.step * strides[part.axis]
        return tuple(along), first

    def of_array(self, strides: tuple[int, ...]) -> tuple[int, ...]:
        """The strides of an index array along the axes of `shape`; given are those along `common`."""
        after = len(self.shape) - len(self.common) - self.first
        return (0,) * self.first + strides + (0,) * after
