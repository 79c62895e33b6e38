"""A loop on the CPU: the function of one round, which finds its memory elsewhere in each round.

What a round reads and writes lies one slice behind the other. Machine code is told where by addresses, and all of these
are in a few arrays of integers: between two rounds each goes on by the size of its slice, by one addition of NumPy's. What
no machine code does looks at its slice itself.

Read before: `lines.py`.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy

from ...loops.body import Form
from ...loops.primitive import Scan
from ...ops.matmul import linear, matmul
from ..passes import PASSES
from ..passes.rewriting import Rewriting
from ..program import COPY, Instruction, Program, Value
from ..record.rounds import round_of
from ..schedule.fusion import fusion
from ..schedule.layout import form_of
from ..schedule.ownership import ownership
from ..sources import Argument, Constant
from . import moves
from .functions import has_form
from .layout import HostLayout
from .lines import Lines
from .loops import LOOP_OPERATIONS, may_reduce
from .places import addressable
from .sharing.job import address
from .step_memory import StepMemory

WORTH_TURNING = 16
"""Rounds from which on a weight is turned for a product, once, in place of piece by piece in each round."""
ADDRESSES_TOGETHER = 1024
"""In one array, which goes on by one addition; a round with more of them has several."""


class LoopingLines(Lines):
    """Lines in which a loop is a call."""

    def _single(self, instruction: Instruction) -> None:
        if not isinstance(instruction.op, Scan):
            super()._single(instruction)
            return
        target = self._target(instruction.output)
        word = self._new_name("scan")
        self.names[word] = loop = HostLoop(instruction.op, self.layout.compiled)
        self.texts.append(loop.lines.whole().replace("def step(arguments)", f"def round_of_{word}(arguments)"))
        self.lines.append(f"{word}({', '.join([target, *map(self.name, instruction.inputs)])})")


class Slices(NamedTuple):
    """Memory that a round sees a slice of.

    dummy   stands for the slice: its shape and dtype, and an address nothing else has
    stride  bytes from a slice to the next; 0 for what all rounds share
    """

    dummy: numpy.ndarray
    stride: int


class RoundLines(LoopingLines):
    """The lines of a round.

    slices  value -> the memory that it is a slice of, by the place in the list
    """

    def __init__(
        self, layout: HostLayout, fixed: dict[Value, numpy.ndarray], memory: numpy.ndarray, slices: list[Slices]
    ):
        super().__init__(layout, fixed, memory, {})
        self.slices = slices
        # Addresses that loops are given: (memory, where each of them leads).
        self._cells: list[tuple[Any, list[tuple[int, int]]]] = []
        self._jobs: list[tuple[numpy.ndarray, dict[int, tuple[int, int]]]] = []
        self._looks: dict[str, Callable] = {}

    def _where(self, array: numpy.ndarray) -> tuple[int, int] | None:
        """(which of the slices an array lies in, how many bytes behind its beginning); None if it is at a fixed place."""
        if not array.size:
            return None
        place = address(array)
        for which, (dummy, _) in enumerate(self.slices):
            if dummy.size and 0 <= place - address(dummy) < dummy.nbytes:
                return which, place - address(dummy)
        return None

    def _pointer(self, array: numpy.ndarray) -> Any:
        where = self._where(array)
        if where is None:
            return super()._pointer(array)
        if not self._cells or len(self._cells[-1][1]) == ADDRESSES_TOGETHER:
            self._cells.append(((ctypes.c_int64 * ADDRESSES_TOGETHER)(), []))
        memory, places = self._cells[-1]
        places.append(where)
        return ctypes.c_void_p.from_buffer(memory, 8 * (len(places) - 1))

    def _placed_in(self, job: numpy.ndarray, arrays: dict[int, numpy.ndarray]) -> None:
        places = {place: where for place, array in arrays.items() if (where := self._where(array)) is not None}
        if places:
            self._jobs.append((job, places))

    def name(self, value: Value) -> str:
        word = f"v{value.number}"
        array = self.fixed.get(value)
        where = None if array is None else self._where(array)
        if array is None or where is None:
            return super().name(value)
        which, behind = where
        shape, dtype, strides, stride = array.shape, array.dtype, array.strides, self.slices[which].stride
        self._looks[word] = lambda arrays, t: numpy.ndarray(shape, dtype, arrays[which], t * stride + behind, strides)
        return word

    def function(self, results: Iterable[Value]) -> Callable:
        """The function, which begins with a look at those slices that its lines name."""
        named = {word for line in self.lines for word in re.findall(r"\bv\d+", line.partition("#")[0])}
        looks = {word: look for word, look in self._looks.items() if word in named}
        self.names |= {f"slice_{word}": look for word, look in looks.items()}
        self.lines = [*(f"{word} = slice_{word}(*arguments)" for word in looks), *self.lines]
        return super().function(results)

    def _transposed(self, value: Value) -> str:
        return f"{self.name(value)}.mT"

    def _single(self, instruction: Instruction) -> None:
        if instruction.op is not COPY:
            super()._single(instruction)
            return
        self._target(instruction.output)
        self._copied_to(instruction.inputs[0], instruction.output)

    def _write(self, memory: Value, value: Value) -> None:
        self._copied_to(value, memory)

    def _copied_to(self, value: Value, target: Value) -> None:
        form = self.fixed.get(value)
        if self.layout.compiled and form is not None and form.size and addressable(form):
            self._moved(moves.copy(form), value, target)
        else:
            self.lines.append(f"copyto({self.name(target)}, {self.name(value)})")

    def advancing(self) -> list[Advancing]:
        """All arrays of addresses."""
        cells = [(numpy.frombuffer(memory, numpy.int64, len(places)), places) for memory, places in self._cells]
        return [
            *(Advancing(integers, range(len(places)), places, self.slices) for integers, places in cells),
            *(Advancing(job, places, list(places.values()), self.slices) for job, places in self._jobs),
        ]


class Advancing:
    """An array of integers, some of which are addresses in slices."""

    def __init__(
        self, integers: numpy.ndarray, places: Iterable[int], where: list[tuple[int, int]], slices: list[Slices]
    ):
        self.integers, self._places = integers, list(places)
        self._which = numpy.array([which for which, _ in where])
        self._behind = numpy.array([behind for _, behind in where])
        self._strides = numpy.array([slices[which].stride for which, _ in where])
        self.step = numpy.zeros_like(integers)

    def start(self, beginnings: numpy.ndarray, first: int, direction: int) -> None:
        """Make ready for round number `first`; `beginnings` has the addresses of all slices of number 0."""
        self.integers[self._places] = beginnings[self._which] + self._behind + first * self._strides
        self.step[self._places] = direction * self._strides


class HostLoop:
    """A loop, ready to run: `loop(result, *operands)`."""

    def __init__(self, op: Scan, compiled: bool):
        self.op, body = op, op.body
        first_x = len(body.carries)
        self.carries = [numpy.zeros(form.shape, form.dtype) for form in body.carries]
        handed = [Form(form.shape[1:], form.dtype) for _, _, form in op.parts[len(op.finals) :]]
        self.slices = [_slices(form) for form in body.xs] + [_slices(form, alike=True) for form in body.shared]
        self.slices += map(_slices, handed)
        turn = round_of(body)
        program, self._turned = turn.program, []
        for simplify in (*PASSES.values(), PASSES["dead"], ownership):
            program = simplify(program)
        fixed = dict(zip(turn.inputs, self.carries, strict=False))
        values = [*turn.inputs[first_x:], *turn.handed]
        if op.length >= WORTH_TURNING:
            program, turned = _with_turned_weights(program, turn.inputs[first_x + len(body.xs) :])
            self._turned = [values.index(weight) for weight in turned]
            self.slices += [_slices(Form(value.shape, value.dtype), alike=True) for value in turned.values()]
            values += turned.values()
        fixed |= {value: each.dummy for value, each in zip(values, self.slices, strict=True)}
        self.lines = _lines(program, fixed, self.slices, compiled)
        self._function = self.lines.compiled([])
        self._advancing = self.lines.advancing()

    def __call__(self, result: numpy.ndarray, *operands: numpy.ndarray) -> None:
        op = self.op
        views = op.views(result)
        finals, stacks = views[: len(op.finals)], views[len(op.finals) :]
        for carry, start in zip(self.carries, operands, strict=False):
            numpy.copyto(carry, start)
        arrays = [*map(numpy.ascontiguousarray, operands[len(self.carries) :]), *stacks]
        arrays += [numpy.ascontiguousarray(arrays[which].T) for which in self._turned]
        if op.length:
            beginnings = numpy.array(list(map(address, arrays)), numpy.int64)
            first, direction = (op.length - 1, -1) if op.reverse else (0, 1)
            for each in self._advancing:
                each.start(beginnings, first, direction)
            pairs = [(each.integers, each.step) for each in self._advancing]
            function, add = self._function, numpy.add
            for t in op.rounds():
                function((arrays, t))
                for integers, step in pairs:
                    add(integers, step, integers)
        for final, i in zip(finals, op.finals, strict=True):
            final[...] = self.carries[i]


def _slices(form: Form, alike: bool = False) -> Slices:
    """The slices of a stack, or what is the same in all rounds."""
    dummy = numpy.empty(form.shape, form.dtype)
    return Slices(dummy, 0 if alike else dummy.nbytes)


def _with_turned_weights(program: Program, shared: list[Value]) -> tuple[Program, dict[Value, Value]]:
    """The program with products x @ weightᵀ as x @ w, where w is turned once for all rounds; and weight -> w."""
    rewriting, turned, instructions = Rewriting(program), {}, []
    for instruction in program.instructions:
        if instruction.op is linear and instruction.inputs[1] in shared:
            x, weight = instruction.inputs
            if weight not in turned:
                turned[weight] = rewriting.value(weight.shape[::-1], weight.dtype, Argument(-1, "a turned weight"))
            instruction = Instruction(matmul, (x, turned[weight]), {}, instruction.output)
        instructions.append(instruction)
    return program.with_instructions(instructions), turned


def _lines(program: Program, fixed: dict[Value, numpy.ndarray], slices: list[Slices], compiled: bool) -> RoundLines:
    """The lines of a round, over memory that is looked up in `fixed`."""

    def may(instruction: Instruction, is_reduced: bool) -> bool:
        return compiled and may_reduce(instruction, is_reduced)

    kernels = fusion(program, has_form, True, may, longest=LOOP_OPERATIONS if compiled else math.inf)
    constants = [value for value in program.sources() if isinstance(value.source, Constant)]
    fixed = {value: numpy.asarray(value.source.array) for value in constants} | fixed
    forms = {value: form_of(array.shape, array.dtype, array.strides) for value, array in fixed.items()}
    written = {memory for memory, _ in program.writes}
    layout = HostLayout(program, [[kernel] for kernel in kernels], forms, written, compiled=compiled)
    return RoundLines(layout, fixed, StepMemory().of(layout.nbytes), slices)
