"""The layout of memory on the CPU: registers for kernels that run block by block, rows for those that run as loops.

A *register* is a buffer for one block of a kernel's intermediate values; it stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from typing import Any

import numpy

from ... import blocks
from ...functional import windows
from ...machine.products.fewer import TiledConvolution, TiledGradient
from ...machine.products.plan import WORTH_COPYING, Product
from ...machine.products.windows import ImplicitProduct, WeightGradient
from ...ops import Primitive, movement
from ...ops.index import ARRAY, getitem, scatter_add
from ...ops.shapes import size
from ..program import COPY, Call, Instruction, Program, Value, is_check
from ..schedule.kernel import Kernel
from ..schedule.layout import Layout, form_of, view_function
from . import moves
from .both_ways import BOTH_WAYS, walk_both_ways
from .convolutions import WindowOperation
from .edges import EDGE_SUMS, edge_loop
from .few_products import few_products
from .gathers import gather
from .looks import range_loop
from .loops import KernelLoop
from .places import Forms, Written, addressable
from .pooling import MAX_POOL, MAX_POOL_GRADIENT, pool_loop
from .scans import SCANS, scan

TURNED_PRODUCT_MULTIPLICATIONS = 1 << 17
"""Multiplications of a product, of fewer than `WORTH_COPYING` rows, from which on NumPy takes twice as long and more where b lies
transposed."""


class HostLayout(Layout):
    """A layout for the CPU.

    compiled   whether loops become machine code
    loops      kernel -> the loop that runs it; those that have none run as calls of NumPy
    blocks     kernel -> (elements or rows in a block, whether it runs over flat memory); for those that run in blocks
    registers  value -> the one whose register it has
    alone      result of an instruction that stands alone -> the loops that compute it
    plans      result -> the matrix product, or the operation on windows, that runs as machine code
    parts      value -> the value that it is computed into as a part of, and where: what a concatenation then need not copy
    """

    def __init__(self, *what_and_where: Any, compiled: bool = False):
        self.compiled = compiled
        self.loops: dict[Kernel, KernelLoop] = {}
        self.blocks: dict[Kernel, tuple[int, bool]] = {}
        self.registers: dict[Value, Value] = {}
        self.alone: dict[Value, list[Written]] = {}
        self.plans: dict[Value, Product | ImplicitProduct | TiledConvolution | TiledGradient | WeightGradient] = {}
        self.parts: dict[Value, tuple[Value, tuple[slice, ...]]] = {}
        program: Program = what_and_where[0]
        handed_out = set(program.results)
        for instruction in reversed(program.instructions):
            if instruction.output in handed_out and view_function(instruction) is not None:
                handed_out.add(instruction.inputs[0])  # whose memory lies in order
        self._taken = {*handed_out, *(value for _, value in program.writes)}
        self._readers: dict[Value, list[Instruction]] = {}
        for instruction in program.instructions:
            for value in instruction.inputs:
                self._readers.setdefault(value, []).append(instruction)
        super().__init__(*what_and_where)

    def _lay(self, kernel: Kernel, instruction: Instruction) -> None:
        super()._lay(kernel, instruction)
        if isinstance(instruction.op, WindowOperation):
            self.held.pop(instruction.output, None)  # it looks at nothing
        output = instruction.output
        if instruction.op.kind == "product" and output not in self._taken:
            *batch, rows, columns = output.shape
            turned = form_of((*batch, columns, rows), output.dtype).mT
            if self._sooner_transposed(instruction) or self._read_transposed(output, turned):
                self.forms[output] = turned

    def _sooner_transposed(self, instruction: Instruction) -> bool:
        """Whether many products a·b are sooner computed as bᵀ·aᵀ: where b lies transposed, is the larger one, and neither multiplied
        by so many rows that a product of ours copies it into order, nor so small that NumPy does either in no time."""
        a, b = instruction.inputs
        if len(a.shape) < 3 or len(b.shape) < 3 or size(a.shape) >= size(b.shape):
            return False
        rows, multiplications = a.shape[-2], a.shape[-2] * size(b.shape[-2:])
        if rows >= WORTH_COPYING or multiplications < TURNED_PRODUCT_MULTIPLICATIONS:
            return False
        return self.forms[b].strides[-2] == b.dtype.itemsize != self.forms[b].strides[-1]

    def _read_transposed(self, output: Value, turned: numpy.ndarray) -> bool:
        """Whether a product is only read as views that are in order if it lies as `turned`: the gradient of w in x @ wᵀ, say."""
        readers = self._readers.get(output, [])
        views = [view_function(reader) for reader in readers]
        try:
            return bool(views) and all(take is not None and take(turned).flags.c_contiguous for take in views)
        except ValueError:  # it is no view of what lies so
            return False

    def computes_into(self, kernel: Kernel, memory: Value) -> bool:
        if super().computes_into(kernel, memory):
            return True
        instruction = kernel.instructions[0]
        if instruction.op is movement.concat:  # parts of which may be there before
            return not any(memory is self.roots[value] for other in self.kernels for value in other.inputs())
        straight = (instruction.op is COPY or instruction.op.kind == "product") and self.forms[
            instruction.output
        ].flags.c_contiguous
        return straight and memory not in map(self.roots.get, instruction.inputs)

    def _in_place(self) -> dict[Value, Value]:
        in_place = super()._in_place()
        makers = {output: kernel for kernel in self.kernels for output in kernel.outputs}
        looked_at = {root for value, root in self.roots.items() if root is not value}
        for kernel in self.kernels:
            instruction = kernel.instructions[0]
            if instruction.op is not movement.concat or instruction.output in self.handed_out:
                continue
            loops = [x for x in instruction.inputs if x in makers and makers[x].kind == "loop" and not makers[x].axes]
            free = set(loops) - looked_at - in_place.keys() - self.handed_out - self.parts.keys()
            if len(free) == len(instruction.inputs):
                self._compute_in_parts(instruction)
        return in_place

    def _compute_in_parts(self, instruction: Instruction) -> None:
        axis, offsets = instruction.params["axis"], instruction.params["offsets"]
        for value, first, end in zip(instruction.inputs, offsets, offsets[1:], strict=False):
            where = (*[slice(None)] * axis, slice(first, end))
            self.parts[value] = instruction.output, where
            self.forms[value] = self.forms[instruction.output][where]

    def memory(self, value: Value) -> set[Value]:
        roots = super().memory(value)
        return roots | {self.parts[root][0] for root in roots if root in self.parts}

    def planned(self, kernel: Kernel) -> list[Value]:
        return [value for value in super().planned(kernel) if value not in self.parts]

    def begins(self, value: Value, turn: int) -> int:
        return min(turn, self._first_parts.get(value, turn))

    @cached_property
    def _first_parts(self) -> dict[Value, int]:
        """Concatenation -> the turn in which the first of its parts is computed."""
        first: dict[Value, int] = {}
        for kernel, turn in self.turns.items():
            for value in kernel.outputs:
                if value in self.parts:
                    whole = self.parts[value][0]
                    first[whole] = min(turn, first.get(whole, turn))
        return first

    def reads_late(self, kernel: Kernel, instruction: Instruction) -> bool:
        return instruction.op.apart

    def _single(self, instruction: Instruction) -> Iterable[tuple[Hashable, int]]:
        """Note what runs an instruction that stands alone as machine code, if something does; the scratch memory that it needs."""
        output = instruction.output
        if isinstance(instruction.op, WindowOperation):
            return self._windowed(instruction, instruction.op)
        if instruction.op is movement.concat and self.parts.get(instruction.inputs[0], ())[:1] == (output,):
            loops = []  # it is there when its parts are
        elif not self.compiled:
            return []
        elif instruction.op.kind == "product":
            values, turned = zip(*self.factors(instruction), strict=True)
            forms = [
                self.forms[x].mT if is_turned else self.forms[x] for x, is_turned in zip(values, turned, strict=True)
            ]
            if Product.fits(*forms):
                return self._planned(output, Product(*forms))
            loop = few_products(values, *forms)
            loops = loop and [loop]
        else:
            write = range_loop if is_check(instruction) else WRITTEN_ALONE.get(instruction.op)
            loops = write and write(instruction, self.forms)
        if loops is None:
            return []
        self.alone[output] = loops
        return [(x.value, x.value.nbytes) for loop in loops for x in loop.operands if x.scratch]

    def _windowed(self, instruction: Instruction, op: WindowOperation) -> Iterable[tuple[Hashable, int]]:
        sight = instruction.params["sight"]
        forms = [self.forms[value] for value in (*instruction.inputs, instruction.output)]
        runs_as = next((way for way in op.runs_as if way.fits(sight, *forms)), None)
        return [] if runs_as is None else self._planned(instruction.output, runs_as(sight, *forms))

    def _planned(self, output: Value, plan: Any) -> Iterable[tuple[Hashable, int]]:
        self.plans[output] = plan
        return [(plan, plan.scratch)] if plan.scratch else []

    def factors(self, instruction: Instruction) -> tuple[tuple[Value, bool], ...]:
        """The operands of a product and its result, as it is computed: each with whether its last two axes are swapped. What is
        laid out to be computed as bᵀ·aᵀ has the operands in each other's place."""
        (a, b), c, turned = instruction.inputs, instruction.output, instruction.op.turned
        if turned or self.forms[c].flags.c_contiguous:
            return (a, False), (b, turned), (c, False)
        return (b, True), (a, True), (c, True)

    def scratch(self, kernel: Kernel) -> Iterable[tuple[Hashable, int]]:
        if kernel.kind != "loop":
            return self._single(kernel.instructions[0])
        if self.compiled and KernelLoop.can_run(kernel) and self._addressable(kernel):
            written = {self.in_place[value] for value in kernel.outputs if value in self.in_place}
            stays, lends = lambda x: self.roots[x] not in written, lambda y: y not in self.in_place
            self.loops[kernel] = loop = KernelLoop(kernel, stays, lends)
            kept = [(v, v.nbytes if kernel.reduced(v) else loop.row * v.dtype.itemsize) for v in loop.kept]
            return kept + [(total, total.nbytes) for total in loop.totals.values()]
        block = self._block(kernel)
        if block is not None:
            self.blocks[kernel] = block
        registers = self._registers(kernel)
        self.registers |= registers
        return [(x, x.dtype.itemsize * self.block_elements(kernel)) for x in dict.fromkeys(registers.values())]

    def _addressable(self, kernel: Kernel) -> bool:
        memory = (*kernel.inputs(), *(self.in_place.get(value, value) for value in kernel.outputs))
        return all(addressable(self.forms[value]) for value in memory)

    def _block(self, kernel: Kernel) -> tuple[int, bool] | None:
        """The size of a block, and whether the kernel can run over flat memory; None if it is small enough as it is."""
        shape = kernel.shape
        if size(shape) <= blocks.BLOCK_ELEMENTS or kernel.axes:
            return None
        wide = [v for v in (*kernel.inputs(), *kernel.outputs) if v.shape]
        wide += [self.in_place[value] for value in kernel.outputs if value in self.in_place]
        if all(value.shape == shape and self.forms[value].flags.c_contiguous for value in wide):
            return blocks.BLOCK_ELEMENTS, True
        if shape[0] == 1:
            return None
        return max(1, blocks.BLOCK_ELEMENTS * shape[0] // size(shape)), False

    def block_elements(self, kernel: Kernel) -> int:
        """Elements in a block of the kernel."""
        if kernel not in self.blocks:
            return size(kernel.shape)
        block, flat = self.blocks[kernel]
        return block if flat else block * size(kernel.shape[1:])

    def _registers(self, kernel: Kernel) -> dict[Value, Value]:
        """Registers for what only the kernel itself needs: value -> the one whose register it takes over."""
        calls = [
            ([self.roots[x] for x in instruction.inputs], instruction.output) for instruction in kernel.instructions
        ]
        # Nor is a row put in the place of its sum.
        in_place = [not instruction.op.apart and not kernel.axes for instruction in kernel.instructions]
        return blocks.registers(calls, {self.roots[value] for value in kernel.outputs} | self.views.keys(), in_place)


WRITTEN_ALONE: dict[Primitive | Call, Callable[[Instruction, Forms], list[Written] | None]] = {
    COPY: moves.copied,
    movement.reshape: moves.copied,
    movement.concat: moves.concatenated,
    windows.fold: moves.folded,
    getitem: gather,
    scatter_add: lambda i, forms: (gather if ARRAY in i.params["index"] else moves.added)(i, forms),
    EDGE_SUMS: edge_loop,
    MAX_POOL: pool_loop,
    MAX_POOL_GRADIENT: pool_loop,
    BOTH_WAYS: walk_both_ways,
    **dict.fromkeys(SCANS, scan),
}
"""Operation that stands alone -> the loops that compute it of values that lie as is said; None if there are none for these."""
