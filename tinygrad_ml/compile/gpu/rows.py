"""Kernels with reductions in them: a team of threads goes through a row, as often as it must.

Each of them takes every so many columns, and what they have found is put together, always in the same order, so the
same numbers come out in every run. What lies side by side should be read side by side. So where the last axis is
reduced, neighbouring threads go along the row; where it stays (a sum over a batch), they take neighbouring rows, a
*tile* of them.

Read before: `work.py`, `teams.py`, `reductions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy

from ..program import Value
from ..schedule.kernel import Kernel
from .launch import BLOCK_NUMBER, Launch, launch
from .loops import in_strips
from .reductions import Accumulator
from .teams import team, team_of_strip
from .work import Work

REVISITED_ELEMENTS = 32
"""Reduced elements that are gone through again, where they do not lie side by side."""
KEPT_ROW_ELEMENTS = 8
"""Numbers of a row that a thread keeps for the next time through it, of each value."""


class Rows:
    """The kernel of a domain with reduced axes.

    kernel   what it does
    forms    value -> how it lies in memory
    threads  that every block has to have, if given; then all of them stay to the end
    strip    rows of the first axis for which blocks stand side by side, if that is, see `kernels.launches`
    """

    def __init__(
        self,
        kernel: Kernel,
        forms: Mapping[Value, numpy.ndarray],
        threads: int | None = None,
        strip: int | None = None,
    ):
        self.kernel, self.work = kernel, Work(kernel, forms)
        work = self.work
        axes = [axis for axis, n in enumerate(kernel.shape) if n > 1]
        along_rows = not axes or axes[-1] in kernel.axes
        positions = any(instruction.op.kind == "position" for instruction in work.reductions)
        self._strip = strip * work.rows // kernel.shape[0] if strip else work.rows
        if strip and threads:
            self.team = team_of_strip(self._strip, work.columns, along_rows, threads)
        else:
            self.team = team(work.rows, work.columns, along_rows, work.passes == 1 and not positions, threads)
        self._blocks, self._first, self._end = in_strips(work.rows, self._strip, self.team.rows, work.kind)
        self._stay = threads is not None
        each = -(-work.columns // self.team.lanes)
        self.near = work.kept_near() if each <= KEPT_ROW_ELEMENTS else {}
        self.each = each if self.near else 0

    def launch(self) -> Launch:
        """Its launch. Two launches of one source must not run at the same time: blocks meet in memory of the source."""
        kernel, work, team = self.kernel, self.work, self.team
        body = []
        for turn in range(work.passes):
            body += self._row_steps(turn)
            body += self._pass(turn)
        body += self._row_steps(work.passes)
        stores = [work.written(value) for value in kernel.outputs if kernel.reduced(value)]
        if stores and not team.tile and 1 < team.lanes <= 32:
            body.append("__syncwarp();  // what one of them overwrites now, all of them have read")
        if stores:
            body += self._by_one(stores)
        near = [
            f"{work.of_element[name].type} near_{name}[{self.each}];  // kept for the next pass" for name in self.near
        ]
        lines = [*self._start(), *work.row.coordinates(), *near, *body]
        blocks = self._blocks
        threads = "a thread" if team.lanes == 1 else f"{team.lanes * team.parts} threads"
        remark = (
            f"{kernel.name}: {' × '.join(map(str, kernel.shape))}, {threads} for each {work.columns} that become one"
        )
        before, grid = self._shared_by_blocks(blocks), (blocks, team.parts) if team.parts > 1 else (blocks,)
        return launch(
            kernel.name,
            remark,
            lines,
            work.reads,
            kernel.outputs,
            grid,
            team.threads,
            before=before,
            shared=self._shared,
        )

    @property
    def _shared(self) -> int:
        """Bytes at most that the threads of a block share: a number of each, for each way of putting them together."""
        kinds = {(one.fold, one.type) for turn in range(self.work.passes) for one in self._accumulators(turn)}
        return 16 * self.team.threads * len(kinds) if self.team.tile or self.team.lanes > 32 else 0

    @property
    def _uneven(self) -> bool:
        """Whether some threads of some blocks have no row."""
        return self._strip % self.team.rows != 0 or self.work.rows % self._strip != 0

    @property
    def _outside(self) -> bool:
        """Whether some threads have no row, and have to stay nevertheless, for a barrier."""
        meet = self.team.tile > 0 or (self._stay and self.team.lanes > 1)
        return meet and self._uneven

    def _start(self) -> list[str]:
        """Which row a thread works for, and as which one of its threads."""
        team, kind, first = self.team, self.work.kind, self._first
        if team.tile:
            lines = [f"const int lane = threadIdx.x / {team.tile};"]
            place = f"{first} + threadIdx.x % {team.tile}"
            if not self._outside:
                return [*lines, f"const {kind} row = {place};"]
            return [*lines, *self._inside(place)]
        if team.rows == 1:
            return ["const int lane = threadIdx.x;", f"const {kind} row = {first};"]
        if team.lanes == 1:
            lines = [f"const {kind} row = {first} + threadIdx.x;"]
        else:
            lines = [f"const int lane = threadIdx.x % {team.lanes};"]
            place = f"{first} + threadIdx.x / {team.lanes}"
            if self._outside:
                return [*lines, *self._inside(place)]
            lines.append(f"const {kind} row = {place};")
        return [*lines, f"if (row >= {self._end}) return;"] if self._uneven else lines

    def _inside(self, place: str) -> list[str]:
        """The row at this place; those beyond the last one go through that, and take nothing in."""
        kind, end = self.work.kind, self._end
        place = f"const {kind} place = {place}, row = place < {end} ? place : {end} - 1;"
        return [place, f"const bool inside = place < {end};"]

    def _by_one(self, lines: list[str]) -> list[str]:
        """Lines for one thread of each row."""
        conditions = ["lane == 0"] * (self.team.lanes > 1) + ["inside"] * self._outside
        if not conditions:
            return lines
        if len(lines) == 1:
            return [f"if ({' && '.join(conditions)}) {lines[0]}"]
        return [f"if ({' && '.join(conditions)}) {{", *(f"    {line}" for line in lines), "}"]

    def _row_steps(self, turn: int) -> list[str]:
        return [step.line(name) for name, (now, step) in self.work.of_row.items() if now == turn]

    def _accumulators(self, turn: int) -> list[Accumulator]:
        reductions = self.work.reductions.items()
        return [Accumulator(i, operand, self.work.names[i.output]) for i, (now, operand) in reductions if now == turn]

    def _pass(self, turn: int) -> list[str]:
        """Once through the row, and what was found, put together."""
        accumulators = self._accumulators(turn)
        lines = [f"{f.type} {f.name} = {f.start};" for f in accumulators]
        inner = []
        for name in self.work.needed(turn, [n for n, computed in self.near.items() if computed < turn]):
            step = self.work.of_element[name]
            if self.near.get(name, turn) < turn:
                inner.append(f"const {step.type} {name} = near_{name}[k];")
            else:
                inner.append(step.line(name))
                if name in self.near:
                    inner.append(f"near_{name}[k] = {name};")
        inner += [f"{f.name} = {f.taken(f.operand)};  // {f.instruction!r}" for f in accumulators]
        if turn == self.work.passes - 1:
            inner += map(self.work.written, self.work.full_outputs)
        lines += self._loop([*self.work.column.coordinates(), *inner])
        if self.team.parts > 1:
            lines += self._across_blocks(accumulators)
        return lines + [
            f"const {f.result} {f.output} = {f.value(self.team.combined(f.fold, f.name))};" for f in accumulators
        ]

    def _loop(self, inner: list[str]) -> list[str]:
        """The columns of this thread, with these lines for each."""
        team, kind, columns = self.team, self.work.kind, self.work.columns
        inner = [f"    {line}" for line in inner]
        if self.each:
            conditions = [f"column < {columns}"] * (columns % team.lanes != 0) + ["inside"] * self._outside
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

    def _shared_by_blocks(self, blocks: int) -> list[str]:
        """Memory for what each block has found of a row, and a count of the blocks that are done."""
        if self.team.parts == 1:
            return []
        count = self.team.parts * self.work.rows
        parts = [f"__device__ volatile {f.type} parts_of_{f.output}[{count}];" for f in self._accumulators(0)]
        return [*parts, f"__device__ unsigned int done[{blocks}];", ""]

    def _across_blocks(self, accumulators: list[Accumulator]) -> list[str]:
        team, rows = self.team, self.work.rows
        lines = [f"{f.name} = {team.combined(f.fold, f.name)};" for f in accumulators]
        lines += self._by_one([f"parts_of_{f.output}[blockIdx.y * {rows} + row] = {f.name};" for f in accumulators])
        lines += [
            "// The block that is done last puts together what all of them have found.",
            "__shared__ bool last;",
            "__threadfence();",
            "__syncthreads();",
            f"if (threadIdx.x == 0) last = atomicInc(&done[{BLOCK_NUMBER}], {team.parts - 1}) == {team.parts - 1};",
            "__syncthreads();",
            "if (!last) return;",
        ]
        lines += [f"{f.name} = {f.start};" for f in accumulators]
        lines.append(f"for (int part = lane; part < {team.parts}; part += {team.lanes}) {{")
        for f in accumulators:
            lines.append(f"    {f.name} = {f.fold}::of({f.name}, parts_of_{f.output}[part * {rows} + row]);")
        return [*lines, "}"]
