"""One-hot: what a label takes from its row, as a comparison of the label with the numbers of the columns.

A cross-entropy takes from each row the number at the label, and its gradient puts one there. As an
indexing operation each stands alone between kernels. Written as "where the column is the label", both
are elementwise, and the whole loss, forward and backward, becomes one kernel over rows.

Only labels of which a `check` says that they are in range are rewritten: a comparison has no error for
others. Sums with zeros are exact; a row with one number is not added up at all.
"""

from __future__ import annotations

import numpy

from ...backend import of
from ...ops import elementwise, index, movement, reduce
from ...ops.index import ARRAY
from ..program import Instruction, Program, Value, is_check
from .rewriting import Rewriting


def one_hot(program: Program) -> Program:
    """With x[rows, labels], and its transpose, as comparisons."""
    checked = {i.inputs[0] for i in program.instructions if is_check(i)}
    none_checked = checked.isdisjoint
    for i in program.instructions:
        if none_checked(i.inputs):
            continue
        if (i.renames or i.op is movement.broadcast_to) and i.inputs[0] in checked:
            checked.add(i.output)
        if i.op is elementwise.where and i.inputs[1] in checked and i.inputs[2].constant is not None:
            checked.add(i.output)  # labels with a 0 where the label is one that does not count
    looked_up = (i for i in program.instructions if i.params.get("index") == (ARRAY, ARRAY))
    tables = {i: shape for i in looked_up if (shape := _table(i, checked)) is not None}
    if not tables:
        return program.with_instructions(program.instructions)
    rewriting = Rewriting(program)
    new, keep, constant = rewriting.new, rewriting.keep, rewriting.constant
    # Rows with one number that is not 0 -> that number of each, and whether it is the negative of that.
    alone: dict[Value, tuple[Value, bool]] = {}
    none_alone = alone.keys().isdisjoint
    for instruction in program.instructions:
        shape, output = tables.get(instruction), instruction.output
        if shape is None and none_alone(instruction.inputs):
            keep(instruction)
            continue
        rewriting.scope = output.scope
        x = instruction.inputs[0]
        if shape is None:
            if x in alone and instruction.op is elementwise.neg:
                alone[output] = alone[x][0], not alone[x][1]
            if x in alone and instruction.op is reduce.sum_ and instruction.params["axis"] == (1,):
                one, negative = alone[x]
                one = new(elementwise.neg, (one,), one.shape, x.dtype) if negative else one
                instruction = Instruction(movement.reshape, (one,), {"shape": output.shape}, output)
            keep(instruction)
            continue
        rows, labels = shape[0], instruction.inputs[2]
        small = labels.dtype if labels.dtype.itemsize < 4 else numpy.dtype("int32")  # many fit into a register
        cast = new(elementwise.discrete_cast, (labels,), labels.shape, small, dtype=small)
        column = rewriting.reshaped(cast, (rows, 1))
        columns = constant(numpy.arange(shape[1], dtype=small))
        hit = new(elementwise.equal, (columns, column), shape, bool)
        zero = constant(numpy.zeros((), x.dtype))
        if instruction.op is index.getitem:
            taken = new(elementwise.where, (hit, x, zero), shape, x.dtype)
            keep(Instruction(reduce.sum_, (taken,), {"axis": (1,), "keepdims": False}, output))
        else:
            put = rewriting.reshaped(x, (rows, 1))
            keep(Instruction(elementwise.where, (hit, put, zero), {}, output))
            alone[output] = x, False
    return program.with_instructions(rewriting.producers.values())


def _table(instruction: Instruction, checked: set[Value]) -> tuple[int, int] | None:
    """The shape of the table that is indexed by [0 ... rows - 1, labels]; None if the instruction does something else."""
    reads = instruction.op is index.getitem
    if not reads and instruction.op is not index.scatter_add:
        return None
    x, rows, labels = instruction.inputs
    shape = x.shape if reads else instruction.params["shape"]
    counted = rows.constant
    if len(shape) != 2 or labels not in checked or labels.shape != shape[:1] or counted is None:
        return None
    return shape if numpy.array_equal(of(counted).to_host(counted), numpy.arange(shape[0])) else None
