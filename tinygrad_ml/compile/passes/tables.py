"""Products of rows that were looked up: a row of a table is multiplied once, however often an index names it.

A text of 1,600 characters has 65 different ones, and a network that begins with their embedding multiplies 1,600 rows by its
first weight, of which 65 differ. Looking up, and adding up at places, which is its transpose, change places with a product:

    table[index] @ weight                      becomes   (table @ weight)[index]
    gᵀ @ table[index]                          becomes   sumsᵀ @ table,  sums = g added up at the places of the index
    (g @ weight) added up at these places      becomes   sums @ weight

The three are a layer on an embedding, the gradient of its weight, and that of the table. Each number of a forward pass is the
same sum as before; gradients are added up in another order. An elementwise operation behind the first one, whose other
operands are the same for all rows (a bias), goes before the looking up, too.

Read before: `rewriting.py`. Used by: `../cpu/executable.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from ...ops.index import ARRAY, getitem, scatter_add
from ...ops.movement import permute_dims, reshape
from ...ops.shapes import size
from ..program import Instruction, Program, Value
from .rewriting import Rewriting, rewritten

FEWER_ROWS = 2
"""The table has fewer rows than this part of those that are looked up: half of the work at least is saved."""
SHORTEST = 16
"""Numbers in a row from which on its product takes longer than to look it up."""


class Lookup(NamedTuple):
    """What was looked up: rows of `table` (rows, columns), at the places of an array.

    multiplied  whether the table is a product that takes the place of one of all rows
    """

    table: Value
    index: Value
    multiplied: bool = False


def tables(program: Program) -> Program:
    """With products of tables in the places of products of their rows."""
    if not any(i.op is getitem and i.params["index"] == (ARRAY,) for i in program.instructions):
        return program
    return rewritten(program, _Tables(program).instead)


class _Tables:
    """found   value -> what was looked up to make it, in whatever shape
    sums    (gradient, index, rows of the table) -> what was added up at the places of the index
    """

    def __init__(self, program: Program):
        self._uses = program.uses()
        self.found: dict[Value, Lookup] = {}
        self.sums: dict[tuple[Value, Value, int], Value] = {}

    def instead(self, instruction: Instruction, writing: Rewriting) -> Instruction:
        """What takes the place of an instruction; itself, if it is none of the three."""
        self._writing = writing
        output = instruction.output
        if instruction.op is getitem and instruction.params["index"] == (ARRAY,):
            table, index = instruction.inputs
            if _is_matrix(table) and size(index.shape) >= FEWER_ROWS * table.shape[0] > 0:
                self.found[output] = Lookup(table, index)
        elif instruction.op is reshape:
            (x,) = instruction.inputs
            if x in self.found and output.shape[-1:] == x.shape[-1:]:
                self.found[output] = self.found[x]
        elif instruction.op.kind == "product":
            return self._product(instruction)
        elif instruction.elementwise:
            return self._behind(instruction)
        elif instruction.op is scatter_add and instruction.params["index"] == (ARRAY,):
            return self._added_up(instruction)
        return instruction

    def _product(self, instruction: Instruction) -> Instruction:
        """table[index] @ weight, and gᵀ @ table[index] or (table[index])ᵀ @ g."""
        a, b = instruction.inputs
        if not (_is_matrix(a) and _is_matrix(b)) or a.dtype.kind != "f" or a.dtype != b.dtype:
            return instruction
        if a in self.found and a.shape[1] >= SHORTEST:
            table, index, _ = self.found[a]
            shape = (table.shape[0], instruction.output.shape[1])
            made = self._writing.new(instruction.op, (table, b), shape, a.dtype, **instruction.params)
            return self._looked_up(Lookup(made, index, True), instruction.output)
        left, right = self._transposed(a), self._transposed(b)
        if b in self.found and left is not None and not instruction.op.turned:
            looked, g = self.found[b], left
        elif left in self.found:
            looked, g = self.found[left], right if instruction.op.turned else b
        else:
            return instruction
        if g is None or g.shape[1] < SHORTEST:
            return instruction
        sums, turned = self._sums(g, looked.index, looked.table.shape[0]), instruction.op.turned
        first, second = (sums, looked.table) if g is left else (looked.table, sums)
        first = self._writing.permuted(first, (1, 0))
        second = self._writing.permuted(second, (1, 0)) if turned else second
        return Instruction(instruction.op, (first, second), instruction.params, instruction.output)

    def _behind(self, instruction: Instruction) -> Instruction:
        """An elementwise operation on rows of a product, and on what is the same for all of them."""
        rows = [x for x in instruction.inputs if x in self.found and self.found[x].multiplied]
        if len(rows) != 1 or self._uses[rows[0]] > 1 or rows[0].shape != instruction.output.shape:
            return instruction
        (x,) = rows
        looked = self.found[x]
        if any(y is not x and size(y.shape[:-1]) != 1 for y in instruction.inputs):
            return instruction
        inputs = tuple(
            looked.table if y is x else self._writing.reshaped(y, y.shape[-1:] if len(y.shape) > 2 else y.shape)
            for y in instruction.inputs
        )
        dtype = instruction.output.dtype
        made = self._writing.new(instruction.op, inputs, looked.table.shape, dtype, **instruction.params)
        return self._looked_up(Lookup(made, looked.index, True), instruction.output)

    def _added_up(self, instruction: Instruction) -> Instruction:
        """(g @ weight) added up at the places of an index."""
        x, index = instruction.inputs
        shape, output = instruction.params["shape"], instruction.output
        made = self._alone(x)
        if made is None or made.op.kind != "product" or not all(map(_is_matrix, (*made.inputs, made.output))):
            return instruction
        g, weight = made.inputs
        few = (
            x.dtype.kind == "f"
            and len(shape) == 2
            and size(index.shape) >= FEWER_ROWS * shape[0]
            and g.shape[0] == size(index.shape)
        )
        if (
            not few
            or made.output.shape[1] < SHORTEST
            or made.output.shape[1] != shape[1]
            or not g.dtype == weight.dtype == x.dtype
        ):
            return instruction
        return Instruction(made.op, (self._sums(g, index, shape[0]), weight), made.params, output)

    def _looked_up(self, looked: Lookup, output: Value) -> Instruction:
        """`output` as what is looked up in another table."""
        shape = (*looked.index.shape, looked.table.shape[1])
        rows = looked.table, looked.index
        self.found[output] = looked
        if shape == output.shape:
            return Instruction(getitem, rows, {"index": (ARRAY,)}, output)
        made = self._writing.new(getitem, rows, shape, output.dtype, index=(ARRAY,))
        return Instruction(reshape, (made,), {"shape": output.shape}, output)

    def _sums(self, g: Value, index: Value, rows: int) -> Value:
        """The rows of g added up at the places of an index; the first time, an instruction more."""
        whole = g
        while (maker := self._writing.producers.get(whole)) is not None and maker.op is reshape:
            (whole,) = maker.inputs
        key = whole, index, rows
        if key not in self.sums:
            listed, shape = self._writing.reshaped(g, (*index.shape, g.shape[1])), (rows, g.shape[1])
            self.sums[key] = self._writing.new(
                scatter_add, (listed, index), shape, g.dtype, index=(ARRAY,), shape=shape
            )
        return self.sums[key]

    def _transposed(self, x: Value) -> Value | None:
        """The matrix that x is the transpose of, if an instruction made it so."""
        maker = self._writing.producers.get(x)
        return maker.inputs[0] if maker is not None and maker.op is permute_dims and _is_matrix(x) else None

    def _alone(self, x: Value) -> Instruction | None:
        """What made x, but for its shape, if nobody else uses that."""
        maker = self._writing.producers.get(x)
        while maker is not None and self._uses.get(x, 0) == 1 and maker.op is reshape:
            (x,) = maker.inputs
            maker = self._writing.producers.get(x)
        return maker if self._uses.get(x, 0) == 1 else None


def _is_matrix(x: Value) -> bool:
    return len(x.shape) == 2
