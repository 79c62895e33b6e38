"""A fused kernel as a loop, of which machine code is made.

All operations of the kernel are done on one element while it is in a register of the processor, and
the compiler makes one instruction of sixteen elements where it can. What is written here depends on the
operations, and on how memory is laid out, but not on sizes: the update of every parameter is one loop,
compiled once.

Read before: `expressions.py`, an operation of one element. Read next: `walks.py`, how the loop is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from ...ops.shapes import reduced, size
from ...totals import RUNNING_SUM_ELEMENTS, accumulator
from ..program import Instruction, Value
from ..schedule.axes import along_domain, shape_read, strides_in
from ..schedule.kernel import Kernel, Turns
from ..schedule.reductions import adds_up, together
from .expressions import constant, has_loop, is_brief
from .places import MEMORY, Forms, Operand

FEW_OPERATIONS = 3
"""So many operations are sooner done again than their result is kept for a later walk over the row."""
LOOP_OPERATIONS = 64
"""So many operations are compiled to one loop: the time that it takes grows faster than their number. A longer chain
becomes several loops, see `schedule.fusion.fusion`."""


def may_reduce(instruction: Instruction, is_reduced: bool) -> bool:
    """Whether a loop can have the instruction beside reductions. See `schedule.fusion.fusion`."""
    if instruction.op.kind == "reduction":
        x, y = instruction.inputs[0].dtype, instruction.output.dtype
        put_together = y.kind != "b" and has_loop(together(instruction, y), True)
        return put_together and x in MEMORY and 0 not in instruction.inputs[0].shape
    return 0 not in instruction.output.shape and has_loop(instruction, is_reduced)


class KernelLoop:
    """What the loop for a kernel needs besides what the kernel takes and gives.

    row    elements of a row: the reduced part of the domain
    kept   the values for which it needs scratch memory: full ones that a later turn reads again (of one row), unless they
           are sooner computed again, and, where columns are reduced, reduced ones
    lent   more of the former -> the result in whose memory they lie until that itself is computed, so that rows need no
           scratch memory, and threads can share them
    totals sum of columns -> what its runs are added up in, which is scratch memory too: a wide number for each. Where there is one
           run, that is the sum
    """

    def __init__(
        self,
        kernel: Kernel,
        stays: Callable[[Value], bool] = lambda value: True,
        lends: Callable[[Value], bool] = lambda value: True,
    ):
        """stays  whether a value from outside is still in its memory when the kernel has written its results
        lends  whether nothing else is in the memory of a result before it is computed"""
        self.kernel = kernel
        self.turns = Turns(kernel)
        self.row = size(kernel.shape) // max(size(reduced(kernel.shape, kernel.axes)), 1)
        again = {
            value
            for turn in range(self.turns.count)
            for i in self.turns.walked(turn)
            for value in i.inputs
            if value in self.turns.of and not kernel.reduced(value) and self.turns.of[value] < turn
        }
        again = {value for value in again if self._steps(value, stays) > FEW_OPERATIONS}
        self.lent = self._lent(again, lends) if kernel.in_rows else {}
        added_up = [i.output for i in kernel.instructions if kernel.folds(i) and not kernel.in_rows]
        self.totals = {
            i.output: Value(i.output.number, i.output.shape, accumulator(i.output.dtype, running=True))
            for i in kernel.instructions
            if i.output in added_up and adds_up(i) and not self._is_one_run()
        }
        again = (again - self.lent.keys()) | set(added_up)
        self.kept = [i.output for i in kernel.instructions if i.output in again and i.output not in kernel.outputs]

    def _is_one_run(self) -> bool:
        """Whether columns are added up in their own dtype, element by element, and are short enough for it: see `totals.py`."""
        longer = [axis for axis, extent in enumerate(self.kernel.shape) if extent > 1]
        return self.row <= RUNNING_SUM_ELEMENTS and bool(longer) and longer[-1] not in self.kernel.axes

    def _steps(self, value: Value, stays: Callable[[Value], bool]) -> float:
        """How many operations make a value of what is there in each turn; infinitely many, if there is more to it."""
        maker = next((i for i in self.kernel.instructions if i.output is value), None)
        if maker is None:
            return 0 if stays(value) else math.inf
        if self.kernel.reduced(value):
            return 0
        if value in self.kernel.outputs or not (maker.renames or is_brief(maker)):
            return math.inf
        return 1 + sum(self._steps(x, stays) for x in maker.inputs)

    def _lent(self, again: set[Value], lends: Callable[[Value], bool]) -> dict[Value, Value]:
        kernel, lent = self.kernel, {}
        order = {i.output: place for place, i in enumerate(kernel.instructions)}
        makers = {i.output: i for i in kernel.instructions}
        full = [makers[y] for y in kernel.outputs if not (kernel.reduced(y) or makers[y].renames) and lends(y)]
        for value in sorted(again - {*kernel.outputs}, key=order.__getitem__):
            users = [i for i in kernel.instructions if value in i.inputs]
            for result in full:
                y, turn = result.output, self.turns.walk(result)
                beside = [order[i.output] for i in users if self.turns.walk(i) == turn]
                in_time = all(self.turns.walk(i) <= turn for i in users) and min(beside, default=0) <= order[y]
                alike = (y.shape, y.dtype) == (value.shape, value.dtype)
                if alike and in_time and self.turns.walk(makers[value]) < turn and y not in lent.values():
                    lent[value] = y
                    break
        return lent

    @staticmethod
    def can_run(kernel: Kernel) -> bool:
        """Whether all of its operations can be written in a loop."""
        return 0 not in kernel.shape and all(
            kernel.folds(i) or i.renames or has_loop(i, kernel.reduced(i.output)) for i in kernel.instructions
        )


class Operands:
    """The arrays that a loop is given.

    forms      value -> how it lies
    in_place   value -> the value from outside in whose memory it is computed. Both are one operand, since a compiler
               that sees two arrays has to expect that they overlap otherwise
    producers  value that the kernel computes -> the instruction that does
    """

    def __init__(self, loop: KernelLoop, forms: Forms, in_place: Mapping[Value, Value]):
        self.loop, self._kernel, self._forms, self._in_place = loop, loop.kernel, forms, in_place
        self.producers = {instruction.output: instruction for instruction in self._kernel.instructions}

    def results(self) -> list[Operand]:
        """Those that are written to."""
        return [
            *(self.result(value) for value in self.producers if self.in_memory(value)),
            *map(self.total, self.loop.totals),
        ]

    def all(self) -> list[Operand]:
        """In the order of the loop's arguments."""
        taken = [
            self.taken(value, instruction)
            for instruction in self._kernel.instructions
            for value in instruction.inputs
            if value not in self.producers and constant(value) is None
        ]
        return list(dict.fromkeys((*taken, *self.results())))

    def in_memory(self, value: Value) -> bool:
        """Whether a value that is made here is stored."""
        return (
            value in self.loop.kept
            or value in self.loop.lent
            or (value in self._kernel.outputs and not self.producers[value].renames)
        )

    def taken(self, value: Value, instruction: Instruction) -> Operand:
        """A value from outside, as an instruction reads it."""
        return self._operand(value, shape_read(self._kernel, instruction))

    def result(self, value: Value) -> Operand:
        """The memory of a value that is made here: of its own, or scratch for one row."""
        if value in self.loop.kept:
            return self._scratch(value, self._kernel.reduced(value))
        value = self.loop.lent.get(value, value)
        return self._operand(self._in_place.get(value, value), value.shape)

    def total(self, value: Value) -> Operand:
        """What the runs of a sum of columns are added up in; of another reduction the result itself."""
        return self._scratch(self.loop.totals[value], True) if value in self.loop.totals else self.result(value)

    def _operand(self, memory: Value, shape: tuple[int, ...]) -> Operand:
        return Operand(memory, along_domain(self._kernel, strides_in(self._forms[memory], shape)))

    def _scratch(self, value: Value, is_reduced: bool) -> Operand:
        shape = self._kernel.shape
        strides, step = [0] * len(shape), 1
        for axis in reversed(range(len(shape))):
            if (axis in self._kernel.axes) != is_reduced:
                strides[axis], step = step, step * shape[axis]
        return Operand(value, tuple(strides), scratch=True)
