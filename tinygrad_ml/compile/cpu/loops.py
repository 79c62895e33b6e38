"""A fused kernel as a loop in Python, which Numba compiles to machine code.

All operations of the kernel are done on one element while it is in a register of the processor, and
the compiler makes one instruction of sixteen elements where it can. What is written here depends on the
operations, and on how memory is laid out, but not on sizes: the update of every parameter is one loop,
compiled once.

Three kinds of loops, by what is reduced (see `schedule/fusion.py`):

    nothing     for each element: all operations
    rows        for each row: a walk over it for each turn, with the reduced values of the row in between
    columns     a walk over all elements that adds up; then the reduced values

Read before: `expressions.py`, an operation of one element. Read next: `places.py`, how elements are found; `mathematics.py`, what Numba has not; `machine_code.py`, how it is
compiled and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy

from ...backend.sums import RUN, accumulator
from ...ops.movement import reshape
from ...ops.reduce import max_, min_, sum_
from ...ops.shapes import reduced, size
from ..program import Instruction, Value
from ..schedule.axes import neighbours
from ..schedule.fusion import REDUCTIONS, Kernel
from .expressions import constant, expression, has_loop
from .places import MEMORY, NOTHING_OVERLAPS, Axis, Place, place

LONGEST = 64
"""So many operations are compiled to one loop: the time that it takes grows faster than their number. A longer chain
becomes several loops, see `schedule.fusion.fusion`."""


def may_reduce(instruction: Instruction, is_reduced: bool) -> bool:
    """Whether a loop can have the instruction beside reductions. See `schedule.fusion.fusion`."""
    if instruction.op in REDUCTIONS:
        x, y = instruction.inputs[0].dtype, instruction.output.dtype
        return y in MEMORY and x in MEMORY and y.kind != "b" and 0 not in instruction.inputs[0].shape
    return 0 not in instruction.output.shape and has_loop(instruction, is_reduced)


class Operand(NamedTuple):
    """An array that a loop is given: the memory of a value, or scratch memory, by its steps along the loop's axes."""

    value: Value
    strides: tuple[int, ...]
    scratch: bool = False


class Loop:
    """The loop for a kernel.

    row    elements of a row: the reduced part of the domain
    kept   the values for which it needs scratch memory: full ones that a later turn reads again (of one row), and,
           where columns are reduced, reduced ones
    totals sum of columns -> what its runs are added up in, which is scratch memory too: a wide number for each
    """

    def __init__(self, kernel: Kernel):
        self.kernel = kernel
        self.turns = kernel.phases()
        self.row = size(kernel.shape) // max(size(reduced(kernel.shape, kernel.axes)), 1)
        again = {
            value
            for i in kernel.instructions
            for value in i.inputs
            if not kernel.reduced(i.output) or i.op in REDUCTIONS
            if value in self.turns and not kernel.reduced(value) and self.turns[value] < self._walk(i)
        }
        added_up = [i.output for i in kernel.instructions if i.op in REDUCTIONS and kernel.axes and not kernel.in_rows]
        self.totals = {
            i.output: Value(i.output.number, i.output.shape, accumulator(i.output.dtype, running=True))
            for i in kernel.instructions
            if i.op is sum_ and i.output in added_up and i.output.dtype.kind == "f"
        }
        again |= set(added_up)
        self.kept = [i.output for i in kernel.instructions if i.output in again and i.output not in kernel.outputs]

    def _walk(self, instruction: Instruction) -> int:
        """In which walk over the row an instruction of full operands runs."""
        return self.turns[instruction.output] - (instruction.op in REDUCTIONS)

    @staticmethod
    def can_run(kernel: Kernel) -> bool:
        """Whether all of its operations can be written in a loop."""
        return 0 not in kernel.shape and all(
            i.op in REDUCTIONS or i.op is reshape or has_loop(i, kernel.reduced(i.output)) for i in kernel.instructions
        )

    def written(self, forms: Mapping[Value, numpy.ndarray], in_place: Mapping[Value, Value]) -> Written:
        """Its source, for operands that lie as `forms` says.

        in_place  value -> the value from outside in whose memory it is computed. Both are one operand, since a compiler
                  that sees two arrays has to expect that they overlap otherwise
        """
        return _Writer(self, forms, in_place).written()


class Written(NamedTuple):
    """source    of the function `loop(sizes, addresses, steps)`
    sizes     of its axes
    operands  whose addresses it is to be given
    steps     of those that do not lie in order
    growth    by how many bytes each operand goes on from one turn of the outermost loop to the next, if these turns do
              not need each other
    """

    source: str
    sizes: tuple[int, ...]
    operands: tuple[Operand, ...]
    steps: tuple[int, ...]
    growth: tuple[int, ...] | None


class _Writer:
    def __init__(self, loop: Loop, forms: Mapping[Value, numpy.ndarray], in_place: Mapping[Value, Value]):
        self.loop, self.kernel, self.forms, self.in_place = loop, loop.kernel, forms, in_place
        self.names: dict[Value, str] = {}
        self.operands: dict[Operand, str] = {}
        self.places: dict[Operand, Place] = {}
        self.scalars: dict[Operand, str] = {}
        self.lines: list[str] = []
        self.made = {instruction.output: instruction for instruction in self.kernel.instructions}

    # -- where operands lie -------------------------------------------------------------------------------------

    def _steps(self, form: numpy.ndarray, shape: tuple[int, ...], is_reduced: bool) -> tuple[int, ...]:
        """The strides of an operand along the axes of the domain, if it is broadcast to `shape`, the shape of a result."""
        strides = numpy.broadcast_to(form, shape).strides
        if not is_reduced:
            return strides
        lost = len(shape) < len(self.kernel.shape)
        rest = iter(strides)
        along = [0 if axis in self.kernel.axes and lost else next(rest) for axis in range(len(self.kernel.shape))]
        return tuple(0 if axis in self.kernel.axes else step for axis, step in enumerate(along))

    def _inputs(self) -> Iterable[Operand]:
        for instruction in self.kernel.instructions:
            at = self._index_shape(instruction)
            for value in instruction.inputs:
                if value not in self.made and constant(value) is None:
                    yield self._input(value, instruction, at)

    def _index_shape(self, instruction: Instruction) -> tuple[int, ...]:
        return self.kernel.shape if instruction.op in REDUCTIONS else instruction.output.shape

    def _input(self, value: Value, instruction: Instruction, at: tuple[int, ...]) -> Operand:
        full = instruction.op in REDUCTIONS or not self.kernel.reduced(instruction.output)
        return Operand(value, self._steps(self.forms[value], at, not full))

    def _result(self, value: Value) -> Operand:
        """The memory of a value that is made here: of its own, or scratch for one row."""
        if value in self.loop.kept:
            return self._scratch(value, self.kernel.reduced(value))
        memory = self.in_place.get(value, value)
        return Operand(memory, self._steps(self.forms[memory], value.shape, self.kernel.reduced(value)))

    def _total(self, value: Value) -> Operand:
        """What the runs of a sum of columns are added up in; of another reduction the result itself."""
        if value in self.loop.totals:
            return self._scratch(self.loop.totals[value], True)
        return self._result(value)

    def _scratch(self, value: Value, is_reduced: bool) -> Operand:
        axes = set(range(len(self.kernel.shape)))
        own = axes - set(self.kernel.axes) if is_reduced else set(self.kernel.axes)
        strides, step = [0] * len(self.kernel.shape), value.dtype.itemsize
        for axis in reversed(range(len(strides))):
            if axis in own:
                strides[axis], step = step, step * self.kernel.shape[axis]
        return Operand(value, tuple(strides), scratch=True)

    # -- the function ------------------------------------------------------------------------------------------------

    def written(self) -> Written:
        results = [self._result(value) for value in self.made if self._in_memory(value)]
        results += map(self._total, self.loop.totals)
        operands = list(dict.fromkeys((*self._inputs(), *results)))
        groups = neighbours(self.kernel.shape, [operand.strides for operand in operands], apart=self.kernel.axes)
        self.down = [g for g, group in enumerate(groups) if group[0] not in self.kernel.axes]
        self.along = [g for g, group in enumerate(groups) if group[0] in self.kernel.axes]
        self.in_rows = not self.down or not self.along or self.along[0] > self.down[-1]
        self.operands = {o: f"a{i}" for i, o in enumerate(operands)}
        sizes = tuple(size(tuple(self.kernel.shape[axis] for axis in group)) for group in groups)
        for operand, name in self.operands.items():
            last = {g: group[-1] for g, group in enumerate(groups) if operand.strides[group[-1]]}
            axes = [Axis(f"i{g}", f"n{g}", sizes[g]) for g in last]
            strides = [operand.strides[axis] for axis in last.values()]
            self.places[operand] = place(name, operand.value.dtype, axes, strides)
            if not axes and operand not in results:
                self.scalars[operand] = name = f"s{len(self.scalars)}"
                self.lines.append(f"{name} = {self._read(operand)}")
        if not self.kernel.axes:
            self._nest(range(len(groups)), 0, lambda depth: self._walk(0, depth))
        elif self.in_rows:
            self._nest(self.down, 0, self._row)
        else:
            self._columns()
        steps = {name: step for place in self.places.values() for name, step in place.steps.items()}
        given = [*(f"n{g}" for g in range(len(groups))), *(place.argument for place in self.places.values()), *steps]
        words = " ".join(instruction.op.name for instruction in self.kernel.instructions)
        body = "\n".join(f"    {line}" for line in (NOTHING_OVERLAPS, *self.lines))
        source = f"# {words}\ndef loop({', '.join(given)}):\n{body}\n"
        apart = self.down[:1] == [0] and self.in_rows and not any(operand.scratch for operand in operands)
        growth = tuple(operand.strides[groups[0][-1]] for operand in operands) if apart else None
        return Written(source, sizes, tuple(operands), tuple(steps.values()), growth)

    def _in_memory(self, value: Value) -> bool:
        return (value in self.kernel.outputs and self.made[value].op is not reshape) or value in self.loop.kept

    def _emit(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def _nest(
        self, groups: Iterable[int], depth: int, body: Callable[[int], None], run: tuple[int, str] = (-1, "")
    ) -> None:
        """Loops in each other around a body; that of one of the groups may be over a part of its axis: `run` says which."""
        for g in groups:
            self._emit(depth, f"for i{g} in range({run[1] if g == run[0] else f'n{g}'}):")
            depth += 1
        body(depth)

    # -- values ------------------------------------------------------------------------------------------------------

    def _at(self, operand: Operand) -> str:
        return self.places[operand].element

    def _read(self, operand: Operand) -> str:
        return f"{self._at(operand)} != 0" if operand.value.dtype == bool else self._at(operand)

    def _operand(self, value: Value, instruction: Instruction, loaded: dict, depth: int) -> str:
        """An operand of an instruction as a name, loaded before if need be."""
        literal = constant(value)
        if literal is not None:
            return literal
        if value in self.made:
            if value in loaded or not self._in_memory(value):
                return self.names[value]
            operand = self._result(value)  # from an earlier turn
        else:
            operand = self._input(value, instruction, self._index_shape(instruction))
            if operand in self.scalars:
                return self.scalars[operand]
        key = value if value in self.made else operand
        if key not in loaded:
            loaded[key] = self._name(value, operand)
            self._emit(depth, f"{loaded[key]} = {self._read(operand)}")
        return loaded[key]

    def _name(self, value: Value, operand: Operand | None = None) -> str:
        if operand is not None and value not in self.made:
            return self.operands[operand].replace("a", "x")
        return self.names.setdefault(value, f"v{len(self.names)}")

    def _compute(self, instruction: Instruction, loaded: dict, depth: int) -> None:
        """A line for an elementwise operation, and one that stores its result."""
        output = instruction.output
        operands = [self._operand(value, instruction, loaded, depth) for value in instruction.inputs]
        if instruction.op is reshape:  # another name
            self.names[output] = operands[0]
            loaded[output] = operands[0]
            return
        loaded[output] = self._name(output)
        self._emit(depth, f"{loaded[output]} = {expression(instruction, operands)}")
        if self._in_memory(output):
            self._emit(depth, f"{self._at(self._result(output))} = {loaded[output]}")

    # -- walks ---------------------------------------------------------------------------------------------------------

    def _full(self, turn: int) -> list[Instruction]:
        """The full operations of a turn, and the reductions of what they give."""
        return [
            i
            for i in self.kernel.instructions
            if (i.op in REDUCTIONS or not self.kernel.reduced(i.output)) and self.loop._walk(i) == turn
        ]

    def _walk(self, turn: int, depth: int) -> None:
        loaded: dict = {}
        for instruction in self._full(turn):
            if instruction.op in REDUCTIONS:
                (x,) = instruction.inputs
                self._accumulate(instruction, self._operand(x, instruction, loaded, depth), depth)
            else:
                self._compute(instruction, loaded, depth)

    def _few(self, turn: int, loaded: dict, depth: int) -> None:
        """The reduced values of a turn."""
        for i in self.kernel.instructions:
            if self.kernel.reduced(i.output) and i.op not in REDUCTIONS and self.loop.turns[i.output] == turn:
                self._compute(i, loaded, depth)

    def _row(self, depth: int) -> None:
        last = max(self.loop.turns.values())
        loaded: dict = {}
        for turn in range(last + 1):
            self._few(turn, loaded, depth)
            reductions = [i for i in self._full(turn) if i.op in REDUCTIONS]
            for i in reductions:
                self._emit(depth, f"t_{self._name(i.output)} = {_start(i, wide=True)}")
            if self._full(turn):
                self._nest(self.along, depth, lambda inner, turn=turn: self._walk(turn, inner))
            for i in reductions:
                name = loaded[i.output] = self._name(i.output)
                self._emit(depth, f"{name} = {i.output.dtype}(t_{name})")
                if self._in_memory(i.output):
                    self._emit(depth, f"{self._at(self._result(i.output))} = {name}")

    def _columns(self) -> None:
        reductions = [i for i in self.kernel.instructions if i.op in REDUCTIONS]
        # The last axes, if they are reduced, are added up in a register before anything goes to memory.
        inner = [g for g in self.along if g > self.down[-1]]
        outer = [g for g in range(len(self.down) + len(self.along)) if g not in inner]
        self.near = bool(inner)

        sums = [i for i in reductions if i.output in self.loop.totals]

        def clear(depth: int) -> None:
            for i in reductions:
                self._emit(depth, f"{self._at(self._total(i.output))} = {_start(i, wide=True)}")

        def clear_run(depth: int) -> None:
            for i in sums:
                self._emit(depth, f"{self._at(self._result(i.output))} = {_start(i)}")

        def add_run(depth: int) -> None:
            for i in sums:
                total = self._total(i.output)
                at, part = self._at(total), f"{total.value.dtype}({self._at(self._result(i.output))})"
                self._emit(depth, f"{at} = {at} + {part}")

        def walk(depth: int) -> None:
            if not inner:
                self._walk(0, depth)
                return
            for i in reductions:
                self._emit(depth, f"t_{self._name(i.output)} = {_start(i, wide=True)}")
            self._nest(inner, depth, lambda deeper: self._walk(0, deeper))
            for i in reductions:
                total = self._total(i.output)
                at, t = self._at(total), f"{total.value.dtype}(t_{self._name(i.output)})"
                self._emit(depth, f"{at} = {_COMBINED[i.op].format(at, t)}")

        def finish(depth: int) -> None:
            loaded: dict = {}
            for i in sums:
                name = loaded[i.output] = self._name(i.output)
                self._emit(depth, f"{name} = {i.output.dtype}({self._at(self._total(i.output))})")
                self._emit(depth, f"{self._at(self._result(i.output))} = {name}")
            for turn in sorted({*self.loop.turns.values()}):
                self._few(turn, loaded, depth)

        self._nest(self.down, 0, clear)
        if inner or not sums:
            self._nest(outer, 0, walk)
        else:  # a sum does not run on for long in its own dtype: see `backend/sums.py`
            long, *others = self.along
            rows = f"max({RUN} // ({' * '.join(f'n{g}' for g in others)}), 1)" if others else str(RUN)
            self._emit(0, f"rows = {rows}")
            self._emit(0, f"for first in range(0, n{long}, rows):")
            self._nest(self.down, 1, clear_run)
            self._nest(outer, 1, walk, (long, f"first, min(first + rows, n{long})"))
            self._nest(self.down, 1, add_run)
        few = any(self.kernel.reduced(i.output) and i.op not in REDUCTIONS for i in self.kernel.instructions)
        if few or sums:
            self._nest(self.down, 0, finish)

    def _accumulate(self, instruction: Instruction, value: str, depth: int) -> None:
        name = self._name(instruction.output)
        if self.in_rows or self.near:
            total = f"t_{name}"
            if instruction.op is sum_ and instruction.output.dtype.kind == "f":
                self._emit(depth, f"{total} = add_in_any_order({total}, float64({value}))")
                return
        else:
            total = self._at(self._result(instruction.output))
            if instruction.output.dtype != instruction.inputs[0].dtype:
                value = f"{instruction.output.dtype}({value})"
        self._emit(depth, f"{total} = {_COMBINED[instruction.op].format(total, value)}")


_COMBINED = {
    sum_: "{0} + {1}",
    max_: "({1} if {1} > {0} or {1} != {1} else {0})",
    min_: "({1} if {1} < {0} or {1} != {1} else {0})",
}


def _start(instruction: Instruction, wide: bool = False) -> str:
    """The number with which a reduction begins. Sums in a register are wide: they are rounded once, at the end."""
    dtype = instruction.output.dtype
    if instruction.op is sum_:
        return f"{'float64' if wide and dtype.kind == 'f' else dtype}(0)"
    if dtype.kind == "f":
        return f"{dtype}({'-' if instruction.op is max_ else ''}inf)"
    extreme = numpy.iinfo(dtype)
    return f"{dtype}({extreme.min if instruction.op is max_ else extreme.max})"
