"""Kernels with reductions in them: a group of threads goes through a row, together, as often as it must.

The reduced axes of the domain are counted by `column`, the others by `row`. A row is finished by one group of
`lanes` threads: each takes every so many columns, and what they have found is combined, always in the same order, so
the same numbers come out in every run. Where full values need a reduced one (a softmax needs the sum of its row), the
group goes through its row again.

What lies side by side should be read side by side. So where the last axis is reduced, neighbouring threads go along the
row; where it stays (a sum over a batch), they take neighbouring rows, a *tile* of them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple

import numpy

from ...backend import dtypes
from ...ops.shapes import size
from ..passes.fusion import Kernel
from ..program import Instruction, Value
from .expressions import REGISTER, constant, expression, literal, loaded, stored
from .launch import Launch, launch
from .loops import Names, index_along
from .places import Places, needs_wide, strides_in

FULL = 1 << 15
"""Threads that keep a processor busy: with fewer rows, more threads go through each."""
PARTS = 256
"""Blocks that share a row at most."""
REGISTERS = 8
"""Numbers of a row that a thread keeps for the next time through it, of each value."""

FOLDS = {
    "sum": "Sum",
    "max": "Max",
    "min": "Min",
    "any": "Max",
    "all": "Min",
    "argmax": "First_max",
    "argmin": "First_min",
}
"""Reduction -> what puts two numbers together, in the helpers."""


TRUTHS = frozenset(("any", "all"))
POSITIONS = frozenset(("argmax", "argmin"))


class Team(NamedTuple):
    """The threads that share the work.

    tile   neighbouring rows of a block, along x; 0 where threads along x go along a row
    lanes  threads of a row in a block
    rows   rows of a block
    parts  blocks that share a row
    """

    tile: int
    lanes: int
    rows: int
    parts: int

    @property
    def block(self) -> tuple[int, int]:
        return (self.tile, self.lanes) if self.tile else (self.lanes, self.rows)

    def combined(self, fold: str, name: str) -> str:
        """What all threads of a row have found in `name`, as an expression that each of them computes."""
        if self.tile:
            return f"over_tile<{fold}, {self.tile}, {self.lanes}>({name})"
        if self.lanes > 32:
            return f"over_block<{fold}, {self.lanes}>({name})"
        return f"over_lanes<{fold}, {self.lanes}>({name})" if self.lanes > 1 else name


def team(rows: int, columns: int, last_is_reduced: bool, once: bool) -> Team:
    """Threads for so many rows and columns.

    once  whether each row is gone through once only, so that blocks may share it
    """
    lanes = _power_of_two(columns / 8)
    while lanes < columns and rows * lanes < FULL and (lanes < 32 or lanes * 4 < columns):
        lanes *= 2
    lanes = min(lanes, 1024)
    tile, alone = 0, lanes == 1
    if not last_is_reduced and not alone:
        tile = 32 if rows >= 4096 else 16 if rows >= 2048 else 8
        lanes = max(min(lanes, 1024 // tile), 32 // tile)
    in_block = tile or (128 // lanes if lanes <= 32 else 1)
    blocks = -(-rows // in_block)
    parts = 1
    if once and not alone and columns > 8 * lanes:
        parts = min(PARTS, -(-columns // (8 * lanes)), max(1, 528 // blocks))
    return Team(tile, lanes, in_block, parts)


def _power_of_two(number: float) -> int:
    power = 1
    while power < number:
        power *= 2
    return power


class Step(NamedTuple):
    """A line of a row's or an element's work: `type name = text;`"""

    type: str
    text: str
    remark: str
    operands: tuple[str, ...]

    def line(self, name: str) -> str:
        return f"const {self.type} {name} = {self.text};{f'  // {self.remark}' if self.remark else ''}"


class Rows:
    """The kernel of a domain with reduced axes.

    kernel  whose domain has reduced axes
    forms   value -> how it lies in memory
    """

    def __init__(self, kernel: Kernel, forms: Mapping[Value, numpy.ndarray]):
        self.kernel, self.forms, self.shape = kernel, forms, kernel.shape
        self.kept_axes = tuple(a for a in range(len(self.shape)) if a not in kernel.axes)
        self.rows = size(tuple(self.shape[a] for a in self.kept_axes))
        self.columns = size(tuple(self.shape[a] for a in kernel.axes))
        self.made = {instruction.output for instruction in kernel.instructions}
        self.reads = [v for v in kernel.inputs() if constant(v) is None]
        wide = needs_wide([forms[v] for v in (*self.reads, *kernel.outputs)], self.rows * self.columns)
        self.kind = "long long" if wide else "int"
        self.names = Names()
        self._find_places()
        self._take_apart()
        axes = [axis for axis, n in enumerate(self.shape) if n > 1]
        positions = any(i.op.name in POSITIONS for i in self.reductions)
        self.team = team(
            self.rows, self.columns, not axes or axes[-1] in kernel.axes, self.passes == 1 and not positions
        )
        each = -(-self.columns // self.team.lanes)
        self.kept_near = self._kept_near() if self.passes > 1 and each <= REGISTERS else {}
        self.each = each if self.kept_near else 0

    # -- where things lie ----------------------------------------------------------------------------------------

    def _find_places(self) -> None:
        """`self.row` and `self.column`: the places along the kept and the reduced axes."""
        strides: dict[Hashable, tuple[int, ...]] = {}
        for instruction in self.kernel.instructions:
            if instruction.op.name == "iota":
                along = index_along(instruction.params["axis"], instruction.params["shape"])
                strides[instruction.output] = self._in_domain(along)
            for value in instruction.inputs:
                if value not in self.made and constant(value) is None:
                    strides[self._key(instruction, value)] = self._strides(instruction, value)
        for value in self.kernel.outputs:
            strides["written", value] = self._in_domain(strides_in(self.forms[value], value.shape))
        self.strides = strides
        self.row, self.column = (
            Places(
                word,
                [self.shape[axis] for axis in axes],
                {key: [steps[axis] for axis in axes] for key, steps in strides.items()},
                self.kind,
            )
            for word, axes in (("row", self.kept_axes), ("column", self.kernel.axes))
        )

    def _in_domain(self, strides: tuple[int, ...]) -> tuple[int, ...]:
        """Strides along the axes of a full or reduced shape as strides along those of the domain."""
        if len(strides) == len(self.shape):
            return strides
        along = dict(zip(self.kept_axes, strides, strict=True))
        return tuple(along.get(axis, 0) for axis in range(len(self.shape)))

    def _strides(self, instruction: Instruction, value: Value) -> tuple[int, ...]:
        shape = self.shape if instruction.op.name in FOLDS else instruction.output.shape
        return self._in_domain(strides_in(self.forms[value], shape))

    def _key(self, instruction: Instruction, value: Value) -> Hashable:
        """A value from outside as it is read here: it may be broadcast in two ways in one kernel."""
        return value, self._strides(instruction, value)

    def _in_row(self, key: Hashable) -> bool:
        """Whether what is read there is the same for the whole row."""
        return not any(self.strides[key][axis] for axis in self.kernel.axes)

    # -- what is done, and when ----------------------------------------------------------------------------------

    def _take_apart(self) -> None:
        """The steps of a row (by the pass before which they come) and of an element, and the reductions between."""
        self.of_row: dict[str, tuple[int, Step]] = {}
        self.of_element: dict[str, Step] = {}
        self.reductions: dict[Instruction, tuple[int, str]] = {}
        turn: dict[Value, int] = {}
        loads: dict[Hashable, str] = {}
        for instruction in self.kernel.instructions:
            operands = [self._operand(instruction, value, loads) for value in instruction.inputs]
            output, name = instruction.output, instruction.op.name
            now = max((turn.get(value, 0) for value in instruction.inputs), default=0)
            if name in FOLDS:
                self.reductions[instruction] = now, operands[0]
                turn[output] = now + 1
                continue
            turn[output] = now
            if name == "reshape":
                self.names.same(output, instruction.inputs[0])
                continue
            in_row = self.kernel.reduced(output)
            if name == "iota":
                in_row = self._in_row(output)
                step = Step("long long", self._offset(output), repr(instruction), ())
            else:
                text = expression(instruction, operands)
                step = Step(REGISTER[output.dtype], text, repr(instruction), tuple(operands))
            if in_row:
                self.of_row[self.names[output]] = now, step
            else:
                self.of_element[self.names[output]] = step
        full = [value for value in self.kernel.outputs if not self.kernel.reduced(value)]
        lasts = [now for now, _ in self.reductions.values()] + [turn[value] for value in full]
        self.passes = max(lasts) + 1
        self.full_outputs = full

    def _operand(self, instruction: Instruction, value: Value, loads: dict[Hashable, str]) -> str:
        """The value as an expression; a line that reads it is added, if it comes from outside."""
        if value in self.made or constant(value) is not None:
            return self.names[value]
        key = self._key(instruction, value)
        if key not in loads:
            again = sum(known is value for known, _ in loads)
            loads[key] = name = f"v{value.number}" + "_again" * again
            step = Step(REGISTER[value.dtype], loaded(self._element(value, key), value.dtype), "", ())
            if self._in_row(key):
                self.of_row[name] = 0, step
            else:
                self.of_element[name] = step
        return loads[key]

    def _offset(self, key: Hashable) -> str:
        parts = [part for part in (self.row.offset(key), self.column.offset(key)) if part != "0"]
        return " + ".join(parts) or "0"

    def _element(self, value: Value, key: Hashable) -> str:
        return f"p{value.number}[{self._offset(key)}]"

    def _needed(self, turn: int, near: Collection[str] = ()) -> list[str]:
        """The steps of an element in a pass, in order; what is near is not computed again."""
        waiting = [operand for now, operand in self.reductions.values() if now == turn]
        if turn == self.passes - 1:
            waiting += [self.names[value] for value in self.full_outputs]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in self.of_element and name not in found:
                found.add(name)
                if name not in near:
                    waiting += self.of_element[name].operands
        return [name for name in self.of_element if name in found]

    def _kept_near(self) -> dict[str, int]:
        """The values of elements that a later pass needs again -> the pass that computes them."""
        first: dict[str, int] = {}
        kept: dict[str, int] = {}
        for turn in range(self.passes):
            for name in self._needed(turn, first):
                if first.setdefault(name, turn) < turn:
                    kept[name] = first[name]
        return kept

    # -- the text ------------------------------------------------------------------------------------------------

    def launch(self) -> Launch:
        kernel, team = self.kernel, self.team
        body = []
        for turn in range(self.passes):
            body += self._row_steps(turn)
            body += self._pass(turn)
        body += self._row_steps(self.passes)
        stores = [
            f"{self._element(value, ('written', value))} = {stored(self.names[value], value.dtype)};"
            for value in kernel.outputs
            if kernel.reduced(value)
        ]
        if stores and not team.tile and 1 < team.lanes <= 32:
            body.append("__syncwarp();  // what one of them overwrites now, all of them have read")
        if stores:
            body += self._by_one(stores)
        near = [
            f"{self.of_element[name].type} near_{name}[{self.each}];  // kept for the next time"
            for name in self.kept_near
        ]
        start = [*self._start(), *self.row.coordinates(), *near]
        blocks = -(-self.rows // team.rows)
        domain = " × ".join(map(str, self.shape))
        remark = f"{kernel.name}: {domain}, of which {self.columns} are reduced, by {team.lanes * team.parts} threads"
        return launch(
            kernel.name,
            remark,
            [*start, *body],
            self.reads,
            kernel.outputs,
            (blocks, team.parts),
            team.block,
            before=self._shared_by_blocks(blocks),
        )

    @property
    def _outside(self) -> bool:
        """Whether some threads have no row, and have to stay nevertheless, for a barrier."""
        return self.team.tile > 0 and self.rows % self.team.tile != 0

    def _start(self) -> list[str]:
        team, kind, rows = self.team, self.kind, self.rows
        if team.tile:
            lines = ["const int lane = threadIdx.y;", f"const {kind} row = blockIdx.x * {team.tile} + threadIdx.x;"]
            if self._outside:
                lines[1] = (
                    f"const {kind} place = blockIdx.x * {team.tile} + threadIdx.x, row = place < {rows} ? place : {rows - 1};"
                )
                lines.append(f"const bool inside = place < {rows};")
            return lines
        lines = ["const int lane = threadIdx.x;"] if team.lanes > 1 else []
        if team.rows == 1:
            return [*lines, f"const {kind} row = blockIdx.x;"]
        lines.append(
            f"const {kind} row = blockIdx.x * {f'{team.rows}LL' if kind != 'int' else team.rows} + threadIdx.y;"
        )
        return [*lines, f"if (row >= {rows}) return;"] if rows % team.rows else lines

    def _by_one(self, lines: list[str]) -> list[str]:
        """Lines for one thread of each row."""
        conditions = [*(["lane == 0"] if self.team.lanes > 1 else []), *(["inside"] if self._outside else [])]
        if not conditions:
            return lines
        if len(lines) == 1:
            return [f"if ({' && '.join(conditions)}) {lines[0]}"]
        return [f"if ({' && '.join(conditions)}) {{", *(f"    {line}" for line in lines), "}"]

    def _row_steps(self, turn: int) -> list[str]:
        return [step.line(name) for name, (now, step) in self.of_row.items() if now == turn]

    def _pass(self, turn: int) -> list[str]:
        """Once through the row, and what was found, put together."""
        found = [
            Found(i, operand, self.names[i.output]) for i, (now, operand) in self.reductions.items() if now == turn
        ]
        lines = [f"{f.type} {f.name} = {f.start};" for f in found]
        inner = []
        for name in self._needed(turn, [n for n, computed in self.kept_near.items() if computed < turn]):
            step = self.of_element[name]
            if self.kept_near.get(name, turn) < turn:
                inner.append(f"const {step.type} {name} = near_{name}[k];")
            else:
                inner.append(step.line(name))
                if name in self.kept_near:
                    inner.append(f"near_{name}[k] = {name};")
        inner += [f"{f.name} = {f.taken(f.operand)};  // {f.instruction!r}" for f in found]
        if turn == self.passes - 1:
            for value in self.full_outputs:
                number = stored(self.names[value], value.dtype)
                inner.append(f"{self._element(value, ('written', value))} = {number};")
        lines += self._loop([*self.column.coordinates(), *inner])
        if self.team.parts > 1:
            lines += self._across_blocks(found)
        return lines + [f"const {f.result} {f.output} = {f.value(self.team.combined(f.fold, f.name))};" for f in found]

    def _loop(self, inner: list[str]) -> list[str]:
        team, kind, columns = self.team, self.kind, self.columns
        inner = [f"    {line}" for line in inner]
        if self.each:
            conditions = [
                *(["column < " + str(columns)] if columns % team.lanes else []),
                *(["inside"] * self._outside),
            ]
            column = "k" if team.lanes == 1 else f"lane + k * {team.lanes}"
            head = [
                "#pragma unroll",
                f"for (int k = 0; k < {self.each}; k++) {{",
                f"    const {kind} column = {column};",
            ]
            if conditions:
                inner = [f"    if ({' && '.join(conditions)}) {{", *(f"    {line}" for line in inner), "    }"]
            return [*head, *inner, "}"]
        first = "0" if team.lanes == 1 else "lane"
        if team.parts > 1:
            first = f"blockIdx.y * {team.lanes} + lane"
        end = f"(inside ? {columns} : 0)" if self._outside else str(columns)
        step = team.lanes * team.parts
        head = f"for ({kind} column = {first}; column < {end}; column{'++' if step == 1 else f' += {step}'}) {{"
        return [head, *inner, "}"]

    # -- blocks that share rows ----------------------------------------------------------------------------------

    def _shared_by_blocks(self, blocks: int) -> list[str]:
        """Memory for what each block has found of a row, and a count of the blocks that are done."""
        if self.team.parts == 1:
            return []
        found = [Found(i, operand, self.names[i.output]) for i, (_, operand) in self.reductions.items()]
        parts = [f"__device__ volatile {f.type} parts_of_{f.output}[{self.team.parts * self.rows}];" for f in found]
        return [*parts, f"__device__ unsigned int done[{blocks}];", ""]

    def _across_blocks(self, found: list[Found]) -> list[str]:
        team, lines = self.team, []
        for f in found:
            lines.append(f"{f.name} = {team.combined(f.fold, f.name)};")
        lines += self._by_one([f"parts_of_{f.output}[blockIdx.y * {self.rows} + row] = {f.name};" for f in found])
        lines += [
            "// The block that is done last puts together what all of them have found.",
            "__shared__ bool last;",
            "__threadfence();",
            "__syncthreads();",
            f"if (threadIdx.x == 0 && threadIdx.y == 0) last = atomicInc(&done[blockIdx.x], {team.parts - 1}) == {team.parts - 1};",
            "__syncthreads();",
            "if (!last) return;",
        ]
        for f in found:
            lines.append(f"{f.name} = {f.start};")
        lines.append(f"for (int part = lane; part < {team.parts}; part += {team.lanes}) {{")
        for f in found:
            lines.append(f"    {f.name} = {f.fold}::of({f.name}, parts_of_{f.output}[part * {self.rows} + row]);")
        return [*lines, "}"]


class Found:
    """What a thread has found of a reduction so far: a variable, what it starts with, and what it takes in."""

    def __init__(self, instruction: Instruction, operand: str, output: str):
        self.instruction, self.operand, self.output = instruction, operand, output
        self.name = f"found_{output}"
        op, dtype = instruction.op.name, instruction.inputs[0].dtype
        self.fold, self.result = FOLDS[op], REGISTER[instruction.output.dtype]
        if op == "sum":
            self.type, self.start = self.result, "0"
        elif op in TRUTHS:
            self.type, self.start = "int", str(int(op == "all"))
        else:
            self.type = REGISTER[dtype] if dtype.kind == "f" or dtype.itemsize >= 4 else "int"
            self.start = _least(dtype) if FOLDS[op].lower().endswith("max") else _greatest(dtype)
            if op in POSITIONS:
                self.start = f"{{{self.start}, {literal(numpy.iinfo(numpy.int64).max, dtypes.int64)}}}"
                self.number, self.type = self.type, f"At<{self.type}>"

    def taken(self, operand: str) -> str:
        """The variable and one more number."""
        op = self.instruction.op.name
        if op in POSITIONS:
            more = f"{self.type}{{{operand}, column}}"
        elif op in TRUTHS:
            more = f"int({operand} != 0)"
        else:
            more = operand if REGISTER[self.instruction.inputs[0].dtype] == self.type else f"({self.type}){operand}"
        return f"{self.fold}::of({self.name}, {more})"

    def value(self, found: str) -> str:
        """What all have found, as the value of the reduction."""
        if self.instruction.op.name in POSITIONS:
            return f"{found}.place"
        rounded = self.instruction.output.dtype == dtypes.float16 and self.instruction.op.name == "sum"
        return f"rounded({found})" if rounded else found


def _least(dtype: numpy.dtype) -> str:
    if dtype.kind == "f":
        return literal(-numpy.inf, dtype)
    return "0" if dtype == dtypes.bool_ else literal(numpy.iinfo(dtype).min, dtype)


def _greatest(dtype: numpy.dtype) -> str:
    if dtype.kind == "f":
        return literal(numpy.inf, dtype)
    return "1" if dtype == dtypes.bool_ else literal(numpy.iinfo(dtype).max, dtype)
