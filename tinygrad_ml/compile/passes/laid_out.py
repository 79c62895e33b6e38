"""Loops laid out: every round of a scan written down, for a machine that runs a whole step as one launch.

What a round hands out is then a value of its own. A later loop that goes over these takes them as they are; only what
others read is put together.

Read before: `../record/rounds.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...loops.body import Form
from ...loops.primitive import Scan
from ...ops.index import getitem
from ...ops.movement import reshape
from ..program import Instruction, Program, Value
from ..record.rounds import Round, round_of
from .algebra import algebra
from .dead import dead
from .equal import equal
from .rewriting import Rewriting

MOST_INSTRUCTIONS = 20_000
"""Of all rounds of a loop; a longer one stays a loop."""


def laid_out(program: Program) -> Program:
    """The program with the rounds of its loops in the places of the loops."""
    if not any(isinstance(instruction.op, Scan) for instruction in program.instructions):
        return program
    return _LaidOut(program).program()


class _LaidOut:
    """parts   what a loop gave -> (first element, behind the last one) of each output -> its values, round by round, or alone
    stacks  value -> the values of the rounds that it is a stack of
    """

    def __init__(self, program: Program):
        self._program, self._writing = program, Rewriting(program)
        self._readers: dict[Value, list[Instruction]] = {}
        for instruction in program.instructions:
            for value in instruction.inputs:
                self._readers.setdefault(value, []).append(instruction)
        self._parts: dict[Value, dict[tuple[int, int], list[Value]]] = {}
        self._stacks: dict[Value, list[Value]] = {}

    def program(self) -> Program:
        for instruction in self._program.instructions:
            op, output = instruction.op, instruction.output
            if isinstance(op, Scan) and self._can_be(op, output):
                self._lay_out(op, instruction)
            elif op is getitem and instruction.inputs[0] in self._parts:
                self._part(instruction)
            else:
                self._writing.keep(instruction)
                if op is reshape and instruction.inputs[0] in self._stacks:
                    values = self._stacks[instruction.inputs[0]]
                    if output.shape == (len(values), *values[0].shape):
                        self._stacks[output] = values
        return equal(algebra(dead(self._program.with_instructions(self._writing.producers.values()))))

    def _can_be(self, op: Scan, output: Value) -> bool:
        if not 0 < op.length * len(op.body.steps) <= MOST_INSTRUCTIONS or output in self._program.results:
            return False
        spans = {(first, end) for first, end, _ in op.parts}
        return all(reader.op is getitem and _span(reader) in spans for reader in self._readers.get(output, ()))

    def _lay_out(self, op: Scan, instruction: Instruction) -> None:
        turn, body = round_of(op.body), op.body
        first_x, first_shared = len(body.carries), len(body.carries) + len(body.xs)
        constants = {
            value: self._writing.value(value.shape, value.dtype, value.source)
            for value in turn.program.sources()
            if value not in turn.inputs and value not in turn.handed
        }
        carries, shared = list(instruction.inputs[:first_x]), instruction.inputs[first_shared:]
        made: list[list[Value]] = [[] for _ in turn.handed]
        for t in op.rounds():
            xs = [
                self._slice(x, form, t)
                for x, form in zip(instruction.inputs[first_x:first_shared], body.xs, strict=True)
            ]
            carries, handed = self._round(turn, constants, [*carries, *xs, *shared], carries)
            for values, value in zip(made, handed, strict=True):
                values.append(value)
        if op.reverse:
            made = [values[::-1] for values in made]
        outputs = [*[[carries[i]] for i in op.finals], *made]
        self._parts[instruction.output] = {
            (first, end): values for (first, end, _), values in zip(op.parts, outputs, strict=True)
        }

    def _round(
        self, turn: Round, constants: dict[Value, Value], inputs: Sequence[Value], carries: list[Value]
    ) -> tuple[list[Value], list[Value]]:
        """(the new carries, what is handed out) of one round."""
        now = constants | dict(zip(turn.inputs, inputs, strict=True))
        for instruction in turn.program.instructions:
            output = now[instruction.output] = self._writing.value(instruction.output.shape, instruction.output.dtype)
            self._writing.keep(
                Instruction(
                    instruction.op, tuple(now[value] for value in instruction.inputs), instruction.params, output
                )
            )
        written = {memory: now[value] for memory, value in turn.program.writes}
        return (
            [written.get(memory, carry) for memory, carry in zip(turn.inputs, carries, strict=False)],
            [written[memory] for memory in turn.handed],
        )

    def _slice(self, x: Value, form: Form, t: int) -> Value:
        if x in self._stacks:
            return self._stacks[x][t]
        return self._writing.new(getitem, (x,), form.shape, form.dtype, index=(t,))

    def _part(self, instruction: Instruction) -> None:
        """One of the outputs of a loop, put together for those that do not take it round by round."""
        span = _span(instruction)
        assert span is not None  # `_can_be` has looked
        output, values = instruction.output, self._parts[instruction.inputs[0]][span]
        whole = values[0] if len(values) == 1 else self._writing.stacked(values)
        self._stacks[output] = values
        self._writing.keep(Instruction(reshape, (whole,), {"shape": output.shape}, output))


def _span(instruction: Instruction) -> tuple[int, int] | None:
    """From where to where a slice goes; None if the index is something else."""
    part, *others = instruction.params["index"]
    return (part.start, part.stop) if isinstance(part, slice) and not others else None
