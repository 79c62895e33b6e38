"""Instructions that take the place of others, and give values which the program did not have before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from ...modes import Place
from ...ops import Primitive
from ...ops.movement import concat, permute_dims, reshape
from ..program import Call, Instruction, Program, Value
from ..sources import Constant, Source
from .dead import dead


class Rewriting:
    """A program that is being written anew.

    producers  its instructions so far, in order, by what they give
    scope  the calls to which values belong that were not there before
    """

    def __init__(self, program: Program):
        self.producers: dict[Value, Instruction] = {}
        self.scope: tuple[Place, ...] = ()
        there = [instruction.output for instruction in program.instructions] + program.sources()
        self._number = max([value.number for value in there], default=0)

    def value(self, shape: tuple[int, ...], dtype: Any, source: Source | None = None) -> Value:
        """One that was not there before."""
        self._number += 1
        return Value(self._number, shape, numpy.dtype(dtype), source, self.scope)

    def constant(self, array: numpy.ndarray) -> Value:
        """Numbers that are known."""
        return self.value(array.shape, array.dtype, Constant(array))

    def new(
        self, op: Primitive | Call, inputs: tuple[Value, ...], shape: tuple[int, ...], dtype: Any, /, **params: Any
    ) -> Value:
        """What one more instruction gives."""
        output = self.value(shape, dtype)
        self.keep(Instruction(op, inputs, params, output))
        return output

    def keep(self, instruction: Instruction) -> None:
        """An instruction for a value that was there before."""
        self.producers[instruction.output] = instruction

    def reshaped(self, x: Value, shape: tuple[int, ...]) -> Value:
        """x in another shape."""
        return x if x.shape == shape else self.new(reshape, (x,), shape, x.dtype, shape=shape)

    def permuted(self, x: Value, axes: Sequence[int]) -> Value:
        """x with its axes in another order."""
        return self.new(permute_dims, (x,), tuple(x.shape[axis] for axis in axes), x.dtype, axes=tuple(axes))

    def stacked(self, values: Sequence[Value]) -> Value:
        """Values of one shape, one behind the other along a new first axis."""
        shape, count = values[0].shape, len(values)
        rows = tuple([self.reshaped(value, (1, *shape)) for value in values])
        return self.new(concat, rows, (count, *shape), values[0].dtype, axis=0, offsets=tuple(range(count + 1)))


def rewritten(program: Program, instead: Callable[[Instruction, Rewriting], Instruction | None]) -> Program:
    """The program with other instructions in the places of those for which `instead` gives one. It may write more in front of it."""
    writing = Rewriting(program)
    for instruction in program.instructions:
        writing.scope = instruction.output.scope
        writing.keep(instead(instruction, writing) or instruction)
    return dead(program.with_instructions(writing.producers.values()))


class Makers:
    """What made the values of a program: looked back from what may be the end of something that has a shorter way."""

    def __init__(self, program: Program):
        self._makers, self._uses = program.producers(), program.uses()

    def maker(self, value: Value | None, op: Any, once: bool = False, **params: Any) -> Instruction | None:
        """The instruction that makes a value, if it is of that kind; with `once`, if nothing else needs the value."""
        maker = None if value is None else self._makers.get(value)
        if maker is None or maker.op is not op or (once and self._uses[maker.output] > 1):
            return None
        return maker if params.items() <= maker.params.items() else None

    def operands(self, value: Value | None, op: Any, once: bool = False, **params: Any) -> tuple[Value, ...]:
        """Of what that instruction makes it; nothing if it is made otherwise."""
        maker = self.maker(value, op, once, **params)
        return maker.inputs if maker else ()

    def before(self, value: Value | None, op: Any, once: bool = False, **params: Any) -> Value | None:
        """The first of these."""
        return next(iter(self.operands(value, op, once, **params)), None)
