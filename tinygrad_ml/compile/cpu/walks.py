"""The text of a loop: walks over a kernel's domain, with a line for each operation.

Three kinds of loops, by what is reduced (see `../schedule/fusion.py`):

    nothing     for each element: all operations
    rows        for each row: a walk over it for each turn, with the reduced values of the row in between
    columns     a walk over all elements that adds up; then the reduced values

Read before: `loops.py`. Read next: `places.py`, how elements are found; `machine/llvm/language.py`, what this text says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import numpy

from ...backend import dtypes
from ...denormals import can_flush
from ...machine.axes import neighbours
from ...ops.shapes import size
from ...totals import RUNNING_SUM_ELEMENTS
from ..program import Instruction, Value
from ..schedule.reductions import adds_up, extremum_of_floats, first_number, together
from .expressions import constant, expression, literal
from .loops import KernelLoop, Operands
from .places import (
    DENORMALS_ARE_ZERO,
    NOTHING_IS_EMPTY,
    NOTHING_OVERLAPS,
    ROWS_ARE_SHORT,
    Axis,
    Forms,
    LoopArray,
    Operand,
    Written,
    loop_text,
    place,
)
from .short_rows import NARROW_ELEMENTS, ShortRows, short_rows

BITS_OF = {"float32": numpy.int32, "float64": numpy.int64}
"""dtype of a number that can be an argument -> that of its bits."""
RUN_IN_REGISTERS = 4 * RUNNING_SUM_ELEMENTS
"""Numbers of float32 that are added up as such before their sum is added to a wide one: registers have dozens of totals, none of
which runs on for long. With AVX2 the softmax of 10,000 rows of 100 takes 1.0 ms so, and 1.8 with wide totals."""
_INDEX = re.compile(r"(?<![a-z])i[0-9]+(?![0-9a-z])")


def written(loop: KernelLoop, forms: Forms, in_place: Mapping[Value, Value]) -> Written:
    """The text of a loop, for operands that lie as `forms` says. See `Operands`."""
    return _Writer(Operands(loop, forms, in_place)).written()


class _Writer:
    """lines    that were written so far
    down     the axes of the loop that are kept, by their numbers
    along    those that are reduced
    in_rows  whether a row is walked through before the next one
    inner    where columns are reduced: the last axes, if they are, which are added up in a register
    shared   the kept group that threads may share where columns are reduced, each sum by one of them
    numbers  that are arguments: (dtype, bits) -> name
    narrow, known, short  what `short_rows.py` says: `written`, `known`, `at_once`
    """

    def __init__(self, operands: Operands):
        self.loop, self.kernel, self.turns = operands.loop, operands.loop.kernel, operands.loop.turns
        self.operands, self.producers = operands, operands.producers
        given = operands.all()
        self.groups = neighbours(self.kernel.shape, [operand.strides for operand in given], apart=self.kernel.axes)
        self.sizes = tuple(size(tuple(self.kernel.shape[axis] for axis in group)) for group in self.groups)
        self.down = [g for g, group in enumerate(self.groups) if group[0] not in self.kernel.axes]
        self.along = [g for g, group in enumerate(self.groups) if group[0] in self.kernel.axes]
        self.in_rows = not self.down or not self.along or self.along[0] > self.down[-1]
        self.inner = [] if self.in_rows else [g for g in self.along if g > self.down[-1]]
        self.shared = self._shared_sums(given)
        self.narrow, self.known, self.short = self._short_rows(given)
        self.arrays = {operand: f"a{i}" for i, operand in enumerate(given)}
        self.places = {operand: self._place(operand, name) for operand, name in self.arrays.items()}
        self.names: dict[Value, str] = {}
        self.scalars: dict[Operand, str] = {}
        self.numbers: dict[tuple[str, int], str] = {}
        self.lines: list[str] = []

    def _place(self, operand: Operand, name: str) -> LoopArray:
        last = {g: group[-1] for g, group in enumerate(self.groups) if operand.strides[group[-1]]}
        axes = [Axis(f"i{g}", self._size(g), self.sizes[g]) for g in last]
        return place(name, operand.value.dtype, axes, [operand.strides[axis] for axis in last.values()])

    def _size(self, group: int) -> str:
        """The size of a group, as an expression."""
        return str(self.sizes[group]) if group in (*self.narrow, self.known) else f"n{group}"

    def _shared_sums(self, given: list[Operand]) -> int:
        """The kept group, if columns are added up in registers and each belongs to one sum; -1 if there is none."""
        if not self.inner or len(self.down) != 1:
            return -1
        apart = self.groups[self.down[0]][-1]
        return self.down[0] if all(operand.strides[apart] for operand in given if operand.scratch) else -1

    def _short_rows(self, given: list[Operand]) -> ShortRows:
        inner = self.along if self.kernel.axes else [len(self.groups) - 1]
        if len(self.groups) < 2 or not self.in_rows:
            inner = []
        many = [self.sizes[g] for g in range(len(self.groups)) if inner and g not in inner][-1:]
        side_by_side = not self.kernel.axes and all(
            x.strides[group[-1]] in (0, 1) for group in self.groups[-1:] for x in given
        )
        last = self.sizes[-1] if len(self.sizes) > 1 else 0
        return short_rows({g: self.sizes[g] for g in inner}, sum(many), side_by_side, last, self.kernel.instructions)

    def written(self) -> Written:
        results = self.operands.results()
        for operand in self.places:
            if operand not in results:
                self._read_beforehand(operand)
        if not self.kernel.axes:
            self._nest(range(len(self.groups)), 0, lambda depth: self._walk(0, depth))
        elif self.in_rows:
            self._nest(self.down, 0, self._row)
        else:
            self._columns()
        steps = {name: step for place in self.places.values() for name, step in place.steps.items()}
        sizes, numbers = [f"n{g}" for g in range(len(self.groups))], self.sizes
        if self.shared >= 0:
            sizes, numbers = ["part", *sizes], (self.sizes[self.shared], *self.sizes)
        told = [f"{name}: {dtype}" for (dtype, _), name in self.numbers.items()]
        given = [*sizes, *(place.argument for place in self.places.values()), *steps, *told]
        words = " ".join(instruction.op.name for instruction in self.kernel.instructions)
        begin = [NOTHING_OVERLAPS, NOTHING_IS_EMPTY] + [DENORMALS_ARE_ZERO] * (self.kernel.updates and can_flush())
        begin += [ROWS_ARE_SHORT] * self.short
        source = loop_text(words, given, (*begin, *self.lines))
        steps |= {name: bits for (_, bits), name in self.numbers.items()}
        operands, elements = tuple(self.places), size(self.kernel.shape)
        return Written(
            source, numbers, operands, tuple(steps.values()), elements, self._growth(), in_pieces=self.shared >= 0
        )

    def _read_beforehand(self, operand: Operand) -> None:
        """Lines in front of all loops for what does not vary with them."""
        varies = [g for g, group in enumerate(self.groups) if operand.strides[group[-1]]]
        if all(g in self.narrow for g in varies):
            self.scalars[operand] = name = "_".join([f"s{len(self.scalars)}", *(f"i{g}" for g in varies)])
            read = f"{name} = {self._read(operand)}"
            if varies:
                self._every(0, lambda depth: self._emit(depth, read))
            else:
                self._emit(0, read)

    def _growth(self) -> tuple[int, ...] | None:
        if self.shared < 0 and (self.down[:1] != [0] or not self.in_rows or any(x.scratch for x in self.places)):
            return None
        outermost = self.groups[max(self.shared, 0)][-1]
        return tuple(operand.strides[outermost] * operand.value.dtype.itemsize for operand in self.places)

    def _emit(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def _nest(
        self, groups: Iterable[int], depth: int, body: Callable[[int], None], run: tuple[int, str] = (-1, "")
    ) -> None:
        """Loops in each other around a body; that of one of the groups may be over a part of its axis: `run` says which."""
        groups = list(groups)
        for g in groups:
            if g not in self.narrow:
                whole = "part" if g == self.shared else self._size(g)
                self._emit(depth, f"for i{g} in range({run[1] if g == run[0] else whole}):")
                depth += 1
        if any(g in self.narrow for g in groups):
            self._every(depth, body)
        else:
            body(depth)

    def _every(self, depth: int, body: Callable[[int], None]) -> None:
        """A body for every element along the narrow groups, one behind the other: their indices become numbers."""
        begin = len(self.lines)
        body(depth)
        once = self.lines[begin:]
        del self.lines[begin:]
        for numbers in numpy.ndindex(*(self.sizes[g] for g in self.narrow)):
            known = {f"i{g}": str(number) for g, number in zip(self.narrow, numbers, strict=True)}
            self.lines += [_INDEX.sub(partial(_number, known), line) for line in once]

    def _at(self, operand: Operand) -> str:
        return self.places[operand].element

    def _read(self, operand: Operand) -> str:
        return f"{self._at(operand)} != 0" if operand.value.dtype == bool else self._at(operand)

    def _operand(self, value: Value, instruction: Instruction, loaded: dict, depth: int) -> str:
        """An operand of an instruction as a name, loaded before if need be."""
        literal = constant(value)
        if literal is not None:
            return self._told(value, literal) if self.kernel.reduced(instruction.output) else literal
        if value in self.producers:
            passing = not (self.kernel.reduced(value) or self.operands.in_memory(value))
            if passing and value not in loaded:  # of an earlier walk, and computed again
                self._compute(self.producers[value], loaded, depth)
            if value in loaded or not self.operands.in_memory(value):
                return self.names[value]
            key, operand, name = value, self.operands.result(value), self._name(value)  # from an earlier turn
        else:
            key = operand = self.operands.taken(value, instruction)
            if operand in self.scalars:
                return self.scalars[operand]
            name = self.arrays[operand].replace("a", "x")
        if key not in loaded:
            loaded[key] = name
            self._emit(depth, f"{name} = {self._read(operand)}")
        return loaded[key]

    def _told(self, value: Value, literal: str) -> str:
        """A constant beside sums as an argument of the loop: it is the size of a layer often, and so one loop is that of many
        layers. Within walks it is no argument, as a division by a power of two is a product."""
        if value.dtype.name not in BITS_OF or value.known_number in (0, 1):
            return literal
        bits = int(numpy.array(value.known_number, value.dtype).view(BITS_OF[value.dtype.name]))
        return self.numbers.setdefault((value.dtype.name, bits), f"c{len(self.numbers)}")

    def _name(self, value: Value) -> str:
        return self.names.setdefault(value, f"v{len(self.names)}")

    def _compute(self, instruction: Instruction, loaded: dict, depth: int) -> None:
        """A line for an elementwise operation, and one that stores its result."""
        output = instruction.output
        operands = [self._operand(value, instruction, loaded, depth) for value in instruction.inputs]
        if instruction.renames:
            self.names[output] = loaded[output] = operands[0]
            return
        loaded[output] = self._name(output)
        self._emit(depth, f"{loaded[output]} = {expression(instruction, operands)}")
        self._store(output, loaded[output], depth)

    def _store(self, value: Value, text: str, depth: int) -> None:
        if self.operands.in_memory(value):
            self._emit(depth, f"{self._at(self.operands.result(value))} = {text}")

    def _walk(self, turn: int, depth: int) -> None:
        loaded: dict = {}
        for instruction in self.turns.walked(turn):
            if self.kernel.folds(instruction):
                (x,) = instruction.inputs
                self._accumulate(instruction, self._operand(x, instruction, loaded, depth), depth)
            else:
                self._compute(instruction, loaded, depth)

    def _accumulate(self, instruction: Instruction, value: str, depth: int) -> None:
        output = instruction.output
        if self.in_rows or self.inner:
            total = f"t_{self._name(output)}"
            if self._in_runs(instruction):
                self._emit(depth, f"s{total} = add_in_any_order(s{total}, {value})")
                return
            if adds_up(instruction):
                added = f"{total} + float64({value})"  # of a narrow row, alone or beside others, in one order
                added = added if self.narrow else f"add_in_any_order({total}, float64({value}))"
                self._emit(depth, f"{total} = {added}")
                return
            extremum = extremum_of_floats(instruction)
            if extremum and output.dtype == instruction.inputs[0].dtype:
                # LLVM would make "is it more, and wanted?" of the largest of what is wanted, one number at a time.
                self._emit(depth, f"{total} = {extremum}({total}, frozen({value}))")
                return
        else:
            self._name(output)
            total = self._at(self.operands.result(output))
        if output.dtype != instruction.inputs[0].dtype:
            value = f"{output.dtype}({value})"
        self._emit(depth, f"{total} = {expression(together(instruction, output.dtype), [value, total])}")

    def _start(self, reductions: Iterable[Instruction], depth: int) -> None:
        """Registers for what is reduced next."""
        for i in reductions:
            self._emit(depth, f"t_{self._name(i.output)} = {_start(i, wide=True)}")

    def _row(self, depth: int) -> None:
        loaded: dict = {}
        for turn in range(self.turns.count):
            for instruction in self.turns.before(turn):
                self._compute(instruction, loaded, depth)
            walked = self.turns.walked(turn)
            reductions = [i for i in walked if self.kernel.folds(i)]
            self._start(reductions, depth)
            if walked:
                self._walk_rows(turn, depth, [i for i in reductions if self._in_runs(i)])
            for i in reductions:
                name = loaded[i.output] = self._name(i.output)
                self._emit(depth, f"{name} = {i.output.dtype}(t_{name})")
                self._store(i.output, name, depth)

    def _in_runs(self, instruction: Instruction) -> bool:
        """Whether a sum over rows is added up in runs."""
        narrow = bool(self.narrow) or not self.along or self.sizes[self.along[-1]] <= NARROW_ELEMENTS
        same = instruction.inputs[0].dtype == instruction.output.dtype == dtypes.float32
        return self.in_rows and not narrow and same and adds_up(instruction)

    def _walk_rows(self, turn: int, depth: int, in_runs: list[Instruction]) -> None:
        """The walk along a row, in which some sums are added up in runs."""
        if not in_runs:
            self._nest(self.along, depth, lambda inner: self._walk(turn, inner))
            return
        *others, long = self.along
        totals = [f"t_{self._name(i.output)}" for i in in_runs]

        def runs(depth: int) -> None:
            part = (-1, "")
            if self.sizes[long] > RUN_IN_REGISTERS:
                self._emit(depth, f"for first in range(0, n{long}, {RUN_IN_REGISTERS}):")
                part, depth = (long, f"first, min(first + {RUN_IN_REGISTERS}, n{long})"), depth + 1
            for total in totals:
                self._emit(depth, f"s{total} = float32(0.0)")
            self._nest([long], depth, lambda inner: self._walk(turn, inner), part)
            for total in totals:
                self._emit(depth, f"{total} = {total} + float64(s{total})")

        self._nest(others, depth, runs)

    def _columns(self) -> None:
        self.reductions = [i for i in self.kernel.instructions if self.kernel.folds(i)]
        self.sums = [i for i in self.reductions if i.output in self.loop.totals]
        outer = [g for g in range(len(self.groups)) if g not in self.inner]
        self._nest(self.down, 0, self._clear)
        if self.inner:
            self._nest(outer, 0, self._walk_inner)
        elif not self.sums:
            self._nest(outer, 0, lambda depth: self._walk(0, depth))
        else:  # a sum does not run on for long in its own dtype: see `totals.py`
            long, *others = self.along
            run, below = RUNNING_SUM_ELEMENTS, " * ".join(f"n{g}" for g in others)
            rows = f"max({run} // ({below}), 1)" if others else str(run)
            self._emit(0, f"rows = {rows}")
            self._emit(0, f"for first in range(0, n{long}, rows):")
            self._nest(self.down, 1, self._clear_run)
            self._nest(outer, 1, lambda depth: self._walk(0, depth), (long, f"first, min(first + rows, n{long})"))
            self._nest(self.down, 1, self._add_run)
        if self.sums or any(self.turns.before(turn) for turn in range(self.turns.count)):
            self._nest(self.down, 0, self._finish)

    def _clear(self, depth: int) -> None:
        for i in self.reductions:
            self._emit(
                depth, f"{self._at(self.operands.total(i.output))} = {_start(i, wide=i.output in self.loop.totals)}"
            )

    def _clear_run(self, depth: int) -> None:
        for i in self.sums:
            self._emit(depth, f"{self._at(self.operands.result(i.output))} = {_start(i)}")

    def _add_run(self, depth: int) -> None:
        for i in self.sums:
            self._add(i, self._at(self.operands.result(i.output)), depth)

    def _walk_inner(self, depth: int) -> None:
        self._start(self.reductions, depth)
        self._nest(self.inner, depth, lambda deeper: self._walk(0, deeper))
        for i in self.reductions:
            self._add(i, f"t_{self._name(i.output)}", depth)

    def _add(self, instruction: Instruction, part: str, depth: int) -> None:
        """What was found of a reduction, taken into its total."""
        total = self.operands.total(instruction.output)
        at, dtype = self._at(total), total.value.dtype
        self._emit(depth, f"{at} = {expression(together(instruction, dtype), [f'{dtype}({part})', at])}")

    def _finish(self, depth: int) -> None:
        loaded: dict = {}
        for i in self.sums:
            name = loaded[i.output] = self._name(i.output)
            self._emit(depth, f"{name} = {i.output.dtype}({self._at(self.operands.total(i.output))})")
            self._emit(depth, f"{self._at(self.operands.result(i.output))} = {name}")
        for turn in range(self.turns.count):
            for instruction in self.turns.before(turn):
                self._compute(instruction, loaded, depth)


def _number(known: Mapping[str, str], index: re.Match) -> str:
    """The number that an index is known to be, or its name."""
    return known.get(index[0], index[0])


def _start(instruction: Instruction, wide: bool = False) -> str:
    """The number with which a reduction begins. Sums in a register are wide: they are rounded once, at the end."""
    dtype = dtypes.float64 if wide and adds_up(instruction) else instruction.output.dtype
    return literal(first_number(instruction, dtype), dtype)
