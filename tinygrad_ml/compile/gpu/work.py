"""What is done in a kernel with reductions, and when.

The reduced axes of the domain are counted by `column`, the others by `row`. What has no reduced axis is done once for
each row: read or computed before the first pass over its columns, or when the reductions are there that it needs. All
else is done for each element, in every pass that needs it: a softmax has three, for the largest number, the sum of
the exponentials, and the quotients.

Read next: `rows.py`, how it is written down.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple

import numpy

from ...ops.shapes import size
from ..program import GATHER, Instruction, Value
from ..schedule.axes import along_domain, shape_read, strides_in
from ..schedule.kernel import Kernel, Turns
from .expressions import REGISTER, constant, expression, loaded, stored
from .gathers import Gather, element_operands
from .loops import LoopNames
from .places import Places, counted_by


class Line(NamedTuple):
    """A line of a row's or an element's work: `type name = text;`"""

    type: str
    text: str
    remark: str
    operands: tuple[str, ...]

    def line(self, name: str) -> str:
        """As a line of C."""
        return f"const {self.type} {name} = {self.text};{f'  // {self.remark}' if self.remark else ''}"


class Work:
    """What is done in a kernel whose domain has reduced axes.

    rows, columns  how many there are
    row, column    the places along the kept and along the reduced axes
    reads          the values that are read from memory
    passes         how often a row is gone through
    of_row         name -> (the pass before which it is computed, its step), for what a row has one of
    of_element     name -> its step, for what every element has one of
    reductions     instruction -> (the pass in which it takes its numbers in, the name of these)
    full_outputs   the outputs that every element has one of, stored in the last pass
    written        output -> the line that stores it
    """

    def __init__(self, kernel: Kernel, forms: Mapping[Value, numpy.ndarray]):
        self.kernel, self.forms, self.shape = kernel, forms, kernel.shape
        self.kept_axes = tuple(a for a in range(len(self.shape)) if a not in kernel.axes)
        self.rows = size(tuple(self.shape[a] for a in self.kept_axes))
        self.columns = size(tuple(self.shape[a] for a in kernel.axes))
        self.own = {instruction.output for instruction in kernel.instructions}
        self.reads = [v for v in kernel.inputs() if constant(v) is None]
        self.kind = counted_by([forms[v] for v in (*self.reads, *kernel.outputs)], self.rows * self.columns)
        self.names = LoopNames()
        self._find_places()
        self._take_apart()

    def _find_places(self) -> None:
        """`self.row` and `self.column`: the places along the kept and the reduced axes."""
        strides: dict[Hashable, tuple[int, ...]] = {}
        self.gathers = {i: Gather(i, self.forms) for i in self.kernel.instructions if i.op is GATHER}
        for instruction, gather in self.gathers.items():
            strides[instruction] = along_domain(self.kernel, gather.along)
        for instruction in self.kernel.instructions:
            for value in element_operands(instruction):
                if self._is_read(value):
                    key = self._key(instruction, value)
                    strides[key] = key[1]
        for value in self.kernel.outputs:
            strides["written", value] = along_domain(self.kernel, strides_in(self.forms[value], value.shape))
        self.row, self.column = (
            Places(
                word,
                [self.shape[axis] for axis in axes],
                {key: [steps[axis] for axis in axes] for key, steps in strides.items()},
                self.kind,
            )
            for word, axes in (("row", self.kept_axes), ("column", self.kernel.axes))
        )

    def _is_read(self, value: Value) -> bool:
        """Whether a value comes from memory."""
        return value not in self.own and constant(value) is None

    def _key(self, instruction: Instruction, value: Value) -> tuple[Value, tuple[int, ...]]:
        """A value from outside as it is read here: it may be broadcast in two ways in one kernel."""
        shape = shape_read(self.kernel, instruction)
        return value, along_domain(self.kernel, strides_in(self.forms[value], shape))

    def _take_apart(self) -> None:
        """The steps of a row (by the pass before which they come) and of an element, and the reductions between."""
        self.of_row: dict[str, tuple[int, Line]] = {}
        self.of_element: dict[str, Line] = {}
        self.reductions: dict[Instruction, tuple[int, str]] = {}
        self._loads: dict[tuple[Value, tuple[int, ...]], str] = {}
        turns = Turns(self.kernel)
        for instruction in self.kernel.instructions:
            operands = [self._operand(instruction, value) for value in element_operands(instruction)]
            output, now = instruction.output, turns.walk(instruction)
            if self.kernel.folds(instruction):
                self.reductions[instruction] = now, operands[0]
                continue
            if instruction.renames:
                self.names[output] = operands[0]
                continue
            if instruction in self.gathers:
                text = self.gathers[instruction].text(self._offset(instruction), operands)
            else:
                text = expression(instruction, operands)
            step = Line(REGISTER[output.dtype], text, repr(instruction), tuple(operands))
            if self.kernel.reduced(output):
                self.of_row[self.names[output]] = now, step
            else:
                self.of_element[self.names[output]] = step
        self.full_outputs = [value for value in self.kernel.outputs if not self.kernel.reduced(value)]
        self.passes = 1 + max(
            [*(now for now, _ in self.reductions.values()), *(turns.of[value] for value in self.full_outputs)]
        )
        self.written = {
            value: f"{self.element(value, ('written', value))} = {stored(self.names[value], value.dtype)};"
            for value in self.kernel.outputs
        }

    def _operand(self, instruction: Instruction, value: Value) -> str:
        """The value as an expression; a line that reads it is added, if it comes from outside."""
        if not self._is_read(value):
            return self.names[value]
        key = self._key(instruction, value)
        if key not in self._loads:
            again = sum(known is value for known, _ in self._loads)
            self._loads[key] = name = f"v{value.number}" + "_again" * again
            step = Line(REGISTER[value.dtype], loaded(self.element(value, key), value.dtype), "", ())
            if any(key[1][axis] for axis in self.kernel.axes):
                self.of_element[name] = step
            else:
                self.of_row[name] = 0, step
        return self._loads[key]

    def _offset(self, key: Hashable) -> str:
        parts = [part for part in (self.row.offset(key), self.column.offset(key)) if part != "0"]
        return " + ".join(parts) or "0"

    def element(self, value: Value, key: Hashable) -> str:
        """An element of an array, in C."""
        return f"p{value.number}[{self._offset(key)}]"

    def needed(self, turn: int, near: Collection[str] = ()) -> list[str]:
        """The steps of an element in a pass, in order; what is near is not computed again."""
        waiting = [operand for now, operand in self.reductions.values() if now == turn]
        if turn == self.passes - 1:
            waiting += [self.names[value] for value in self.full_outputs]
        needed: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in self.of_element and name not in needed:
                needed.add(name)
                if name not in near:
                    waiting += self.of_element[name].operands
        return [name for name in self.of_element if name in needed]

    def kept_near(self) -> dict[str, int]:
        """The values of elements that a later pass needs again -> the pass that computes them."""
        first: dict[str, int] = {}
        kept: dict[str, int] = {}
        for turn in range(self.passes):
            for name in self.needed(turn, first):
                if first.setdefault(name, turn) < turn:
                    kept[name] = first[name]
        return kept
