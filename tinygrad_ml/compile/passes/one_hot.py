"""One-hot: what a label takes from its row, as a comparison of the label with the numbers of the columns.

A cross-entropy takes from each row the number at the label, and its gradient puts one there. As an
indexing operation each stands alone between kernels. Written as "where the column is the label", both
are elementwise, and the whole loss, forward and backward, becomes one kernel over rows.

Only labels of which a `check` says that they are in range are rewritten: a comparison has no error for
others. Sums with zeros are exact.
"""

from __future__ import annotations

import numpy

from ...backend import of
from ...ops import elementwise, index, movement, reduce
from ...ops.index import ARRAY
from ..program import Instruction, Program, Value, is_check
from ..sources import Constant
from .rewriting import Rewriting


def one_hot(program: Program) -> Program:
    """With x[rows, labels], and its transpose, as comparisons."""
    checked = {i.inputs[0] for i in program.instructions if is_check(i)}
    for i in program.instructions:
        if i.renames and i.inputs[0] in checked:
            checked.add(i.output)
    rewriting = Rewriting(program)
    new, keep = rewriting.new, rewriting.keep

    def constant(array: numpy.ndarray) -> Value:
        return rewriting.value(array.shape, array.dtype, Constant(array))

    for instruction in program.instructions:
        shape = _table(instruction, checked)
        if shape is None:
            keep(instruction)
            continue
        rewriting.scope = instruction.output.scope
        x, _, labels = instruction.inputs
        rows, output = shape[0], instruction.output
        column = new(movement.reshape, (labels,), (rows, 1), labels.dtype, shape=(rows, 1))
        columns = constant(numpy.arange(shape[1], dtype=labels.dtype))
        hit = new(elementwise.equal, (columns, column), shape, bool)
        zero = constant(numpy.zeros((), x.dtype))
        if instruction.op is index.getitem:
            taken = new(elementwise.where, (hit, x, zero), shape, x.dtype)
            keep(Instruction(reduce.sum_, (taken,), {"axis": (1,), "keepdims": False}, output))
        else:
            put = new(movement.reshape, (x,), (rows, 1), x.dtype, shape=(rows, 1))
            keep(Instruction(elementwise.where, (hit, put, zero), {}, output))
    return program.with_instructions(rewriting.producers.values())


def _table(instruction: Instruction, checked: set[Value]) -> tuple[int, int] | None:
    """The shape of the table that is indexed by [0 ... rows - 1, labels]; None if the instruction does something else."""
    reads, adds = instruction.op is index.getitem, instruction.op is index.scatter_add
    if not (reads or adds) or instruction.params["index"] != (ARRAY, ARRAY):
        return None
    x, rows, labels = instruction.inputs
    shape = x.shape if reads else instruction.params["shape"]
    counted = rows.constant
    if len(shape) != 2 or labels not in checked or labels.shape != shape[:1] or counted is None:
        return None
    return shape if numpy.array_equal(of(counted).to_host(counted), numpy.arange(shape[0])) else None
