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

Read before: `wiring.py`, `../../loops/body.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy

from ...loops.body import Body, Extract, Form, Operation
from ...loops.primitive import Scan
from ...ops import Primitive
from ...ops.elementwise import cast, discrete_cast
from ...ops.index import getitem
from ...ops.movement import reshape
from ...ops.shapes import size
from ..program import Call, Instruction, Program, Value
from ..repeats import FEWEST_ROUNDS, Looks, Repeat, is_look, repeats, works_of
from ..sources import Constant
from .dead import dead
from .gathered import gathered, moved
from .rewriting import Rewriting
from .slices import Series, ViewStep, views_of
from .wiring import Refusal, Slot, Wire, Wiring

ROLLED = "rolled"
"""What the pass is called."""
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


def rolling(program: Program) -> tuple[Program, list[FoundLoop]]:
    """The program with loops in the places of their rounds, and what was found."""
    found, instructions = [], program.instructions
    looks, works = Looks(instructions), works_of(instructions)
    waiting = sorted(
        repeats(works, looks), key=lambda repeat: repeat.first
    )  # a loop goes over what others have made before
    while waiting:
        repeat = waiting.pop(0)
        try:
            wiring = Wiring(works, looks, repeat)
            others = _others(repeat, wiring.repeat)
            if others:  # there are several loops
                waiting = sorted([wiring.repeat, *others, *waiting], key=lambda repeat: repeat.first)
                continue
            _refuse_fused(wiring.region[: repeat.works])
            program = _Loop(program, _Rounds(wiring, looks)).program()
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
    looks, works = Looks(program.instructions), works_of(program.instructions)
    seen = {work for repeat in repeats(works, looks) for work in works[repeat.first : repeat.end + repeat.more]}
    rest = [work for work in works if work not in seen]
    for repeat in repeats(rest, looks, strict=False):
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


class _Node(NamedTuple):
    """A value of the body, before it has a number: an input by its kind and place, or what a step gives."""

    kind: str
    place: int


class _Carry(NamedTuple):
    """What a carry begins with, and what the next round has of it: a work, looked at through views, or another carry."""

    start: Value
    work: int
    views: tuple[ViewStep, ...]
    before: _Node | None = None


class _Rounds:
    """The body of a loop, as it comes about.

    carries, xs, shared, numbers  what its inputs are in the program; xs are slices, or a value for each round
    works   what each work of a round is in the body
    """

    def __init__(self, wiring: Wiring, looks: Looks):
        self.wiring, self._looks = wiring, looks
        self.carries: list[_Carry] = []
        self.xs: list[Series | tuple[Value, ...]] = []
        self.shared: list[Value] = []
        self.numbers: list[Value] = []
        self.works: list[_Node] = []
        self._steps: list[tuple[tuple[_Node, ...], Operation]] = []
        self._views: dict[tuple, _Node] = {}
        slots = {(slot.work, slot.position): slot for slot in wiring.slots}
        for number in range(wiring.repeat.works):
            work = wiring.work(number, wiring.repeat.rounds - 1)
            op = _operation(work)
            taken = tuple(self._node(slots[number, position]) for position in range(len(work.inputs)))
            self.works.append(self._step(op, taken, work.params, Form.of(work.output), work.output))
        self._next = [self._seen(self.works[c.work], c.views) if c.before is None else c.before for c in self.carries]

    def body(self, made: Sequence[int], dtypes: Mapping[int, numpy.dtype] | None = None) -> Body:
        """The body, which hands out these works, in these dtypes if they are said."""
        handed = list(map(self._in_dtype, made, (None if dtypes is None else dtypes[number] for number in made)))
        kinds = {
            "carry": self.carries,
            "x": self.xs,
            "shared": self.shared,
            "number": self.numbers,
            "step": self._steps,
        }
        nodes = [_Node(kind, place) for kind, those in kinds.items() for place in range(len(those))]
        now = {node: place for place, node in enumerate(nodes)}
        return Body(
            [Form.of(carry.start) for carry in self.carries],
            map(self._form_of_x, self.xs),
            map(Form.of, self.shared),
            [value.constant[()] for value in self.numbers],
            [step._replace(inputs=tuple(now[node] for node in taken)) for taken, step in self._steps],
            [now[node] for node in self._next],
            [now[node] for node in handed],
        )

    def _in_dtype(self, number: int, dtype: numpy.dtype | None) -> _Node:
        form = Form.of(self.wiring.work(number).output)
        if dtype is None or dtype == form.dtype:
            return self.works[number]
        return self._step(cast, (self.works[number],), {"dtype": dtype}, Form(form.shape, dtype))

    def carry_of(self, number: int) -> int | None:
        """The carry that is what a work gave the round before."""
        return next((i for i, node in enumerate(self._next) if node == self.works[number]), None)

    @staticmethod
    def _form_of_x(x: Series | tuple[Value, ...]) -> Form:
        if isinstance(x, tuple) and not isinstance(x, Series):
            return Form.of(x[0])
        return Form(x.shape, x.source.dtype)

    def _node(self, slot: Slot) -> _Node:
        last = slot.made
        look = self._looks.of(slot.taken[-1])
        if slot.varies:
            if slot.slices is not None:
                slices, views = slot.slices
                return self._seen(self._input("x", self.xs, slices), views)
            return self._input("x", self.xs, tuple(slot.taken))
        if last is None:
            number = look.base.known_number is not None and isinstance(
                look.base.constant, (numpy.ndarray, numpy.generic)
            )
            which = ("number", self.numbers) if number else ("shared", self.shared)
            return self._seen(self._input(*which, look.base), views_of(look.views))
        if not last.ago:
            return self._seen(self.works[last.work], views_of(look.views))
        return self._carried(last, slot.taken[: last.ago], views_of(look.views))

    def _carried(self, made: Wire, starts: Sequence[Value], views: list[ViewStep]) -> _Node:
        """What was made before this round; `starts` has it for the first rounds."""
        bases = [self._looks.base(value) for value in starts]
        form = Form.of(self.wiring.work(made.work).output)
        within = all(self.wiring.key(value) == made.key for value in starts) and all(Form.of(b) == form for b in bases)
        carry = None
        for start in reversed(bases if within else starts):
            carry = self._input("carry", self.carries, _Carry(start, made.work, () if within else tuple(views), carry))
        assert carry is not None  # there is at least one round before
        return self._seen(carry, views) if within else carry

    def _input(self, kind: str, those: list, what: Any) -> _Node:
        """An input, which is one even if several works take it."""
        same = (place for place, other in enumerate(those) if other == what)
        place = next(same, len(those))
        if place == len(those):
            those.append(what)
        return _Node(kind, place)

    def _seen(self, node: _Node, views: Sequence[ViewStep]) -> _Node:
        """A value, looked at through views."""
        for view in views:
            key = node, view.key
            if key not in self._views:
                self._views[key] = self._step(view.op, (node,), view.params, Form(view.shape, view.dtype))
            node = self._views[key]
        return node

    def _step(
        self, op: Primitive, taken: tuple[_Node, ...], params: dict[str, Any], form: Form, like: Value | None = None
    ) -> _Node:
        scope = () if like is None else like.scope
        self._steps.append((taken, Operation(op, (), params, form, scope=scope)))
        return _Node("step", len(self._steps) - 1)


def _refuse_fused(works: Sequence[Instruction]) -> None:
    """Refuse rounds that fusion makes few kernels of, where a call takes longer than what it calls."""
    if all(work.elementwise and size(work.output.shape) < FUSED_ELEMENTS for work in works):
        raise Refusal("its operations are fused as they stand, which is quicker")


def _operation(work: Instruction) -> Primitive:
    """The operation of a work. Refuses what a body cannot have."""
    given = [numpy.empty(0, value.dtype) for value in work.inputs]
    op = work.op
    if isinstance(op, Call):
        raise Refusal(f"{op.name} is nothing that a loop can do")
    if op.coerce is not None and not all(a is b for a, b in zip(op.coerce(given), given, strict=True)):
        raise Refusal(f"{op.name} takes several dtypes")
    return op


class _Loop:
    """A loop in the place of its rounds."""

    def __init__(self, program: Program, rounds: _Rounds):
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
