"""Loops of Python rolled up: rounds that are wired alike become the instruction that `tg.scan` has in a program.

    what a round takes                          becomes
    the same in all rounds                      shared
    what the round before gave                  a carry
    slices of one array, at equal distances     xs: the array itself
    something else in each round                xs: put together before
    what others read of a round                 a slice of what the loop hands out

Nothing is computed in another order: the sums of gradients over the rounds are carries, as they were. So the numbers are those
of the rounds written out, and machine code is made of one round only. A loop whose operations would be one kernel stays as it
is: that is quicker.

Read before: `wiring.py`, `bodies.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from ...loops.body import Extract
from ...loops.primitive import Scan
from ...ops.elementwise import discrete_cast
from ...ops.index import ARRAY, getitem
from ...ops.movement import reshape
from ...ops.shapes import size
from ..program import Instruction, Program, Value
from ..repeats import FEWEST_ROUNDS, Intake, Looks, Repeat, is_look, repeats, works_of
from ..sources import Constant
from .bodies import RollingBody
from .dead import dead
from .gathered import gathered, moved
from .rewriting import Rewriting
from .slices import Series
from .wiring import Refusal, Wiring

ROLLED, AT_ONCE = "rolled", "rolled at once"
"""What the pass is called, behind the others and before them."""
MANY_INSTRUCTIONS = 5000
"""Of a program that is rolled up at once. Of a shorter one the other passes take less time than to look for loops."""
FUSED_ELEMENTS = 4096
"""Elements from which on a round of elementwise operations is quicker as a kernel of its own than as a part of one of many
rounds."""


class FoundLoop(NamedTuple):
    """A loop of Python that was found: so many rounds of so many operations; why it stays written out, or nothing."""

    rounds: int
    operations: int
    reason: str = ""


def rolled(program: Program) -> Program:
    """With loops in the places of their rounds."""
    return rolling(program)[0]


def rolled_at_once(program: Program) -> Program:
    """The same before other passes, which then have one round to look at: of long programs, and of loops of which others would
    make no other ones."""
    return program if len(program.instructions) < MANY_INSTRUCTIONS else rolling(program, at_once=True)[0]


def rolling(program: Program, at_once: bool = False) -> tuple[Program, list[FoundLoop]]:
    """The program with loops in the places of their rounds, and what was found.

    at_once  whether other passes are still to come: then loops stay written out of which these would make other ones
    """
    found, instructions = [], program.instructions
    looks = Looks(instructions)
    intake = Intake(works_of(instructions, looks), looks)
    # In their order: a loop goes over what others have made before.
    waiting = sorted(repeats(intake), key=lambda repeat: repeat.first)
    while waiting:
        repeat = waiting.pop(0)
        try:
            wiring = Wiring(intake, looks, repeat)
            others = _others(repeat, wiring.repeat)
            if others:  # there are several loops
                waiting = sorted([wiring.repeat, *others, *waiting], key=lambda repeat: repeat.first)
                continue
            _refuse_fused(wiring.region[: repeat.works])
            if at_once:
                _refuse_unsettled(wiring)
            program = _Loop(program, RollingBody(wiring, looks)).program()
            looks = Looks(program.instructions)
            found.append(FoundLoop(wiring.repeat.rounds, wiring.repeat.works))
        except Refusal as refused:
            found.append(FoundLoop(repeat.rounds, repeat.works, str(refused)))
    if all(loop.reason for loop in found):
        return program, found
    writing = Rewriting(program)
    for instruction in program.instructions:
        writing.keep(gathered(instruction, looks, writing))
    return dead(Program(writing.producers.values(), program.results, program.writes)), found


def loops_of(program: Program) -> list[FoundLoop]:
    """The loops of a program: those that are rolled up, and those that are not, also because their parameters differ."""
    found = rolling(program)[1]
    looks = Looks(program.instructions)
    works = works_of(program.instructions, looks)
    seen = {work for repeat in repeats(Intake(works, looks)) for work in works[repeat.first : repeat.end + repeat.more]}
    rest = Intake([work for work in works if work not in seen], looks)
    for repeat in repeats(rest, strict=False):
        try:
            Wiring(rest, looks, repeat)
        except Refusal as refused:
            found.append(FoundLoop(repeat.rounds, repeat.works, str(refused)))
    return found


def _others(whole: Repeat, part: Repeat) -> list[Repeat]:
    """What is left of rounds, before and behind a part of them, where that may be loops too."""
    sides = [(whole.first, part.first), (part.end, whole.end + whole.more)]
    left = [(first, *divmod(end - first, whole.works)) for first, end in sides]
    return [Repeat(rounds, whole.works, first, more) for first, rounds, more in left if rounds >= FEWEST_ROUNDS]


def _refuse_fused(works: Sequence[Instruction]) -> None:
    """Refuse rounds that fusion makes few kernels of, where a call takes longer than what it calls."""
    if all(work.elementwise and size(work.output.shape) < FUSED_ELEMENTS for work in works):
        raise Refusal("its operations are fused as they stand, which is quicker")


def _refuse_unsettled(wiring: Wiring) -> None:
    """Refuse rounds of which other passes would make other ones: they compute the same once where it is computed twice, in one
    round or in all of them, and what labels take from rows as a comparison."""
    turn = wiring.region[-wiring.repeat.works :]
    moving = {slot.work for slot in wiring.slots if slot.made is not None or slot.varies}
    done = {(work.op, work.frozen, tuple(map(wiring.look, work.inputs))) for work in turn}
    if len(moving) < len(turn) or len(done) < len(turn) or any(ARRAY in work.params.get("index", ()) for work in turn):
        raise Refusal("other passes make other rounds of them")


class _Loop:
    """A loop in the place of its rounds."""

    def __init__(self, program: Program, rounds: RollingBody):
        self._rounds, self._wiring, self._length = rounds, rounds.wiring, rounds.wiring.repeat.rounds
        self._program, self._region = program, set(rounds.wiring.region)
        self._writing = Rewriting(program)
        self._writing.scope = rounds.wiring.region[-1].output.scope
        self._reverse = sum(self._direction(x) for x in rounds.xs) < 0

    def program(self) -> Program:
        """The program with it."""
        scans = self._scans(*self._handed_out())
        inside = {work.output for work in self._region}
        end = 1 + self._program.instructions.index(self._wiring.region[-1])
        late = []
        for instruction in self._program.instructions[:end]:
            if instruction in self._region:
                continue
            if inside.isdisjoint(instruction.inputs):
                self._writing.keep(instruction)
            else:
                inside.add(instruction.output)
                late.append(instruction)
        xs = [self._stack(x) for x in self._rounds.xs]
        for works, op, part in scans:
            self._write(works, op, self._inputs(part, xs))
        for instruction in (*late, *self._program.instructions[end:]):
            self._writing.keep(instruction)
        return Program(self._writing.producers.values(), self._program.results, self._program.writes)

    def _handed_out(self) -> tuple[list[int], list[int]]:
        """(the works that others read of several rounds, those of which they only read the last)."""
        read = {*self._program.results, *(value for _, value in self._program.writes)}
        for instruction in reversed(self._program.instructions):
            if instruction not in self._region and (instruction.output in read or not is_look(instruction)):
                read.update(instruction.inputs)
        made, finals = [], []
        for number in range(self._wiring.repeat.works):
            of_rounds = self._wiring.region[number :: self._wiring.repeat.works]
            turns = [turn for turn, work in enumerate(of_rounds) if work.output in read]
            if turns == [self._length - 1] and self._rounds.carry_of(number) is not None:
                finals.append(number)
            elif turns:
                made.append(number)
        return made, finals

    def _scans(self, made: list[int], finals: list[int]) -> list[tuple[list[int], Scan, Extract]]:
        """(works, the loop that gives these, what it takes of the whole body) for each dtype. What is of another one is
        computed in a loop of its own, if that does not need all the rest; or, if it is True or False, handed out as a number."""
        whole = self._rounds.body(made)
        dtypes = {number: self._wiring.work(number).output.dtype for number in (*finals, *made)}
        values = dict(zip(made, whole.made, strict=True))
        floats = [dtype for dtype in dtypes.values() if dtype.kind == "f"]
        truths = [number for number in made if dtypes[number].kind == "b"]
        if floats and whole.part([], [values[number] for number in truths]).carries:
            dtypes |= dict.fromkeys(truths, floats[0])
            whole = self._rounds.body(made, dtypes)
            values = dict(zip(made, whole.made, strict=True))
        groups: dict[numpy.dtype, list[int]] = {}
        for number, dtype in dtypes.items():
            groups.setdefault(dtype, []).append(number)
        scans, carried = [], 0
        for works in groups.values():
            carried_works = (self._rounds.carry_of(number) for number in works if number in finals)
            carries = [carry for carry in carried_works if carry is not None]
            part = whole.part(carries, [values[number] for number in works if number not in finals])
            carried += bool(part.carries)
            last = [part.carries.index(carry) for carry in carries]
            op = Scan(part.body, last, len(part.body.made), self._length, self._reverse, _no_gradient, exact=True)
            scans.append((works, op, part))
        if carried > 1:
            names = ", ".join(sorted(map(str, groups)))
            raise Refusal(f"what it hands on to others is of several dtypes: {names}")
        return scans

    def _inputs(self, part: Extract, xs: list[Value]) -> tuple[Value, ...]:
        """What a loop of a part of the body takes."""
        carries, shared = self._rounds.carries, self._rounds.shared
        return (
            *(carries[i].start for i in part.carries),
            *(xs[j] for j in part.xs),
            *(shared[k] for k in part.shared),
        )

    def _write(self, works: list[int], op: Scan, inputs: tuple[Value, ...]) -> None:
        """The loop, and in the places of what the rounds gave the slices of what it gives."""
        writing, last = self._writing, self._wiring.region[-1].output
        whole = writing.new(op, inputs, (op.size,), op.result_dtype)
        whole.gradient_of = last.gradient_of
        for place, (number, (first, end, form)) in enumerate(zip(works, op.parts, strict=True)):
            part = writing.new(getitem, (whole,), (end - first,), form.dtype, index=(slice(first, end),))
            if place < len(op.finals):
                output = self._wiring.work(number, self._length - 1).output
                writing.keep(Instruction(reshape, (part,), {"shape": form.shape}, output))
                continue
            stack = writing.reshaped(part, form.shape)
            dtype = self._wiring.work(number).output.dtype
            if dtype != form.dtype:
                stack = writing.new(discrete_cast, (stack,), form.shape, dtype, dtype=dtype)
            for turn, work in enumerate(self._wiring.region[number :: self._wiring.repeat.works]):
                place = self._length - 1 - turn if self._reverse else turn
                writing.keep(Instruction(getitem, (stack,), {"index": (place,)}, work.output))

    @staticmethod
    def _direction(x: Series | tuple[Value, ...]) -> int:
        """Bytes of slices, negative if they are taken from the last to the first."""
        return (x.source.nbytes if x.step > 0 else -x.source.nbytes) if isinstance(x, Series) else 0

    def _stack(self, x: Series | tuple[Value, ...]) -> Value:
        """The array whose slices a loop goes over."""
        if not isinstance(x, Series):
            return self._together(x[::-1] if self._reverse else x)
        if self._reverse:
            x = x._replace(first=x.first + (self._length - 1) * x.step, step=-x.step)
        return moved(x, 0, self._length, 0, self._writing)

    def _together(self, values: Sequence[Value]) -> Value:
        """Values put together, one behind the other."""
        shape, dtype = values[0].shape, values[0].dtype
        arrays = [value.constant for value in values]
        if all(isinstance(array, (numpy.ndarray, numpy.generic)) for array in arrays):
            return self._writing.value((len(values), *shape), dtype, Constant(numpy.stack(arrays)))
        return self._writing.stacked(values)


def _no_gradient(*_: Any) -> None:
    """What a program is made of has been differentiated."""
    raise NotImplementedError
