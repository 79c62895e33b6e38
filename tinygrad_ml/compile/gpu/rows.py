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
from .launch import BLOCK_NUMBER, Launch, deeper, launch, parameters
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
        work, reductions = self.work, self.work.reductions.items()
        axes = [axis for axis, n in enumerate(kernel.shape) if n > 1]
        along_rows = not axes or axes[-1] in kernel.axes
        positions = any(instruction.op.kind == "position" for instruction in work.reductions)
        together = strip * work.rows // kernel.shape[0] if strip else work.rows
        if strip and threads:
            self.team = team_of_strip(together, work.columns, along_rows, threads)
        else:
            self.team = team(work.rows, work.columns, along_rows, work.passes == 1 and not positions, threads)
        self._blocks, self._first, self._end = in_strips(work.rows, together, self.team.rows, work.kind)
        # Some threads of some blocks have no row; where there is a barrier for all, they have to stay nevertheless.
        self._uneven = together % self.team.rows != 0 or work.rows % together != 0
        self._outside = self._uneven and (self.team.tile > 0 or (threads is not None and self.team.lanes > 1))
        each = -(-work.columns // self.team.lanes)
        self.near = work.kept_near() if each <= KEPT_ROW_ELEMENTS else {}
        self.each = each if self.near else 0
        self.found = [
            [Accumulator(i, operand, work.names[i.output]) for i, (now, operand) in reductions if now == turn]
            for turn in range(work.passes)
        ]

    def launch(self) -> Launch:
        """Its launch. Two launches of one source must not run at the same time: blocks meet in memory of the source."""
        kernel, work, team = self.kernel, self.work, self.team
        lines = [*self._start(), *work.row.coordinates()]
        lines += [
            f"{work.of_element[name].type} near_{name}[{self.each}];  // kept for the next pass" for name in self.near
        ]
        for turn in range(work.passes):
            lines += [*self._row_steps(turn), *self._pass(turn)]
        lines += self._row_steps(work.passes)
        stores = [work.written[value] for value in kernel.outputs if kernel.reduced(value)]
        if stores and not team.tile and 1 < team.lanes <= 32:
            lines.append("__syncwarp();  // what one of them overwrites now, all of them have read")
        if stores:
            lines += self._by_one(stores)
        threads = "a thread" if team.lanes == 1 else f"{team.lanes * team.parts} threads"
        shape = " × ".join(map(str, kernel.shape))
        remark = f"{kernel.name}: {shape}, {threads} for each {work.columns} that become one"
        given, grid = parameters(work.reads, kernel.outputs), (self._blocks, team.parts)[: 1 + (team.parts > 1)]
        # Of what the threads of a block share there is a number of each, for each way of putting them together.
        ways = {(one.fold, one.type) for found in self.found for one in found}
        shared = 16 * team.threads * len(ways) if team.tile or team.lanes > 32 else 0
        before = self._shared_by_blocks()
        return launch(kernel.name, remark, lines, given, grid, team.threads, before=before, shared=shared)

    def _start(self) -> list[str]:
        """Which row a thread works for, and as which one of its threads."""
        team, kind, end = self.team, self.work.kind, self._end
        if team.tile:
            lane, within = f"threadIdx.x / {team.tile}", f" + threadIdx.x % {team.tile}"
        elif team.rows == 1:
            lane, within = "threadIdx.x", ""
        else:
            lane, within = f"threadIdx.x % {team.lanes}", f" + threadIdx.x / {team.lanes}"
        lines = [f"const int lane = {lane};"]
        if team.lanes == 1:
            lines, within = [], " + threadIdx.x"
        if self._outside:  # those beyond the last row go through that, and take nothing in
            place = f"const {kind} place = {self._first}{within}, row = place < {end} ? place : {end} - 1;"
            return [*lines, place, f"const bool inside = place < {end};"]
        lines.append(f"const {kind} row = {self._first}{within};")
        return [*lines, f"if (row >= {end}) return;"] if self._uneven else lines

    def _by_one(self, lines: list[str]) -> list[str]:
        """Lines for one thread of each row."""
        return _where(["lane == 0"] * (self.team.lanes > 1) + ["inside"] * self._outside, lines)

    def _row_steps(self, turn: int) -> list[str]:
        return [step.line(name) for name, (now, step) in self.work.of_row.items() if now == turn]

    def _pass(self, turn: int) -> list[str]:
        """Once through the row, and what was found, put together."""
        work, found = self.work, self.found[turn]
        inner = work.column.coordinates()
        for name in work.needed(turn, [n for n, computed in self.near.items() if computed < turn]):
            step = work.of_element[name]
            if self.near.get(name, turn) < turn:
                inner.append(f"const {step.type} {name} = near_{name}[k];")
            else:
                inner.append(step.line(name))
                if name in self.near:
                    inner.append(f"near_{name}[k] = {name};")
        inner += [f"{f.name} = {f.taken};  // {f.instruction!r}" for f in found]
        if turn == work.passes - 1:
            inner += [work.written[value] for value in work.full_outputs]
        return [
            *(f"{f.type} {f.name} = {f.start};" for f in found),
            *self._loop(inner),
            *(self._across_blocks() if self.team.parts > 1 else ()),
            *(f"const {f.result} {f.output} = {f.value(self.team.combined(f.fold, f.name))};" for f in found),
        ]

    def _loop(self, inner: list[str]) -> list[str]:
        """The columns of this thread, with these lines for each."""
        team, kind, columns = self.team, self.work.kind, self.work.columns
        if self.each:
            conditions = [f"column < {columns}"] * (columns % team.lanes != 0) + ["inside"] * self._outside
            column = "k" if team.lanes == 1 else f"lane + k * {team.lanes}"
            head = ["#pragma unroll", f"for (int k = 0; k < {self.each}; k++) {{"]
            return [*head, f"    const {kind} column = {column};", *deeper(_where(conditions, inner)), "}"]
        first = "0" if team.lanes == 1 else "lane"
        if team.parts > 1:
            first = f"blockIdx.y * {team.lanes} + lane"
        end = f"(inside ? {columns} : 0)" if self._outside else str(columns)
        step = team.lanes * team.parts
        head = f"for ({kind} column = {first}; column < {end}; column{'++' if step == 1 else f' += {step}'}) {{"
        return [head, *deeper(inner), "}"]

    def _shared_by_blocks(self) -> list[str]:
        """Memory for what each block has found of a row, and a count of the blocks that are done."""
        if self.team.parts == 1:
            return []
        count = self.team.parts * self.work.rows
        parts = [f"__device__ volatile {f.type} parts_of_{f.output}[{count}];" for f in self.found[0]]
        return [*parts, f"__device__ unsigned int done[{self._blocks}];", ""]

    def _across_blocks(self) -> list[str]:
        team, rows, (found,) = self.team, self.work.rows, self.found
        return [
            *(f"{f.name} = {team.combined(f.fold, f.name)};" for f in found),
            *self._by_one([f"parts_of_{f.output}[blockIdx.y * {rows} + row] = {f.name};" for f in found]),
            "// The block that is done last puts together what all of them have found.",
            "__shared__ bool last;",
            "__threadfence();",
            "__syncthreads();",
            f"if (threadIdx.x == 0) last = atomicInc(&done[{BLOCK_NUMBER}], {team.parts - 1}) == {team.parts - 1};",
            "__syncthreads();",
            "if (!last) return;",
            *(f"{f.name} = {f.start};" for f in found),
            f"for (int part = lane; part < {team.parts}; part += {team.lanes}) {{",
            *(f"    {f.name} = {f.fold}::of({f.name}, parts_of_{f.output}[part * {rows} + row]);" for f in found),
            "}",
        ]


def _where(conditions: list[str], lines: list[str]) -> list[str]:
    """The lines, where all conditions hold."""
    return [f"if ({' && '.join(conditions)}) {{", *deeper(lines), "}"] if conditions else lines
