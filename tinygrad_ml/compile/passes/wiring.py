"""What each operation of a round takes: something of this round or of one before, a slice, or what all rounds share.

Rounds that are wired alike are one loop. Those at the ends often are not (the first gradient is not added to anything): the
longest stretch that is, counts, and what is left over stays as it is.

Read before: `slices.py`. Read next: `rolled.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ..program import Instruction, Value
from ..repeats import FEWEST_ROUNDS, Looks, Repeat
from .equal import frozen
from .slices import ENDS, Series, ViewStep, sliced, views_of

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
    made    what that is of the rounds; None where it comes from outside
    slices  what that is, where it is a slice in almost all rounds, and views of the slice
    apart   the rounds of which that does not hold, or which do not follow the slice before
    """

    work: int
    position: int
    taken: Sequence[Value]
    made: list[Wire | None]
    slices: tuple[Series, list[ViewStep]] | None = None
    apart: frozenset[int] = frozenset()

    @property
    def varies(self) -> bool:
        """Whether it takes other values from outside in the rounds, and nothing of them."""
        return self.made[-1] is None and any(value is not self.taken[0] for value in self.taken)

    def begins(self, turn: int) -> int:
        """The first round with which one stretch can begin that has this round, and the one before."""
        before, now = self.made[turn - 1], self.made[turn]
        if turn in self.apart or (now is None and before is not None):
            return turn
        if now is None or before == now:
            return 0
        return turn - now.ago if before is None and 0 < now.ago <= FARTHEST else turn


class Wiring:
    """A stretch of rounds that are wired alike.

    repeat  where they are among the works of the program
    slots   what each work of a round takes
    """

    def __init__(self, works: Sequence[Instruction], looks: Looks, repeat: Repeat):
        self._works, self._looks = works, looks
        self._keys: dict[Value, tuple] = {}
        self._params = [frozen(work.params) for work in works[repeat.first : repeat.end + repeat.more]]
        self._first = repeat.first
        self.repeat, rounds = _well_cut(works, looks, repeat), 0
        while rounds != self.repeat.rounds:  # of fewer rounds, more comes from outside
            rounds = self.repeat.rounds
            self.slots = self._slots()
            first, end = self._alike()
            if end - first < FEWEST_ROUNDS:
                raise Refusal(self._difference())
            begin = self.repeat.first + first * self.repeat.works
            self.repeat = Repeat(end - first, self.repeat.works, begin)

    def work(self, number: int, turn: int = 0) -> Instruction:
        """A work of a round."""
        return self._works[self.repeat.first + turn * self.repeat.works + number]

    @property
    def region(self) -> Sequence[Instruction]:
        """All works of all rounds."""
        return self._works[self.repeat.first : self.repeat.end]

    def key(self, value: Value) -> tuple:
        """What is equal for equal ways to look at something."""
        if value not in self._looks:
            return ()
        if value not in self._keys:
            self._keys[value] = tuple([view.key for view in views_of(self._looks.of(value).views)])
        return self._keys[value]

    def _slots(self) -> list[Slot]:
        places = {instruction.output: place for place, instruction in enumerate(self.region)}
        slots = []
        for number in range(self.repeat.works):
            of_rounds = self.region[number :: self.repeat.works]
            for position, taken in enumerate(zip(*[work.inputs for work in of_rounds], strict=True)):
                slot = Slot(number, position, taken, self._made(taken, places))
                slots.append(self._sliced(slot) if slot.varies else slot)
        return slots

    def _made(self, taken: Sequence[Value], places: dict[Value, int]) -> list[Wire | None]:
        """What values are of the rounds, one in each round."""
        found: list[Wire | None] = []
        for turn, value in enumerate(taken):
            look = self._looks.get(value)
            place = places.get(value if look is None else look.base)
            if place is None:
                found.append(None)
            else:
                before, work = divmod(place, self.repeat.works)
                found.append(Wire(work, turn - before, () if look is None else self.key(value)))
        return found

    def _alike(self) -> tuple[int, int]:
        """The longest stretch of rounds that are wired alike: (the first, the one behind the last)."""
        first, best = 0, (0, 1)
        for turn in range(1, self.repeat.rounds):
            if self._other_parameters(turn) is not None:
                first = turn
            first = max(first, max(slot.begins(turn) for slot in self.slots))
            best = max(best, (first, turn + 1), key=lambda run: run[1] - run[0])
        return best

    def _other_parameters(self, turn: int) -> int | None:
        """A work that has other parameters in a round than in the one before."""
        begin, count = self.repeat.first - self._first + turn * self.repeat.works, self.repeat.works
        now, before = self._params[begin : begin + count], self._params[begin - count : begin]
        return next((number for number in range(count) if now[number] != before[number]), None)

    def _difference(self) -> str:
        """In what rounds in the middle differ."""
        middle = sorted(range(1, self.repeat.rounds), key=lambda turn: abs(turn - self.repeat.rounds // 2))
        for turn in middle:
            number = self._other_parameters(turn)
            if number is not None:
                one, other = self.work(number, turn - 1), self.work(number, turn)
                names = [name for name in one.params if frozen(one.params[name]) != frozen(other.params[name])]
                had, has = (", ".join(f"{name}={work.params[name]}" for name in names) for work in (one, other))
                return f"{one.op.name} has {had} in one round, and {has} in the next"
            for slot in self.slots:
                if slot.begins(turn) > 0:
                    return self._said(slot, turn)
        return f"fewer than {FEWEST_ROUNDS} rounds begin and end alike"

    def _said(self, slot: Slot, turn: int) -> str:
        called, made = self.work(slot.work).op.name, slot.made[turn]
        if turn in slot.apart:
            sources = {value.source.kind for value in slot.taken if value.source is not None}
            what = "other state" if "state" in sources else "something that is no slice of one array"
            return f"{called} takes {what} in each round"
        if made is not None and made.ago > FARTHEST:
            return f"{called} takes what was made {made.ago} rounds before"
        return f"{called} takes something else in one round than in the next"

    def _sliced(self, slot: Slot) -> Slot:
        """With the slices that it goes over, if these are some. Anything else is to be put together, unless it is state."""
        found = sliced([self._looks.of(value) for value in slot.taken])
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
