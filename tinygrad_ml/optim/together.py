"""What an optimiser keeps from one step to the next, where parameters are plain arrays: which loop runs over which memory.

A step of a small network is hardly any arithmetic, so all of its parameters are updated by one loop: their numbers,
gradients and state are brought to lie in rows, and what is new is put back.

    weight ▒▒▒▒▒▒   bias ▒▒          →  ▒▒▒▒▒▒▒▒   one call of NumPy for both,
    gradients ░░░░░░     ░░          →  ░░░░░░░░   over rows that stay where they are

Nothing is taken for granted: in each step the arrays must be the very ones that were met at first.

Read before: `loop.py`, `walk.py`. Read next: `optimizer.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from .. import writes
from ..errors import ShapeError
from ..tensor import Tensor
from ..totals import accumulator
from .loop import ElementwiseLoop
from .walk import LargeParameters

SMALL_ELEMENTS = 4096
"""Parameters of at most so many numbers are updated in rows: to bring them there takes less time than to call NumPy for each."""


class PlainParameter(NamedTuple):
    """A parameter that is an array of the host, as is all of its state.

    array  its numbers
    kept   what the optimiser keeps for it, by name
    state  (name in `kept`, the tensor there, its array)
    loop   over (p, g, *state)
    """

    parameter: Tensor
    array: numpy.ndarray
    kept: dict[str, Any]
    state: list[tuple[str, Tensor, numpy.ndarray]]
    loop: ElementwiseLoop

    @property
    def memory(self) -> list[numpy.ndarray]:
        """What its loop overwrites."""
        return [self.array, *[array for _, _, array in self.state]]


class Together:
    """The updates of parameters that have had as many before.

    found  each of them that is a plain array, as it is now; None for the others, which are no matter of this class
    told   what the form of an update depends on
    """

    def __init__(self, found: Sequence[PlainParameter | None], told: list[bool]):
        numbered = {i: each for i, each in enumerate(found) if each is not None}
        self._plain, self.told = numbered, told
        self.others = [i for i, each in enumerate(found) if each is None]
        small = {i: each for i, each in numbered.items() if each.array.size <= min(SMALL_ELEMENTS, each.loop.length)}
        self._rows = [_InRows(part) for part in _in_blocks(small)]
        large = {i: each for i, each in numbered.items() if i not in small}
        self._large = [
            LargeParameters(loop, {i: each.memory for i, each in large.items() if each.loop is loop})
            for loop in dict.fromkeys(each.loop for each in large.values())
        ]
        self._note_written = writes.noting([array for each in numbered.values() for array in each.memory])

    def step(
        self,
        state: Mapping[Tensor, dict[str, Any]],
        given: Sequence[tuple[Tensor, Tensor]],
        numbers: Mapping[str, float],
    ) -> bool:
        """Update them, of whom these are the numbers and gradients, and whose state is to be found there; False, and nothing
        happens, if anything is not what it was."""
        gradients: dict[int, numpy.ndarray] = {}
        for i, (p, array, kept, entries, _) in self._plain.items():
            value, gradient = given[i]
            if value._data is not array or state[p] is not kept:
                return False
            for name, tensor, memory in entries:
                if kept.get(name) is not tensor or tensor._data is not memory:
                    return False
            g: Any = gradient._data
            plain = type(g) is numpy.ndarray and g.dtype is array.dtype and g.shape == array.shape
            gradients[i] = g if plain else as_state_of(gradient, p)._data
        for parameters in (*self._rows, *self._large):
            parameters.update(gradients, numbers)
        self._note_written()
        return True


class _InRows:
    """Small parameters, of one loop, in rows: their numbers, gradients, and what is kept of each name."""

    def __init__(self, numbered: Mapping[int, PlainParameter]):
        (loop,) = {each.loop for each in numbered.values()}
        self._places = [*numbered]
        columns = [*zip(*[each.memory for each in numbered.values()], strict=True)]
        self._gradients = numpy.empty(sum(array.size for array in columns[0]), loop.dtype)
        rows = [numpy.empty_like(self._gradients) for _ in columns]
        self._gather = [
            ([array.reshape(-1) for array in column], row) for column, row in zip(columns, rows, strict=True)
        ]
        self._put_back: list[tuple[numpy.ndarray, numpy.ndarray]] = []
        for column, row in zip(columns, rows, strict=True):
            start = 0
            for array in column:
                self._put_back.append((array, row[start : start + array.size].reshape(array.shape)))
                start += array.size
        self._run = loop.bound([rows[0], self._gradients, *rows[1:]])

    def update(self, gradients: Mapping[int, numpy.ndarray], numbers: Mapping[str, float]) -> None:
        numpy.concatenate([gradients[i] for i in self._places], axis=None, out=self._gradients)
        for arrays, row in self._gather:
            numpy.concatenate(arrays, out=row)
        self._run(numbers)
        for array, part in self._put_back:
            array[...] = part


def _in_blocks(small: Mapping[int, PlainParameter]) -> Iterator[dict[int, PlainParameter]]:
    """Those of one loop, as many as fit into a block."""
    for loop in dict.fromkeys(each.loop for each in small.values()):
        part: dict[int, PlainParameter] = {}
        count = 0
        for i, each in small.items():
            if each.loop is not loop:
                continue
            if part and count + each.array.size > loop.length:
                yield part
                part, count = {}, 0
            part[i] = each
            count += each.array.size
        yield part


def as_state_of(kept: Tensor, p: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    """A gradient, or state, where the parameter is, and in the dtype of its sums: in float16 the square of a gradient
    would vanish, and ε with it. `ShapeError` if it has another shape than `shape`, by default the parameter's."""
    if kept.shape != (p.shape if shape is None else shape):
        raise ShapeError(f"a gradient or state of shape {kept.shape} was given to {p._described()}")
    wide = accumulator(p.dtype)
    if kept.dtype is wide and type(kept._data) is type(p._data) is numpy.ndarray:
        return kept
    return kept.astype(wide).to(p.device)
