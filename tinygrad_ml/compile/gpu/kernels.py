"""CUDA kernels for the kernels of a program: which have one, and its launches.

Read before: `expressions.py` (an operation as C), `places.py` (where elements lie), `launch.py`. Read next, for each
kind of kernel: `loops.py` (elementwise), `rows.py` (with reductions), `tiles.py` (products), `movement.py`, `indexing.py`,
and `grouped.py` (several kernels as one launch).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy

from ... import ops
from ...backend import dtypes
from ...functional import cumulative, windows
from ...ops.shapes import size
from ..program import COPY, GATHER, PUT, Instruction, Value
from ..schedule.kernel import Kernel
from . import indexing, movement
from .expressions import printed
from .launch import Launch
from .loops import alone, elementwise
from .reductions import has_fold
from .rows import Rows
from .tiles import PRODUCT, Tiles

SINGLE = {
    COPY: movement.copy,
    ops.movement.concat: movement.concat,
    cumulative.cumulative_sum_row: movement.running(0, "total + {x}"),
    cumulative.cumulative_prod_row: movement.running(1, "total * {x}", wide=False),
    cumulative.recurrence_row: movement.running(0, "total + {x}", "total * {a}"),
    windows.fold: movement.fold,
    ops.index.scatter_add: indexing.scatter_add,
    ops.index.assemble: indexing.assemble,
    PUT: indexing.put,
}
"""Operation that stands alone -> its launches."""


def has_form(instruction: Instruction) -> bool:
    """Whether an instruction can be a part of a generated kernel, for each element of its result."""
    if instruction.op is GATHER:
        return _supported(instruction)
    return _supported(instruction) and instruction.elementwise and printed(instruction)


def has_launch(instruction: Instruction) -> bool:
    """Whether an instruction that stands alone has a generated kernel."""
    known = instruction.op in SINGLE and indexing.has_launch(instruction)
    return _supported(instruction) and (known or instruction.renames or has_fold(instruction))


def _supported(instruction: Instruction) -> bool:
    return all(value.dtype in dtypes.SUPPORTED for value in (*instruction.inputs, instruction.output))


def launches(
    kernel: Kernel,
    forms: Mapping[Value, numpy.ndarray],
    threads: int | None = None,
    products: str = "float32",
    strip: int | None = None,
) -> list[Launch]:
    """What is launched for a kernel, in this order; nothing where it makes no numbers.

    forms     value -> an array of which only shape and strides are looked at: how the value lies in memory
    threads   that blocks should have, if given: as many, all of which stay to the end, wherever they wait for each other
    products  what products of ours are computed with, see `blas.PRECISIONS`
    strip     rows of the first axis that are done together, if given: then the blocks for so many stand side by side, as many
              for each strip. Only of loops, and with `threads`
    """
    if not any(size(value.shape) for value in kernel.outputs):
        return []
    if kernel.kind == PRODUCT:
        return [Tiles(kernel, forms, products).launch()]
    if kernel.kind == "single":
        (instruction,) = kernel.instructions
        if instruction.renames:
            return movement.copy(instruction, forms)
        if instruction.op in SINGLE:
            return SINGLE[instruction.op](instruction, forms)
        kernel = alone(instruction)
    if any(instruction.reduces for instruction in kernel.instructions):
        return [Rows(kernel, forms, threads, strip).launch()]
    return [elementwise(kernel, forms, threads, strip)]
