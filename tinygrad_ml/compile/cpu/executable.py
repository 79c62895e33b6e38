"""What is called to run a program on the CPU: its function, and the memory that this works in."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy

from ...machine import machine_code
from ..passes.tables import tables
from ..program import Instruction, Program, Value
from ..schedule import executable as schedule
from .both_ways import both_ways
from .convolutions import convolutions
from .edges import edge_sums
from .functions import has_form
from .keepers import Pool, StepMemory
from .layout import HostLayout
from .loops import LOOP_OPERATIONS, may_reduce
from .pooling import pooling
from .rounds import LoopingLines


class Executable(schedule.Executable):
    """A program on the CPU: one Python function."""

    memory: StepMemory

    @property
    def _compiled(self) -> bool:
        """Whether kernels become machine code."""
        return self.loops and machine_code.available()

    @property
    def longest(self) -> float:
        return LOOP_OPERATIONS if self._compiled else math.inf

    def prepared(self, program: Program, fuse: bool) -> Program:
        return both_ways(pooling(convolutions(edge_sums(tables(program))))) if self._compiled else program

    def has_form(self, instruction: Instruction) -> bool:
        return has_form(instruction)

    def may_reduce(self, instruction: Instruction, is_reduced: bool) -> bool:
        return self._compiled and may_reduce(instruction, is_reduced)

    def lay_out(self, forms: dict[Value, numpy.ndarray], writeable: set[Value]) -> HostLayout:
        return HostLayout(self.program, self.turns, forms, writeable, compiled=self._compiled)

    def write(self, layout: HostLayout, arrays: dict[Value, numpy.ndarray]) -> None:
        pools = {value: Pool(value.shape, value.dtype) for value in layout.handed_out}
        lines = LoopingLines(layout, self.numbers | arrays, self.memory.of(layout.nbytes), pools)
        self._function = lines.compiled(self.moving)
        self._calls_numpy = not lines.stretches.alone
        self.text, self.eager = lines.whole(), lines.eager

    def run(self, arguments: list[numpy.ndarray]) -> tuple[numpy.ndarray, ...]:
        if not self._calls_numpy:
            return self._function(arguments)
        with numpy.errstate(all="ignore"):
            return self._function(arguments)

    def linked(self) -> Callable[[list], tuple]:
        return self.run if self._calls_numpy else self._function
