"""Small matrix products, as what they are: sums of products, which become a part of the kernels around them.

The last layer of a classifier has ten columns. The library's product of it takes hardly longer than it takes to be launched,
and so does the kernel that waits for it; written as `sum(a * b)` both are one. Sums of float32 are float32 then,
whatever precision products may have.
"""

from __future__ import annotations

from ...backend import dtypes
from ...ops import elementwise, movement, reduce
from ..passes.rewriting import Rewriting
from ..program import Instruction, Program

SMALL_PRODUCT_MULTIPLICATIONS = 1 << 20
"""Multiplications of a product that is none for the library."""


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
    return in_precision and k > 1 and 0 < m * k * instruction.output.shape[1] <= SMALL_PRODUCT_MULTIPLICATIONS
