"""Loops of Python in a recorded step: rounds of equal operations, each of which takes what the one before gave.

They are written out, and run as they stand: whether two rounds of a Python function will always be equal, a recording of some
of them cannot tell, and what is written out runs as fast. It takes longer to compile, so `explain()` says where they are.

Read before: `program.py`. Read next: `explain.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

from .program import Instruction, Program, Value

FEWEST_ROUNDS = 8
MOST_OPERATIONS = 512
"""Of a round that is looked for."""


class Repeat(NamedTuple):
    """So many rounds, of so many operations each, from an instruction of the program on."""

    rounds: int
    operations: int
    first: int


def repeats(program: Program) -> list[Repeat]:
    """The loops, from the longest to the shortest, none of which lies in another."""
    names: dict[Any, int] = {}
    kinds = numpy.array([names.setdefault(_kind(instruction), len(names)) for instruction in program.instructions])
    taken, found = numpy.zeros(len(kinds), bool), []
    while (best := _longest(kinds, taken, program)) is not None:
        found.append(best)
        taken[best.first : best.first + best.rounds * best.operations] = True
    return found


def _longest(kinds: numpy.ndarray, taken: numpy.ndarray, program: Program) -> Repeat | None:
    best: Repeat | None = None
    for period in range(1, min(MOST_OPERATIONS, len(kinds) // FEWEST_ROUNDS) + 1):
        same = (kinds[:-period] == kinds[period:]) & ~taken[:-period] & ~taken[period:]
        edges = numpy.flatnonzero(numpy.diff(numpy.concatenate([[0], same, [0]])))
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            found = Repeat(int(end - first) // period + 1, period, int(first))
            longer = best is None or found.rounds * period > best.rounds * best.operations
            if found.rounds >= FEWEST_ROUNDS and longer and _is_loop(program.instructions, found):
                best = found
    return best


def _is_loop(instructions: list[Instruction], repeat: Repeat) -> bool:
    """Whether each round takes something of the one before, and all of them take the same state: equal layers in a row,
    or the updates of many parameters, are no loop."""
    count, span = repeat.operations, range(repeat.first, repeat.first + repeat.rounds * repeat.operations)
    rounds = {instructions[place].output: (place - repeat.first) // count for place in span}
    linked: set[int] = set()
    state: list[set[Value]] = [set() for _ in range(repeat.rounds)]
    for place in span:
        here = (place - repeat.first) // count
        for value in instructions[place].inputs:
            if rounds.get(value) == here - 1:
                linked.add(here)
            if value.source is not None and value.source.kind == "state":
                state[here].add(value)
    return len(linked) == repeat.rounds - 1 and all(each == state[0] for each in state)


def _kind(instruction: Instruction) -> tuple:
    """What it does, without the places that an index names."""
    params = tuple((name, None if name == "index" else repr(value)) for name, value in instruction.params.items())
    forms = tuple((value.shape, value.dtype) for value in (*instruction.inputs, instruction.output))
    return instruction.op, params, forms
