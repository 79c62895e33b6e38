"""Instructions that take the place of others, and give values which the program did not have before."""

from __future__ import annotations

from typing import Any

import numpy

from ...modes import Place
from ...ops import Primitive
from ..program import Call, Instruction, Program, Value
from ..sources import Source


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
