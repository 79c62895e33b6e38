"""Loops that read from, and add to, places that arrays of indices name: rows of an embedding, edges of a graph, labels.

Such an index walks along the axes of its table in one of two ways. Along some the place is looked up: `ids` in
`table[ids]`. Along the others it goes on with the loop: slices name them, and of the two arrays in
`x[arange(rows), labels]` the first one counts. So a row is found once, and what is inside of it is done many numbers at a
time.

Numbers that are added at one place are added in the order of the index, by whichever thread has the place: each thread has
a part of the table, and reads all of the index. So neither the order nor the sum depends on how many threads there are.

A number that names no place is noted, and nothing is read or written for it; the step then computes the operation as
eager mode does, which raises its error.

Read before: `moves.py`, `../schedule/index.py`. Read next: `machine/machine_code.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import add
from typing import NamedTuple

import numpy

from ...machine.axes import neighbours
from ...ops.index import ARRAY, getitem, scatter_add
from ...ops.shapes import broadcast, size
from ...totals import accumulator
from ..program import Instruction, Value
from ..schedule.axes import strides_in
from ..schedule.index import Index
from .places import MEMORY, NOTHING_OVERLAPS, Forms, Operand, Written, addressable, loop_text


class IndexAxis(NamedTuple):
    """An axis of the table along which places are looked up.

    array   of indices
    along   its strides along the domain
    step    elements of the table from one place to the next
    extent  how many places there are
    """

    array: Value
    along: tuple[int, ...]
    step: int
    extent: int


class TableWalk(NamedTuple):
    """How the loop for an index goes through its table.

    domain  the shape of what is read, or added
    looked  the axes along which places are looked up
    direct  elements that the table goes on by along each axis of the domain
    offset  elements in front of the first one, because of numbers and slices in the index
    """

    domain: tuple[int, ...]
    looked: list[IndexAxis]
    direct: tuple[int, ...]
    offset: int


def gather(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """The loop for an instruction, of values that lie as `forms` says; None if there is none for such an index."""
    if ARRAY not in instruction.params["index"]:
        return None
    reads = instruction.op is getitem
    x, output = instruction.inputs[0], instruction.output
    values = (x, *instruction.inputs[1:], output)
    if not all(size(v.shape) and addressable(forms[v]) for v in values) or not forms[output].flags.c_contiguous:
        return None
    if any(v.dtype.kind not in "iu" or v.dtype == numpy.uint64 for v in instruction.inputs[1:]):
        return None
    if not reads and x.dtype.kind == "b":
        return None
    writer = _IndexWriter(_walk(instruction, forms, x if reads else output), instruction, forms, wide(instruction))
    return [writer.reading() if reads else writer.adding()]


def wide(instruction: Instruction) -> Value | None:
    """The memory in which sums of `scatter_add` are added up, where that is wider than the result: as eager mode does."""
    x, output = instruction.inputs[0], instruction.output
    if instruction.op is not scatter_add or x.dtype.kind != "f":
        return None
    dtype = accumulator(x.dtype, running=size(output.shape) <= size(x.shape))
    return None if dtype == x.dtype else Value(output.number, output.shape, dtype)


def _walk(instruction: Instruction, forms: Forms, table: Value) -> TableWalk:
    """How it goes through the table."""
    arrays = instruction.inputs[1:]
    common = broadcast(*[array.shape for array in arrays])
    index = Index(instruction.params["index"], forms[table], common)
    looked, direct = [], index.along
    for array, (extent, step) in zip(arrays, index.steps, strict=True):
        counts = _counts(array, extent)
        if counts is None:
            looked.append(IndexAxis(array, index.of_array(strides_in(forms[array], common)), step, extent))
        else:
            along = [0] * len(common)
            along[counts - len(array.shape)] = step
            direct = tuple(map(add, direct, index.of_array(tuple(along))))
    return TableWalk(index.shape, looked, direct, index.first)


def _counts(array: Value, extent: int) -> int | None:
    """The axis along which an array of indices counts all places of the table, if it does nothing else."""
    if array.constant is None or size(array.shape) != extent or extent == 1:
        return None
    axis = next(axis for axis, n in enumerate(array.shape) if n > 1)
    counted = numpy.asarray(array.constant).reshape(-1)
    return axis if array.shape[axis] == extent and numpy.array_equal(counted, numpy.arange(extent)) else None


class _IndexWriter:
    """lines  that were written so far
    depth  of the next one
    steps  numbers that the loop is given behind the addresses, by their names
    """

    def __init__(self, walk: TableWalk, instruction: Instruction, forms: Forms, total: Value | None):
        self.walk, self.total, self.instruction = walk, total, instruction
        self.x, self.output = instruction.inputs[0], instruction.output
        listed = self.output if instruction.op is getitem else self.x  # what has the shape of the domain
        self.listed = strides_in(forms[listed], walk.domain)
        self.indices = [looked.array for looked in walk.looked]
        self.groups = neighbours(walk.domain, [self.listed, walk.direct, *(looked.along for looked in walk.looked)])
        self.sizes = {f"n{g}": size(tuple(walk.domain[axis] for axis in group)) for g, group in enumerate(self.groups)}
        self.steps: dict[str, int] = {}
        self.lines: list[str] = []
        self.depth = 0

    def reading(self) -> Written:
        """y[...] = x[index]"""
        self._emit("bad = 0")
        for i in self._loops():
            k, extent = self._place_looked_up(i)
            self._emit(f"if uint64({k}) >= uint64({extent}):")
            self.lines += ["    " * (self.depth + 1) + line for line in ("bad = 1", f"{k} = 0")]
        self._emit(f"y[{self._along('y', self.listed)}] = x[{self._place()}]")
        along = (self.walk.direct, *(looked.along for looked in self.walk.looked), self.listed)
        operands = (self.x, *self.indices, self.output)
        return self._finished(operands, self._growth(operands, along) if len(self.groups) > 1 else None)

    def adding(self) -> Written:
        """y = 0, and y[index] += x: of the part of y that a thread has. That is what one turn of the outermost loop adds to,
        or else some of the rows that are looked up, in the first array."""
        table, walk = size(self.output.shape), self.walk
        outer = walk.direct[self.groups[0][-1]] if self.groups else 0
        by_turns = bool(self.groups) and outer * self.sizes["n0"] == table
        cut = next((looked for looked in walk.looked if looked.step * looked.extent == table), None)
        rows, row = (self.sizes["n0"], outer) if by_turns else (cut.extent, cut.step) if cut else (1, table)
        if not by_turns:
            self.sizes = {"rows": rows, **self.sizes}
        count = next(iter(self.sizes))
        self.steps["row"] = row
        to = "y" if self.total is None else "t"
        self._emit(f"for j in range({count} * row):")
        self._emit(f"    {to}[j] = 0")
        self._emit("bad = 0")
        for i in self._loops():
            k, extent = self._place_looked_up(i)
            self._emit(f"if uint64({k}) >= uint64({extent}):")
            self._emit("    bad = 1")
            if walk.looked[i] is cut and not by_turns:
                self._emit(f"{k} = {k} - first")
                extent = "rows"
            self._emit(f"if uint64({k}) < uint64({extent}):")
            self.depth += 1
        value = f"x[{self._along('x', self.listed)}]"
        self._emit(f"{to}[{self._place()}] += {value if self.total is None else f'{self.total.dtype}({value})'}")
        self.depth = 0
        if self.total is not None:
            self._emit(f"for j in range({count} * row):")
            self._emit(f"    y[j] = {self.output.dtype}(t[j])")
        tables = (self.output,) if self.total is None else (self.total, self.output)
        operands = (self.x, *self.indices, *tables)
        if by_turns:
            along = (self.listed, *(looked.along for looked in walk.looked), *[walk.direct] * len(tables))
            return self._finished(operands, self._growth(operands, along))
        growth = (*(row * value.dtype.itemsize if value in tables else 0 for value in operands), 1)
        return self._finished(operands, growth if cut else None, whole=True)

    def _emit(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def _loops(self) -> Iterator[int]:
        """Begins all loops, in each other; gives the number of each index as soon as it can be looked up."""
        for g in range(-1, len(self.groups)):
            if g >= 0:
                self._emit(f"for i{g} in range(n{g}):")
                self.depth += 1
            for i, looked in enumerate(self.walk.looked):
                if g == max((h for h, group in enumerate(self.groups) if looked.along[group[-1]]), default=-1):
                    yield i

    def _place_looked_up(self, i: int) -> tuple[str, str]:
        """Lines for a number of an index, counted from the front; its name, and that of the number of places."""
        looked = self.walk.looked[i]
        self.steps[f"e{i}"] = looked.extent
        self._emit(f"k{i} = int64(p{i}[{self._along(f'p{i}', looked.along)}])")
        self._emit(f"k{i} = k{i} + e{i} if k{i} < 0 else k{i}")
        return f"k{i}", f"e{i}"

    def _along(self, name: str, strides: Sequence[int]) -> str:
        """The place in an array, by the loops that are around it."""
        terms = []
        for g, group in enumerate(self.groups):
            step = strides[group[-1]]
            if step not in (0, 1):
                self.steps[f"{name}_{g}"] = step
            if step:
                terms.append(f"i{g}" if step == 1 else f"i{g} * {name}_{g}")
        return " + ".join(terms) or "0"

    def _place(self) -> str:
        """The place in the table."""
        terms = [self._along("d", self.walk.direct)]
        for i, looked in enumerate(self.walk.looked):
            self.steps[f"s{i}"] = looked.step
            terms.append(f"k{i} * s{i}")
        if self.walk.offset:
            self.steps["offset"] = self.walk.offset
            terms.append("offset")
        return " + ".join(terms)

    def _growth(self, operands: Sequence[Value], along: Sequence[Sequence[int]]) -> tuple[int, ...]:
        outermost = self.groups[0][-1]
        return tuple(steps[outermost] * value.dtype.itemsize for value, steps in zip(operands, along, strict=True))

    def _finished(self, operands: tuple[Value, ...], growth: tuple[int, ...] | None, whole: bool = False) -> Written:
        """All of it; `whole` if it goes through all of the index for a part of the table, of which its first step is the first row."""
        self.depth = 0
        self._emit("if bad:")
        self._emit("    wrong[0] = 1")
        names = ["x", *(f"p{i}" for i in range(len(self.indices))), *(["t"] if self.total in operands else []), "y"]
        memory = [f"{name}: {MEMORY[value.dtype]}" for name, value in zip(names, operands, strict=True)]
        steps = ({"first": 0} if whole else {}) | self.steps
        given = [*self.sizes, *memory, *steps, "wrong: int64s"]
        return Written(
            loop_text(self.instruction.op.name, given, [NOTHING_OVERLAPS, *self.lines]),
            tuple(self.sizes.values()),
            tuple(Operand(value, scratch=value is self.total) for value in operands),
            tuple(steps.values()),
            size(self.output.shape) + (0 if self.instruction.op is getitem else size(self.x.shape)),
            growth,
            in_pieces=whole,
            notes=True,
        )
