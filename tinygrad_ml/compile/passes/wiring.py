"""What each operation of a round takes: something of this round or of one before, a slice, or what all rounds share.

Rounds that are wired alike are one loop. Those at the ends often are not (the first gradient is not added to anything): the
longest stretch that is, counts, and what is left over stays as it is.

Read before: `slices.py`. Read next: `bodies.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy

from ..program import Instruction, Value, frozen
from ..repeats import FEWEST_ROUNDS, Intake, Looks, Repeat
from .equal import numbers_of
from .slices import ENDS, Series, ViewStep, sliced

FARTHEST = 4
"""Rounds over which something may be taken: a leapfrog step takes what the round before the last gave."""


class Refusal(Exception):
    """Why a loop stays written out."""


class Wire(NamedTuple):
    """What a work gave, `ago` rounds before; `key` is that of the views through which it is looked at."""

    work: int
    ago: int
    key: tuple


class Slot(NamedTuple):
    """A place where a work takes something.

    taken   the value that it takes, in each round
    made    what that is of the rounds, in the last one; None where it comes from outside
    slices  what that is, where it is a slice in almost all rounds, and views of the slice
    apart   the rounds of which that does not hold, or which do not follow the slice before
    """

    work: int
    position: int
    taken: Sequence[Value]
    made: Wire | None
    slices: tuple[Series, list[ViewStep]] | None = None
    apart: frozenset[int] = frozenset()

    @property
    def varies(self) -> bool:
        """Whether it takes other values from outside in the rounds, and nothing of them."""
        return self.made is None and any(value is not self.taken[0] for value in self.taken)


class Wiring:
    """A stretch of rounds that are wired alike.

    repeat  where they are among the works of the program
    region  all works of all rounds
    slots   what each work of a round takes
    """

    def __init__(self, intake: Intake, looks: Looks, repeat: Repeat):
        self._intake, self._looks, works = intake, looks, intake.works
        self._keys: dict[Value, tuple] = {}
        self._slices: dict[tuple[Value, ...], Any] = {}  # of what is taken in the rounds, often by several works
        self.repeat = _well_cut(works, looks, repeat)
        self.region = works[self.repeat.first : self.repeat.end]
        while True:  # of fewer rounds, more comes from outside
            self.slots = self._slots()
            first, end = self._alike()
            if end - first < FEWEST_ROUNDS:
                raise Refusal(self._difference())
            if end - first == self.repeat.rounds:
                break
            count, begin = self.repeat.works, self.repeat.first + first * self.repeat.works
            self.region = self.region[first * count : end * count]
            self.repeat = Repeat(end - first, count, begin)

    def work(self, number: int, turn: int = 0) -> Instruction:
        """A work of a round."""
        return self.region[turn * self.repeat.works + number]

    def key(self, value: Value) -> tuple:
        """What is equal for equal ways to look at something."""
        if value not in self._looks:
            return ()
        if value not in self._keys:
            self._keys[value] = tuple([(view.op, view.frozen) for view in self._looks.of(value).views])
        return self._keys[value]

    def look(self, value: Value) -> tuple[Hashable, tuple]:
        """What is equal for what shows the same numbers: a base, or the numbers of a small constant, and a way to look at it."""
        base = self._looks.base(value)
        return numbers_of(base) or base, self.key(value)

    def _alike_everywhere(self, values: list[Value]) -> bool:
        """Whether values from outside show the same in all rounds, though they may be looked at anew in each."""
        first = self.look(values[0])
        return all(self.look(value) == first for value in values[-1:0:-1])

    def _slots(self) -> list[Slot]:
        """The slots, each a column of tables that have a row for each round: `_ago`, how many rounds before it was made what
        is taken, or -1 of what comes from outside; and `_begins`, with which round a stretch can begin that has the round
        of the row and the one before."""
        intake, rounds, count = self._intake, self.repeat.rounds, self.repeat.works
        makers = intake.makers_in(self.repeat) - self.repeat.first
        makers[makers >= len(self.region)] = -1
        begins = intake.begins[self.repeat.first : self.repeat.end + 1]
        taken = intake.values[begins[0] : begins[-1]]
        turns, outside = numpy.arange(rounds)[:, None], makers < 0
        self._ago = numpy.where(outside, -1, turns - makers // count)
        names: dict[tuple, int] = {(): 0}
        keys = [
            names.setdefault(self.key(value), len(names)) if maker >= 0 and value in self._looks else 0
            for value, maker in zip(taken, makers.ravel().tolist(), strict=True)
        ]
        views, wires = numpy.reshape(keys, makers.shape), numpy.where(outside, -1, makers - turns * count)
        as_before = (
            (wires[1:] == wires[:-1]) & (outside[1:] | (views[1:] == views[:-1])) & (outside[1:] == outside[:-1])
        )
        starts = outside[:-1] & (self._ago[1:] > 0) & (self._ago[1:] <= FARTHEST)
        self._begins = numpy.where(as_before, 0, turns[1:] - numpy.where(starts, self._ago[1:], 0))
        slots, width = [], makers.shape[1]
        begins = [begin - begins[0] for begin in begins[: count + 1]]
        for number, (begin, end) in enumerate(pairwise(begins)):
            for place in range(begin, end):
                ago, made = int(self._ago[-1, place]), None
                values = taken[place::width]
                if ago >= 0:
                    made = Wire(int(makers[-1, place]) % count, ago, self.key(values[-1]))
                elif self._alike_everywhere(values):
                    values = [values[-1]] * rounds
                slot = Slot(number, place - begin, values, made)
                slots.append(slot := self._sliced(slot) if slot.varies else slot)
                for turn in slot.apart:
                    self._begins[turn - 1, place] = turn
        return slots

    def _alike(self) -> tuple[int, int]:
        """The longest stretch of rounds that are wired alike: (the first, the one behind the last)."""
        first = self._begins.max(axis=1, initial=0)
        for turn in self._with_other_parameters():
            first[turn - 1] = turn
        first = numpy.maximum.accumulate(first)
        longest = int(numpy.argmax(numpy.arange(len(first)) - first))
        return int(first[longest]), longest + 2

    def _with_other_parameters(self) -> list[int]:
        """The rounds in which a work has other parameters than in the one before."""
        count, params = self.repeat.works, [work.frozen for work in self.region]
        if params[count:] == params[:-count]:
            return []
        rounds = [params[begin : begin + count] for begin in range(0, len(params), count)]
        return [turn for turn, (before, now) in enumerate(pairwise(rounds), 1) if before != now]

    def _difference(self) -> str:
        """In what rounds in the middle differ."""
        middle = sorted(range(1, self.repeat.rounds), key=lambda turn: abs(turn - self.repeat.rounds // 2))
        others = self._with_other_parameters()
        for turn in middle:
            for number in range(self.repeat.works) if turn in others else ():
                one, other = self.work(number, turn - 1), self.work(number, turn)
                names = [name for name in one.params if frozen(one.params[name]) != frozen(other.params[name])]
                if names:
                    had, has = (", ".join(f"{name}={work.params[name]}" for name in names) for work in (one, other))
                    return f"{one.op.name} has {had} in one round, and {has} in the next"
            for place, slot in enumerate(self.slots):
                if self._begins[turn - 1, place] > 0:
                    return self._said(slot, turn, int(self._ago[turn, place]))
        return f"fewer than {FEWEST_ROUNDS} rounds begin and end alike"

    def _said(self, slot: Slot, turn: int, ago: int) -> str:
        called = self.work(slot.work).op.name
        if turn in slot.apart:
            sources = {value.source.kind for value in slot.taken if value.source is not None}
            what = "other state" if "state" in sources else "something that is no slice of one array"
            return f"{called} takes {what} in each round"
        if ago > FARTHEST:
            return f"{called} takes what was made {ago} rounds before"
        return f"{called} takes something else in one round than in the next"

    def _sliced(self, slot: Slot) -> Slot:
        """With the slices that it goes over, if these are some. Anything else is to be put together, unless it is state."""
        taken = tuple(slot.taken)
        if taken not in self._slices:
            self._slices[taken] = sliced(list(map(self._looks.of, taken)))
        found = self._slices[taken]
        if found is not None:
            slices, views, apart = found
            return slot._replace(slices=(slices, views), apart=apart)
        other = [turn for turn, (a, b) in enumerate(pairwise(slot.taken), 1) if a is not b]
        sources = [self._looks.base(value).source for value in slot.taken]
        if len(other) <= ENDS or any(source is not None and source.kind == "state" for source in sources):
            return slot._replace(apart=frozenset(other))
        return slot


def _well_cut(works: Sequence[Instruction], looks: Looks, repeat: Repeat) -> Repeat:
    """The rounds, begun with the work before which there is least that they hand on."""
    count, middle = repeat.works, repeat.first + repeat.rounds // 2 * repeat.works
    places = {work.output: place for place, work in enumerate(works[middle - count : middle + count], middle - count)}
    last: dict[Value, int] = {}
    for place in range(middle - count, middle + 2 * count):
        for value in works[place].inputs:
            last[looks.base(value)] = place

    def handed_on(shift: int) -> int:
        cut = middle + shift
        return sum(v.nbytes for v, place in places.items() if cut - count <= place < cut <= last.get(v, -1))

    shift = min(range(count), key=handed_on)
    rounds = (repeat.rounds * count + repeat.more - shift) // count
    return Repeat(rounds, count, repeat.first + shift)
