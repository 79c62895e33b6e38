"""Where in memory the elements of several arrays lie, as C, while one number counts through all of them.

The number counts in the order of C. Axes along which all of the arrays lie evenly are taken as one, so
most kernels have no division in them; for the others the number is taken apart into coordinates:

    const int i0 = i / 500, i1 = i % 500;

Shapes and strides are known when a kernel is written, so they stand in it as numbers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import prod
from typing import Any

import numpy

from ...machine.axes import merged
from ..schedule.index import Index


def counted_by(forms: Sequence[numpy.ndarray], count: int) -> str:
    """What counts `count` elements, and reaches all elements of arrays of these forms: "int", or "long long" if 32 bits are too few."""
    reach = [
        sum(abs(step) // form.itemsize * max(n - 1, 0) for n, step in zip(form.shape, form.strides, strict=True))
        for form in forms
    ]
    most = max([count, *reach], default=0) + 4096  # a thread may count a little beyond the end
    return "long long" if most >= 2**31 else "int"


class Cells:
    """The places of arrays along axes of which each is counted by a variable of its own: its word.

    strides  array, or another key -> strides along the axes, in elements
    """

    extents: Sequence[int] = ()

    def __init__(self, words: Sequence[str], strides: Mapping[Any, Sequence[int]]):
        self._words, self._strides = words, strides

    def last(self, key: Hashable) -> int:
        """The stride of an array along the last axis; 0 where there is none."""
        return self._strides[key][-1] if self._words else 0

    def offset(self, key: Hashable) -> str:
        """Where the element lies, counted from the first one; "0" where this does not depend on the variables."""
        along = zip(self._words, self._strides[key], strict=True)
        return " + ".join(times(word, step) for word, step in along if step) or "0"

    def coordinates(self) -> list[str]:
        """The line that defines the variables in all offsets asked for so far, if they are not there."""
        return []


class Places(Cells):
    """The places of arrays along some axes, through all of which one variable counts.

    word     this variable
    extents  the sizes of these axes
    kind     "int" or "long long"
    """

    def __init__(self, word: str, extents: Sequence[int], strides: Mapping[Any, Sequence[int]], kind: str):
        self.word, self.kind = word, kind
        sizes, steps = merged(extents, strides.values())
        self.extents = [max(n, 1) for n in sizes]  # by which a coordinate may be divided
        super().__init__([f"{word}{k}" for k in range(len(sizes))], dict(zip(strides, steps, strict=True)))
        self._used: set[int] = set()

    @property
    def last_strides(self) -> set[int]:
        """Those of all arrays along the last axis."""
        return {self.last(key) for key in self._strides}

    def offset(self, key: Hashable) -> str:
        strides = self._strides[key]
        even = strides[-1] if strides else 0
        if even and all(step == even * prod(self.extents[k + 1 :]) for k, step in enumerate(strides)):
            return times(self.word, even)
        self._used |= {k for k, step in enumerate(strides) if step}
        return super().offset(key)

    def coordinates(self) -> list[str]:
        parts = []
        for k in sorted(self._used):
            inner = prod(self.extents[k + 1 :])
            text = self.word if inner == 1 else f"{self.word} / {inner}"
            parts.append(f"{self.word}{k} = {text}{f' % {self.extents[k]}' if k else ''}")
        return [f"const {self.kind} {', '.join(parts)};"] if parts else []


def times(word: str, factor: int | str) -> str:
    """The product, as short as it can be written."""
    return "0" if not factor else word if factor == 1 else f"{word} * {factor}"


def at(pointer: str, *offsets: str) -> str:
    """The element at the sum of these offsets."""
    there = [offset for offset in offsets if offset != "0"]
    return f"{pointer}[{' + '.join(there) or '0'}]"


def looked_up(index: Index, numbers: Sequence[str]) -> list[str]:
    """Where the elements lie that the index arrays name by these numbers: offsets, to be added to those along slices."""
    named = zip(numbers, index.steps, strict=True)
    return [str(index.first), *(times(f"wrapped({number}, {n})", step) for number, (n, step) in named)]
