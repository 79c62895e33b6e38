"""Loops of Python in a recorded step: rounds of equal operations, each of which takes what the one before gave.

A loop of Python is written down round by round. What a round only looks at (a slice, a transpose) may stand anywhere, and is
left out where equal work is merged; so rounds are told by their *works*, the operations that compute.

Read before: `program.py`. Read next: `passes/rolled.py`, which makes loops of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy

from .program import DRAW, Instruction, Value, is_check

FEWEST_ROUNDS = 8
MOST_OPERATIONS = 512
"""Of a round that is looked for."""


class Repeat(NamedTuple):
    """So many rounds, of so many works each, from a work on; `more` works behind them would be the beginning of another round."""

    rounds: int
    works: int
    first: int
    more: int = 0

    @property
    def end(self) -> int:
        """The work behind the last one."""
        return self.first + self.rounds * self.works


class Look(NamedTuple):
    """A value as it is looked at: through `views`, instructions from the first to the last, at what `base` holds."""

    base: Value
    views: tuple[Instruction, ...] = ()


class Looks(dict[Value, Look]):
    """Value -> its look, for what instructions only look at; a value that has none is its own base."""

    def __init__(self, instructions: Iterable[Instruction]):
        super().__init__()
        for instruction in filter(is_look, instructions):
            base, views = self.of(instruction.inputs[0])
            self[instruction.output] = Look(base, (*views, instruction))

    def of(self, value: Value) -> Look:
        """How a value is looked at."""
        return self.get(value) or Look(value)

    def base(self, value: Value) -> Value:
        """What is looked at where this value is."""
        look = self.get(value)
        return value if look is None else look.base


def is_look(instruction: Instruction) -> bool:
    """Whether it only shows numbers in another way, by parameters alone."""
    return instruction.op.kind == "view" and len(instruction.inputs) == 1


def works_of(instructions: Iterable[Instruction], looks: Looks) -> list[Instruction]:
    """The instructions that compute: no looks, no random numbers, no checks."""
    return [i for i in instructions if not (i.output in looks or i.op is DRAW or is_check(i))]


class Intake:
    """What `works` take, one value after the other.

    values  what they are
    begins  the place among these at which those of each work begin, and the place behind all
    makers  the place of the work that gives what is looked at there; -1 where that is none of these works
    """

    def __init__(self, works: Sequence[Instruction], looks: Looks):
        self.works = works
        self.values = [value for work in works for value in work.inputs]
        self.begins = [0, *accumulate([len(work.inputs) for work in works])]
        self._bases = [looks[value].base if value in looks else value for value in self.values]
        places = {work.output: place for place, work in enumerate(works)}
        self.makers = numpy.array([places.get(base, -1) for base in self._bases], numpy.int64)

    def makers_in(self, repeat: Repeat) -> numpy.ndarray:
        """A row for each round: the makers of all that it takes, which is as much in each."""
        whole = self.makers[self.begins[repeat.first] : self.begins[repeat.end]]
        return whole.reshape(repeat.rounds, -1)

    @cached_property
    def states(self) -> list[Value | None]:
        """What is looked at, where that is state."""
        return [base if (made := base.source) is not None and made.kind == "state" else None for base in self._bases]


def repeats(intake: Intake, strict: bool = True) -> list[Repeat]:
    """The loops, none of which lies in another: the longest first, then those before and behind it.

    strict  whether operations are equal only if their parameters are
    """
    works, names = intake.works, dict[tuple, int]()
    kinds = numpy.array([names.setdefault(_kind(work, strict), len(names)) for work in works], numpy.int32)
    found, waiting = [], [(0, len(works))]
    while waiting:
        first, end = waiting.pop()
        best = _longest(kinds[first:end], first, intake)
        if best is not None:
            found.append(best)
            waiting += [(first, best.first), (best.end + best.more, end)]
    return found


def _longest(kinds: numpy.ndarray, first: int, intake: Intake) -> Repeat | None:
    """The longest loop among works of these kinds, which begin with work `first`."""
    best: Repeat | None = None
    same = numpy.zeros(len(kinds) + 2, bool)
    for period in range(1, min(MOST_OPERATIONS, len(kinds) // FEWEST_ROUNDS) + 1):
        fewest = max(FEWEST_ROUNDS, 0 if best is None else best.rounds * best.works // period + 1)
        equal = kinds[:-period] == kinds[period:]
        if numpy.count_nonzero(equal) < (fewest - 1) * period:
            continue
        same[1 : len(kinds) - period + 1] = equal
        same[len(kinds) - period + 1 :] = False
        edges = (same[1:] != same[:-1]).nonzero()[0]
        lengths = edges[1::2] - edges[::2] + period
        for where in numpy.flatnonzero(lengths >= fewest * period).tolist():
            rounds, more = divmod(int(lengths[where]), period)
            found = Repeat(rounds, period, first + int(edges[2 * where]), more)
            longer = best is None or rounds * period > best.rounds * best.works
            if longer and _is_loop(intake, found):
                best = found
    return best


def _is_loop(intake: Intake, repeat: Repeat) -> bool:
    """Whether most rounds take something of the one before, and the same state: equal layers in a row, or the updates of many
    parameters, are no loop. Several loops of one kind, one behind the other, are found as one."""
    from_round = (intake.makers_in(repeat) - repeat.first) // repeat.works
    follows = (from_round[1:] == numpy.arange(repeat.rounds - 1)[:, None]).any(1).tolist()
    begins = intake.begins[repeat.first : repeat.end + 1 : repeat.works]
    states = [{*intake.states[begin:end]} - {None} for begin, end in pairwise(begins)]
    return 2 * sum(follow and a == b for follow, (a, b) in zip(follows, pairwise(states), strict=True)) > repeat.rounds


def _kind(work: Instruction, strict: bool) -> tuple:
    """What it does, and to what."""
    kind = [work.op, work.frozen if strict else None]
    for value in (work.output, *work.inputs):
        kind += value.shape, value.dtype
    return tuple(kind)
