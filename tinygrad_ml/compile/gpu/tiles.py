"""Matrix products that we write ourselves, with what stands before and behind them in one kernel.

The result is cut into tiles, a block for each. For every so many columns of a and rows of b, a block puts those that its
tile needs into shared memory, while it adds up the ones before (`multiplying.py`). Where tiles are small,
several groups of threads take every so many-th column each, and their sums are put together at the end, always in the same order:
the same numbers come out in every run, whatever the processor.

What is computed of the product, element by element, is computed by the thread that has its sum: a bias, an activation, its
derivative, the update of a parameter. And where a is made of something else, element by element, each is made when it is loaded:
rows of a batch that an index names, so that the batch is never there as a whole; if others need it, the blocks of the first
column of tiles store it.

Read before: `loops.py`. Read next: `around.py`, which puts such kernels together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy

from ..program import GATHER, Instruction, Value
from ..schedule.axes import strides_in
from ..schedule.kernel import Kernel
from .expressions import REGISTER, constant, loaded
from .gathers import Gather, element_operands
from .launch import BLOCK_NUMBER, SHARED_MEMORY, Launch, deeper, launch, parameters
from .loops import LoopNames, body
from .multiplying import THREADS, by_tensor_cores, by_threads
from .places import Cells, at, counted_by

PRODUCT = "product"
"""The kind of these kernels."""
SIZES = (64, 64, 32), (32, 32, 64), (32, 16, 64), (16, 16, 128)
"""Rows and columns of a tile, and how much of a row of a is there at a time: of these the first of which there are enough
tiles. Memory is far away, so small tiles ask for more at a time."""
LEAST_DEEP = 32
ENOUGH_TILES = 120
"""So many blocks keep a large processor busy."""


def tile_of(rows: int, columns: int, added_up: int) -> tuple[int, int, int]:
    """Rows and columns of a tile of so large a result, and how many numbers are added up at a time, of so many."""
    enough = (size for size in SIZES if -(-rows // size[0]) * -(-columns // size[1]) >= ENOUGH_TILES)
    height, width, deep = next(enough, SIZES[-1])
    while deep > LEAST_DEEP and deep >= 2 * added_up:
        deep //= 2
    return height, width, deep


class Tiles:
    """The kernel of a product: its instructions are what makes a, if anything, then the product, and then what follows.

    kernel    what it does
    forms     value -> how it lies in memory
    products  what float32 is multiplied with, see `blas.PRECISIONS`
    """

    def __init__(self, kernel: Kernel, forms: Mapping[Value, numpy.ndarray], products: str = "float32"):
        self.kernel, self.forms = kernel, forms
        place = next(i for i, one in enumerate(kernel.instructions) if one.op.kind == "product")
        self.product = kernel.instructions[place]
        self.before, self.after = kernel.instructions[:place], kernel.instructions[place + 1 :]
        a, b = self.product.inputs
        *batch, self.rows, self.columns = self.product.output.shape
        self.batch, self.deep = tuple(batch), a.shape[-1]
        self.many = tuple(f"z{axis}" for axis in range(len(batch)))  # which of the products of a batch it is
        self.type = REGISTER[self.product.output.dtype]
        self.reads = [value for value in kernel.inputs() if constant(value) is None]
        self.kind = counted_by([forms[v] for v in (*self.reads, *kernel.outputs)], self.rows * self.columns)
        size = self.height, self.width, self.at_once = tile_of(self.rows, self.columns, self.deep)
        cores = products != "float32" and self.type == "float"
        self.way = by_tensor_cores(*size) if cores else by_threads(*size, self.type)
        # Neighbouring threads load what lies side by side, or what is made of one row.
        self.a_strides = (0, 0) if self.before else strides_in(forms[a], (*batch, *a.shape[-2:]))
        b_strides = strides_in(forms[b], (*batch, *b.shape[-2:]))
        self.b_strides = b_strides[::-1] if self.product.op.turned else b_strides
        self.a_along_k = bool(self.before) or self.a_strides[-1] <= self.a_strides[-2]
        self.b_along_k = self.b_strides[-2] < self.b_strides[-1]
        self._find_rows()

    def _find_rows(self) -> None:
        """Of what makes a, what is the same for all of a row: `of_rows`, of values that are read by rows; what is `kept` of both for
        the `rest`."""
        a, forms = self.product.inputs[0], self.forms
        same = {value for value in self._operands(self.before) if not strides_in(forms[value], a.shape)[1]}
        self.of_rows: list[Instruction] = []
        for one in self.before:
            alike = all(constant(value) is not None or value in same for value in element_operands(one))
            if alike and not (one.op is GATHER and Gather(one, forms).along[1]):
                self.of_rows.append(one)
                same.add(one.output)
        self.read_by_rows = self._operands(self.of_rows)
        self.rest = [one for one in self.before if one not in self.of_rows]
        there = {*(one.output for one in self.of_rows), *self.read_by_rows}
        needed = [*(value for one in self.rest for value in element_operands(one)), *self.kernel.outputs, a]
        self.kept = [value for value in dict.fromkeys(needed) if value in there]

    def launch(self) -> Launch:
        """Its launch."""
        down, across = -(-self.rows // self.height), -(-self.columns // self.width)
        way = self.way
        a_step, b_step = self.height + way.padding, self.width + way.padding  # between rows of shared memory
        itemsize = self.product.output.dtype.itemsize
        shared = max(self.at_once * (a_step + b_step), way.slices * self.height * self.width) * itemsize
        kind, word = self.kind, self.type
        loads_a, loads_b = self.height * self.at_once // THREADS, self.width * self.at_once // THREADS
        which = []  # of the products of a batch
        for axis, name in enumerate(self.many):
            number = f"{BLOCK_NUMBER} / {down * across * prod(self.batch[axis + 1 :])}"
            which.append(f"const {kind} {name} = {number}{f' % {self.batch[axis]}' if axis else ''};")
        lines = [
            f"{word}* const a_tile = ({word}*){SHARED_MEMORY};  // {self.at_once} rows: columns of a",
            f"{word}* const b_tile = a_tile + {self.at_once * a_step};",
            f"const {kind} m0 = {BLOCK_NUMBER} / {across}{f' % {down}' if self.many else ''} * {self.height};",
            f"const {kind} n0 = {BLOCK_NUMBER} % {across} * {self.width};",
            *which,
            *way.start,
            f"{word} a_next[{loads_a}], b_next[{loads_b}];",
            *self._by_rows(shared),
            f"for ({kind} k0 = 0;; k0 += {self.at_once}) {{  // loads what is next, while it adds up what is there",
            f"    if (k0 < {self.deep}) {{",
            *deeper(self._loading("a", loads_a, self._load_a()), 2),
            *deeper(self._loading("b", loads_b, self._load_b()), 2),
            "    }",
            "    if (k0) {",
            *deeper(way.multiplied, 2),
            "    }",
            f"    if (k0 >= {self.deep}) break;",
            "    __syncthreads();  // all have read what lay there",
            *deeper(self._storing("a", loads_a, a_step)),
            *deeper(self._storing("b", loads_b, b_step)),
            "    __syncthreads();",
            "}",
            "__syncthreads();",
            *self._finished(),
        ]
        words, shape = self.kernel.name, " × ".join(map(str, self.product.output.shape))
        remark = f"{words}: {shape}, {self.deep} added up, in {down} × {across} tiles"
        given, blocks = parameters(self.reads, self.kernel.outputs), prod(self.batch) * down * across
        return launch(words, remark, lines, given, (blocks,), THREADS, shared=shared + 8 * self.height * len(self.kept))

    def _places(self, which: str) -> tuple[str, str]:
        """A thread's j-th place in the part of an operand that is loaded at a time: (along its tile, along k)."""
        extent, along_k = (self.height, self.a_along_k) if which == "a" else (self.width, self.b_along_k)
        number, side_by_side = f"(threadIdx.x + j * {THREADS})", self.at_once if along_k else extent
        within, beyond = f"{number} % {side_by_side}", f"{number} / {side_by_side}"
        return (beyond, within) if along_k else (within, beyond)

    def _loading(self, which: str, loads: int, lines: list[str]) -> list[str]:
        """The elements of an operand that a thread loads; `lines` do it for one of them, `m` or `n` and `k`."""
        tile, k = self._places(which)
        word, extent = ("m", self.rows) if which == "a" else ("n", self.columns)
        return [
            "#pragma unroll",
            f"for (int j = 0; j < {loads}; j++) {{",
            f"    const {self.kind} {word} = {word}0 + {tile}, k = k0 + {k};",
            f"    {which}_next[j] = 0;",
            f"    if ({word} < {extent} && k < {self.deep}) {{",
            *deeper(lines, 2),
            "    }",
            "}",
        ]

    def _storing(self, which: str, loads: int, step: int) -> list[str]:
        tile, k = self._places(which)
        return [
            "#pragma unroll",
            f"for (int j = 0; j < {loads}; j++) {which}_tile[{k} * {step} + {tile}] = {self.way.rounded.format(f'{which}_next[j]')};",
        ]

    def _load_b(self) -> list[str]:
        b = self.product.inputs[1]
        cells = Cells((*self.many, "k", "n"), {b: self.b_strides})
        return [f"b_next[j] = {loaded(at(f'p{b.number}', cells.offset(b)), b.dtype)};"]

    def _load_a(self) -> list[str]:
        a = self.product.inputs[0]
        if not self.before:
            cells = Cells((*self.many, "m", "k"), {a: self.a_strides})
            return [f"a_next[j] = {loaded(at(f'p{a.number}', cells.offset(a)), a.dtype)};"]
        names = LoopNames()
        lines = [f"const {REGISTER[value.dtype]} {names[value]} = rows_{names[value]}[m - m0];" for value in self.kept]
        stored = [value for value in self.kernel.outputs if any(one.output is value for one in self.before)]
        reads = [value for value in self._operands(self.rest) if value not in self.read_by_rows]
        made = self._body(("m", "k"), a.shape, self.rest, reads, stored, names)
        stores = made[len(made) - len(stored) :]
        first = ["if (n0 == 0) {  // others need it too", *deeper(stores), "}"] if stored else []
        return [*lines, *made[: len(made) - len(stored)], f"a_next[j] = {names[a]};", *first]

    def _by_rows(self, offset: int) -> list[str]:
        """What is the same for all of a row of a: computed once for the rows of a tile, and kept in shared memory from so many
        bytes on."""
        if not self.of_rows:
            return []
        names = LoopNames()
        lines = self._body(("m", "k"), self.product.inputs[0].shape, self.of_rows, self.read_by_rows, [], names)
        kept = []
        for place, value in enumerate(self.kept):
            word, begin = REGISTER[value.dtype], offset + 8 * self.height * place
            kept.append(f"{word}* const rows_v{value.number} = ({word}*)({SHARED_MEMORY} + {begin});")
        return [
            *kept,
            "__syncthreads();  // all have read what lay there",
            f"if (threadIdx.x < {self.height} && m0 + threadIdx.x < {self.rows}) {{",
            f"    const {self.kind} m = m0 + threadIdx.x;",
            *deeper(lines),
            *(f"    rows_v{value.number}[threadIdx.x] = {names[value]};" for value in self.kept),
            "}",
            "__syncthreads();",
        ]

    def _finished(self) -> list[str]:
        """The sums of all threads, put together, and what is made of each."""
        word, output = self.type, self.product.output
        count, per = self.height * self.width, self.width
        outputs = [v for v in self.kernel.outputs if v is output or any(one.output is v for one in self.after)]
        reads = [value for value in self._operands(self.after) if value is not output]
        names = LoopNames({output: "total"})
        lines = self._body((*self.many, "m", "n"), output.shape, self.after, reads, outputs, names)
        return [
            f"{word}* const parts = ({word}*){SHARED_MEMORY};",
            *self.way.put,
            "__syncthreads();",
            f"for (int e = threadIdx.x; e < {count}; e += {THREADS}) {{",
            f"    const {self.kind} m = m0 + e / {per}, n = n0 + e % {per};",
            f"    if (m >= {self.rows} || n >= {self.columns}) continue;",
            f"    {word} total = parts[e];",
            f"    for (int s = 1; s < {self.way.slices}; s++) total += parts[s * {count} + e];",
            *deeper(lines),
            "}",
        ]

    def _operands(self, instructions: Iterable[Instruction]) -> list[Value]:
        """The values from outside of which an element is read where one of the result is."""
        own = {one.output for one in self.kernel.instructions}
        named = dict.fromkeys(value for one in instructions for value in element_operands(one))
        return [value for value in named if value not in own and constant(value) is None]

    def _body(
        self,
        words: tuple[str, ...],
        shape: tuple[int, ...],
        instructions: Sequence[Instruction],
        reads: Sequence[Value],
        writes: Sequence[Value],
        names: LoopNames,
    ) -> list[str]:
        gathers = {one: Gather(one, self.forms) for one in instructions if one.op is GATHER}
        strides: dict[Any, Sequence[int]] = {value: strides_in(self.forms[value], shape) for value in (*reads, *writes)}
        strides |= {one: gather.along for one, gather in gathers.items()}
        return body(Cells(words, strides), instructions, reads, writes, 1, "0", gathers, names)
