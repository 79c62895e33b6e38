"""Small matrix products, as what they are: sums of products, which become a part of the kernels around them.

The last layer of a classifier has ten columns. The library's product of it takes hardly longer than it takes to be launched,
and so does the kernel that waits for it; written as `sum(a * b)` both are one. Sums of float32 are float32 then,
whatever precision products may have.

And small tables whose rows an index names, to which numbers are added up, as the gradient of an embedding: each row of the table
is the sum of those numbers whose place is that row. Written so, they are added up in the same order in every run, and what
follows is a part of the same kernel.
"""

from __future__ import annotations

import numpy

from ...backend import dtypes
from ...ops import elementwise, movement, reduce
from ...ops.index import ARRAY, scatter_add
from ...ops.shapes import size
from ..passes.rewriting import Rewriting
from ..program import Instruction, Program
from ..sources import Constant

SMALL_PRODUCT_MULTIPLICATIONS = 1 << 20
"""Multiplications of a product that is none for the library."""
SMALL_SCATTER_ELEMENTS = 1 << 23
"""Numbers that are compared with all rows of a table, times these rows."""


def small_products(program: Program) -> Program:
    """With sums in the place of small products of two matrices."""
    rewriting = Rewriting(program)
    new, keep = rewriting.new, rewriting.keep
    for instruction in program.instructions:
        if not _is_small(instruction):
            keep(instruction)
            continue
        rewriting.scope = instruction.output.scope
        a, b = instruction.inputs
        (m, k), n = a.shape, instruction.output.shape[1]
        if k == 1:  # there is nothing to add up
            across = new(movement.reshape, (b,), (1, n), b.dtype, shape=(1, n))
            keep(Instruction(elementwise.mul, (a, across), {}, instruction.output))
            continue
        # The axis that is summed stands where the memory of b has it, if b is no transposed view.
        rows, columns, axis = ((m, 1, k), (1, n, k), 2) if instruction.op.turned else ((m, k, 1), (1, k, n), 1)
        left = new(movement.reshape, (a,), rows, a.dtype, shape=rows)
        right = new(movement.reshape, (b,), columns, b.dtype, shape=columns)
        shape = (m, k, n) if axis == 1 else (m, n, k)
        product = new(elementwise.mul, (left, right), shape, left.dtype)
        keep(Instruction(reduce.sum_, (product,), {"axis": (axis,), "keepdims": False}, instruction.output))
    return program.with_instructions(rewriting.producers.values())


def _is_small(instruction: Instruction) -> bool:
    if instruction.op.kind != "product" or len(instruction.output.shape) != 2:
        return False
    m, k = instruction.inputs[0].shape
    in_precision = instruction.output.dtype in (dtypes.float32, dtypes.float64)
    return in_precision and 0 < m * k * instruction.output.shape[1] <= SMALL_PRODUCT_MULTIPLICATIONS


def small_scatters(program: Program) -> Program:
    """With sums in the place of what is added up at the rows of small tables."""
    rewriting = Rewriting(program)
    new = rewriting.new
    for instruction in program.instructions:
        axis = _named_axis(instruction)
        if axis is None:
            rewriting.keep(instruction)
            continue
        output = instruction.output
        rewriting.scope = output.scope
        (x, index), shape, rows = instruction.inputs, output.shape, output.shape[axis]
        before, after, count = shape[:axis], shape[axis + 1 :], size(index.shape)
        column, across = (rows, *(1,) * (1 + len(after))), (count, *(1,) * len(after))
        places = new(movement.reshape, (index,), across, index.dtype, shape=across)
        numbers = numpy.arange(rows, dtype=index.dtype).reshape(column)

        def are(numbers: numpy.ndarray, places=places, hits=(rows, *across)):
            constant = rewriting.value(numbers.shape, numbers.dtype, Constant(numbers))
            return new(elementwise.equal, (constant, places), hits, bool)

        hit = are(numbers)
        if index.dtype.kind == "i":  # -1 is the last row
            hit = new(elementwise.logical_or, (hit, are(numbers - rows)), hit.shape, bool)
        listed = (*before, 1, count, *after)
        given = new(movement.reshape, (x,), listed, x.dtype, shape=listed)
        zero = rewriting.value((), x.dtype, Constant(numpy.zeros((), x.dtype)))
        taken = new(elementwise.where, (hit, given, zero), (*before, rows, count, *after), x.dtype)
        rewriting.keep(Instruction(reduce.sum_, (taken,), {"axis": (axis + 1,), "keepdims": False}, output))
    return program.with_instructions(rewriting.producers.values())


def _named_axis(instruction: Instruction) -> int | None:
    """The axis of a small table whose places an index names, to which an instruction adds; None if it does something else."""
    if instruction.op is not scatter_add or len(instruction.inputs) != 2:
        return None
    (x, index), output, named = instruction.inputs, instruction.output, instruction.params["index"]
    axis = named.index(ARRAY)
    whole = all(part is ARRAY or (isinstance(part, slice) and part == slice(None)) for part in named)
    if not whole or x.dtype.kind not in "fiu" or {x.dtype, index.dtype} - dtypes.SUPPORTED:
        return None
    rows, count = output.shape[axis], size(index.shape)
    few = 0 < size(output.shape) * count <= SMALL_SCATTER_ELEMENTS and count > 1
    return axis if few and rows <= numpy.iinfo(index.dtype).max else None
