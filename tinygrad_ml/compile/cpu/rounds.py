"""A loop on the CPU: the function of one round, which finds its memory elsewhere in each round.

What a round reads and writes lies one slice behind the other. Machine code is told where by addresses in its jobs, and
between two rounds each of these goes on by the size of its slice. A round that is nothing but jobs is repeated by machine
code, too: then all rounds are one call. What else is done is given its slices by NumPy, which goes over them.

Read before: `lines.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy

from ...loops.body import Form
from ...loops.primitive import Scan
from ...machine.products.plan import Product
from ...machine.sharing import calling
from ...machine.sharing.job import address
from ...machine.sharing.stretch import ROUNDS, Stretch, place_in
from ...ops.matmul import linear, matmul
from ...ops.movement import permute_dims
from ..passes import PASSES
from ..passes.rewriting import Rewriting
from ..program import Instruction, Program, Value
from ..record.rounds import round_of
from ..schedule.fusion import fusion
from ..schedule.layout import form_of
from ..schedule.ownership import ownership
from ..sources import Argument, Constant
from .functions import has_form
from .keepers import StepMemory
from .layout import HostLayout
from .lines import Lines
from .loops import LOOP_OPERATIONS, may_reduce
from .places import Operand

WORTH_TURNING = 16
"""Rounds from which on a weight is turned for a product, once, in place of piece by piece in each round."""


class LoopingLines(Lines):
    """Lines in which a loop is a call."""

    def _single(self, instruction: Instruction) -> None:
        if not isinstance(instruction.op, Scan):
            super()._single(instruction)
            return
        target = self._target(instruction.output)
        word = self._new_name("scan")
        self.names[word] = loop = HostLoop(instruction.op, self.layout.compiled)
        self.texts.append(loop.lines.whole().replace("def step(arguments)", f"def rounds_of_{word}(arguments)"))
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
        self._begins = [(which, address(dummy), dummy.nbytes) for which, (dummy, _) in enumerate(slices) if dummy.size]
        self._moving: list[
            tuple[numpy.ndarray, int, tuple[int, int]]
        ] = []  # (job, place in it, where its address leads)
        self._looks: dict[str, tuple[int, int, numpy.ndarray]] = {}

    def _where(self, array: numpy.ndarray) -> tuple[int, int] | None:
        """(which of the slices an array lies in, how many bytes behind its beginning); None if it is at a fixed place."""
        if not array.size:
            return None
        place = address(array)
        for which, begin, nbytes in self._begins:
            if 0 <= place - begin < nbytes:
                return which, place - begin
        return None

    def _call_job(self, job: numpy.ndarray, operands: Mapping[int, Operand], what: str) -> None:
        super()._call_job(job, operands, what)
        for place, operand in operands.items():
            array = self._memory(operand)
            where = None if array is None else self._where(array)
            if where is not None:
                self._moving.append((job, place, (where[0], where[1] + operand.behind)))

    def name(self, value: Value) -> str:
        word = f"v{value.number}"
        array = self.fixed.get(value)
        where = None if array is None else self._where(array)
        if array is None or where is None:
            return super().name(value)
        self._looks[word] = (*where, array)
        return word

    def function(self, results: Iterable[Value]) -> Callable:
        """The function of all rounds, given (arrays, how many rounds, whether the last slices come first). What its lines
        name of slices is looked at beforehand, and gone over."""
        self.advancing = Advancing(self._moving, self.slices) if self._moving else None
        named = {word for line in self.lines for word in re.findall(r"\bv\d+", line.partition("#")[0])}
        looks = {word: look for word, look in self._looks.items() if word in named}
        shared = [word for word, (which, *_) in looks.items() if not self.slices[which].stride]
        passing = [word for word in looks if word not in shared]
        self.names |= {f"slices_{word}": self._looking(*look) for word, look in looks.items()}
        if self.advancing is not None:
            self.names["go_on"] = self.advancing.go_on
        whole = self.stretches.whole
        if whole is not None and self.advancing is not None and not looks:
            self.names["all_rounds"] = self.advancing.all_rounds(*whole)
            self.lines = ["all_rounds(arguments[1])", *self.lines[1:]]
            return super().function(results)
        ons = ["go_on()"] if self.advancing is not None else []
        given = "".join(f", slices_{word}(*arguments)" for word in passing)
        self.lines = [
            *(f"{word} = slices_{word}(*arguments)" for word in shared),
            f"for {', '.join(['_', *passing])}{'' if passing else ','} in zip(range(arguments[1]){given}):",
            *(f"    {line}" for line in (*self.lines, *ons)),
        ]
        return super().function(results)

    def _looking(self, which: int, behind: int, form: numpy.ndarray) -> Callable:
        """What gives all slices of an array that lie in their slices as `form` does; what is shared as it is."""
        shape, dtype, strides, stride = form.shape, form.dtype, form.strides, self.slices[which].stride
        if not stride:
            return lambda arrays, rounds, reverse: numpy.ndarray(shape, dtype, arrays[which], behind, strides)

        def slices(arrays: list[numpy.ndarray], rounds: int, reverse: bool) -> Iterable[numpy.ndarray]:
            every = numpy.ndarray((rounds, *shape, 1), dtype, arrays[which], behind, (stride, *strides, 0))
            every = every[::-1] if reverse else every
            return every[..., 0] if shape else (number[0, ...] for number in every)

        return slices

    def _transposed(self, value: Value) -> str:
        return f"{self.name(value)}.mT"


class Advancing:
    """The addresses in slices that jobs have: (job, place in it, (which of the slices, how many bytes behind its beginning))."""

    def __init__(self, moving: list[tuple[numpy.ndarray, int, tuple[int, int]]], slices: list[Slices]):
        self._places = [(job, place) for job, place, _ in moving]
        self._integers = numpy.array([place_in(*where) for where in self._places], numpy.int64)
        self._which, self._behind = numpy.array([where for *_, where in moving], numpy.int64).T
        self._strides = numpy.array([slices[which].stride for which in self._which])
        self._steps = numpy.zeros_like(self._integers)
        self._beginnings: list[int] = []
        self._nothing_else = Stretch([])
        self._nothing_else.advance(self._integers, self._steps)
        self.go_on = calling.runner(self._nothing_else, 1)
        """To the next round."""

    def all_rounds(self, stretch: Stretch, run: Callable[[], object]) -> Callable[[int], None]:
        """What does so many rounds of a stretch."""
        stretch.advance(self._integers, self._steps)

        def rounds(count: int) -> None:
            stretch.row[ROUNDS] = count
            run()

        return rounds

    def begin(self, beginnings: list[int], rounds: int, reverse: bool) -> None:
        """Make ready for the first of so many rounds; `beginnings` are the addresses of all slices of number 0."""
        if beginnings != self._beginnings:
            self._beginnings = beginnings
            first = numpy.array(beginnings, numpy.int64)[self._which] + self._behind
            self._first = (first + (rounds - 1 if reverse else 0) * self._strides).tolist()
            self._steps[...] = -self._strides if reverse else self._strides
        for (job, place), first in zip(self._places, self._first, strict=True):
            job[place] = first


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
            program, turned = _with_turned_weights(program, turn.inputs[first_x + len(body.xs) :], op.exact)
            self._turned = [values.index(weight) for weight in turned]
            self.slices += [_slices(Form.of(value), alike=True) for value in turned.values()]
            values += turned.values()
        self._weights = [numpy.empty(values[which].shape[::-1], values[which].dtype) for which in self._turned]
        fixed |= {value: each.dummy for value, each in zip(values, self.slices, strict=True)}
        self.lines = _lines(program, fixed, self.slices, compiled)
        self._function = self.lines.compiled([])

    def __call__(self, result: numpy.ndarray, *operands: numpy.ndarray) -> None:
        op = self.op
        views = op.views(result)
        finals, stacks = views[: len(op.finals)], views[len(op.finals) :]
        for carry, start in zip(self.carries, operands, strict=False):
            numpy.copyto(carry, start)
        arrays = [*map(numpy.ascontiguousarray, operands[len(self.carries) :]), *stacks]
        for weight, which in zip(self._weights, self._turned, strict=True):
            numpy.copyto(weight, arrays[which].T)
            arrays.append(weight)
        if op.length:
            if self.lines.advancing is not None:
                self.lines.advancing.begin(list(map(address, arrays)), op.length, op.reverse)
            self._function((arrays, op.length, op.reverse))
        for final, i in zip(finals, op.finals, strict=True):
            final[...] = self.carries[i]


def _slices(form: Form, alike: bool = False) -> Slices:
    """The slices of a stack, or what is the same in all rounds."""
    dummy = numpy.empty(form.shape, form.dtype)
    return Slices(dummy, 0 if alike else dummy.nbytes)


def _with_turned_weights(program: Program, shared: list[Value], exact: bool) -> tuple[Program, dict[Value, Value]]:
    """The program with products x @ weightᵀ as x @ w, where w is turned once for all rounds; and weight -> w.

    exact  whether only such as give the same numbers either way, to the last digit
    """
    rewriting, turned, instructions = Rewriting(program), {}, []
    transposes = {
        i.output: i.inputs[0] for i in program.instructions if i.op is permute_dims and i.params["axes"] == (1, 0)
    }
    for instruction in program.instructions:
        weight = _turned_weight(instruction, transposes)
        if weight in shared and (not exact or _same_turned(instruction, weight)):
            if weight not in turned:
                turned[weight] = rewriting.value(weight.shape[::-1], weight.dtype, Argument(-1, "a turned weight"))
            instruction = Instruction(matmul, (instruction.inputs[0], turned[weight]), {}, instruction.output)
        instructions.append(instruction)
    return PASSES["dead"](program.with_instructions(instructions)), turned


def _turned_weight(instruction: Instruction, transposes: dict[Value, Value]) -> Value | None:
    """The weight of a product x @ weightᵀ."""
    if instruction.op is linear:
        return instruction.inputs[1]
    return transposes.get(instruction.inputs[1]) if instruction.op is matmul else None


def _same_turned(instruction: Instruction, weight: Value) -> bool:
    """Whether a product is machine code of our own with the weight as it lies, and with the turned one: in both, the
    summands of a number are added up in one order."""
    x, out = (form_of(value.shape, value.dtype) for value in (instruction.inputs[0], instruction.output))
    lies, turned = (form_of(shape, weight.dtype) for shape in (weight.shape, weight.shape[::-1]))
    return Product.fits(x, lies.mT, out) and Product.fits(x, turned, out)


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
