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
from ...ops import elementwise, reduce
from ...ops.index import ARRAY, scatter_add
from ...ops.shapes import size
from ..passes.rewriting import Rewriting, rewritten
from ..program import Instruction, Program, Value

SMALL_PRODUCT_MULTIPLICATIONS = 1 << 20
"""Multiplications of a product that is none for the library."""
SMALL_SCATTER_ELEMENTS = 1 << 23
"""Numbers that are compared with all rows of a table, times these rows."""


def small_products(program: Program) -> Program:
    """With sums in the place of small products of two matrices."""
    return rewritten(program, _as_sum)


def _as_sum(instruction: Instruction, writing: Rewriting) -> Instruction | None:
    if not _is_small(instruction):
        return None
    (a, b), output = instruction.inputs, instruction.output
    (m, k), n = a.shape, output.shape[1]
    if k == 1:  # there is nothing to add up
        return Instruction(elementwise.mul, (a, writing.reshaped(b, (1, n))), {}, output)
    # The axis that is summed stands where the memory of b has it, if b is no transposed view.
    rows, columns, axis = ((m, 1, k), (1, n, k), 2) if instruction.op.turned else ((m, k, 1), (1, k, n), 1)
    shape = (m, k, n) if axis == 1 else (m, n, k)
    product = writing.new(elementwise.mul, (writing.reshaped(a, rows), writing.reshaped(b, columns)), shape, a.dtype)
    return Instruction(reduce.sum_, (product,), {"axis": (axis,), "keepdims": False}, output)


def _is_small(instruction: Instruction) -> bool:
    if instruction.op.kind != "product" or len(instruction.output.shape) != 2:
        return False
    m, k = instruction.inputs[0].shape
    in_precision = instruction.output.dtype in (dtypes.float32, dtypes.float64)
    return in_precision and 0 < m * k * instruction.output.shape[1] <= SMALL_PRODUCT_MULTIPLICATIONS


def small_scatters(program: Program) -> Program:
    """With sums in the place of what is added up at the rows of small tables."""
    return rewritten(program, _as_comparisons)


def _as_comparisons(instruction: Instruction, writing: Rewriting) -> Instruction | None:
    axis = _named_axis(instruction)
    if axis is None:
        return None
    (x, index), shape, rows = instruction.inputs, instruction.output.shape, instruction.output.shape[axis]
    before, after, count = shape[:axis], shape[axis + 1 :], size(index.shape)
    across = count, *(1,) * len(after)
    places = writing.reshaped(index, across)
    numbers = numpy.arange(rows, dtype=index.dtype).reshape(rows, *(1,) * (1 + len(after)))

    def are(numbers: numpy.ndarray) -> Value:
        return writing.new(elementwise.equal, (writing.constant(numbers), places), (rows, *across), bool)

    hit = are(numbers)
    if index.dtype.kind == "i":  # -1 is the last row
        hit = writing.new(elementwise.logical_or, (hit, are(numbers - rows)), hit.shape, bool)
    given = writing.reshaped(x, (*before, 1, count, *after))
    zero = writing.constant(numpy.zeros((), x.dtype))
    taken = writing.new(elementwise.where, (hit, given, zero), (*before, rows, count, *after), x.dtype)
    return Instruction(reduce.sum_, (taken,), {"axis": (axis + 1,), "keepdims": False}, instruction.output)


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
