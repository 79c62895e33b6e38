"""What gives variables of a program's function their arrays, where these may be others in each call, and notes where they begin;
and the memory in which it works besides.

Read next: `stretches.py`, which has it noted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from weakref import ref

import numpy

from ...machine.sharing.job import address


class Keeper:
    """Notes where an array begins, if somebody wants to know, whenever it is another one."""

    _bases: numpy.ndarray | None = None
    _which = 0

    def note_at(self, bases: numpy.ndarray, which: int) -> None:
        """Let it be noted there."""
        self._bases, self._which = bases, which

    def _note(self, array: numpy.ndarray) -> None:
        if self._bases is not None:
            self._bases[self._which] = address(array)


class Arrival(Keeper):
    """An array from outside, in order: that is itself, or a copy. It is looked at if it is not that of the last call."""

    def __init__(self):
        self._last: Callable[[], object] = _nothing

    def __call__(self, array: numpy.ndarray) -> numpy.ndarray:
        if array is self._last():
            return array
        in_order = numpy.asarray(array, order="C")
        self._note(in_order)
        self._last = ref(array) if in_order is array else _nothing
        return in_order


class Pool(Keeper):
    """Memory for one result: the same array again, as soon as the caller has let go of the last one."""

    def __init__(self, shape: tuple[int, ...], dtype: numpy.dtype):
        self._shape, self._dtype = shape, dtype
        self._array: numpy.ndarray | None = None

    def __call__(self) -> numpy.ndarray:
        if self._array is None or sys.getrefcount(self._array) > 2:  # our own, and that of this question
            self._array = numpy.empty(self._shape, self._dtype)
            self._note(self._array)
        return self._array


class StepMemory:
    """The planned memory of a step, which all of its programs share: only one of them runs at a time."""

    def __init__(self):
        self.array = numpy.empty(0, numpy.uint8)

    def of(self, nbytes: int) -> numpy.ndarray:
        """At least so many bytes, aligned to a cache line."""
        if self.array.size < nbytes:
            whole = numpy.empty(nbytes + 64, numpy.uint8)
            start = -whole.ctypes.data % 64
            self.array = whole[start : start + nbytes]
        return self.array


def _nothing() -> None:
    return None
