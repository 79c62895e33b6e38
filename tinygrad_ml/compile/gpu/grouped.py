"""Kernels that do the same with other memory, as one launch: an optimiser's update of each parameter.

A launch costs about as much as such a kernel computes. Each of them gets some of the blocks; which one a block
works for, and what its pointers are, follows from the number of the block.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy

from ...ops.shapes import size
from ..program import Value
from ..schedule.axes import strides_in
from ..schedule.kernel import Kernel
from .expressions import constant
from .launch import ARGUMENT_POINTERS, BLOCK_NUMBER, Launch, by_blocks, launch, parameters
from .loops import body, in_strips
from .places import Places, counted_by

THREADS, EACH = 256, 4


def structure(kernel: Kernel, forms: Mapping[Value, numpy.ndarray]) -> Hashable | None:
    """Of equal kernels the same; None of those that `grouped` does not take.

    It takes loops without reductions and gathers over arrays of one size that lie in memory without gaps, and single numbers.
    """
    if kernel.kind != "loop" or kernel.axes or kernel.whole or not kernel.outputs or not size(kernel.shape):
        return None
    number: dict[Value, Hashable] = {}
    for value in kernel.inputs():
        step = _step(value, kernel, forms)
        if step is None:
            return None
        number[value] = constant(value) or (len(number), value.dtype, step)
    lines = []
    for instruction in kernel.instructions:
        output = instruction.output
        number[output] = len(number), output.dtype
        operands = tuple(number[value] for value in instruction.inputs)
        lines.append((instruction.op, operands, instruction.frozen, output in kernel.outputs))
    return tuple(lines)


def _step(value: Value, kernel: Kernel, forms: Mapping[Value, numpy.ndarray]) -> int | None:
    """How far apart neighbours lie: 1, or 0 for a single number; None for any other form."""
    form = forms[value]
    if form.size == 1:
        of_the_host = value.source is not None and value.source.kind == "number"
        return int(value.shape == kernel.shape and not of_the_host)
    places = Places("i", kernel.shape, {value: strides_in(form, kernel.shape)}, "int")
    return 1 if len(places.extents) == 1 and places.last(value) == 1 else None


def alike(kernels: Iterable[Kernel], forms: Mapping[Value, numpy.ndarray]) -> list[list[Kernel]]:
    """The kernels, those of one structure together."""
    found: dict[Hashable, list[Kernel]] = {}
    for kernel in kernels:
        found.setdefault(structure(kernel, forms) or kernel, []).append(kernel)
    return list(found.values())


def grouped(kernels: Sequence[Kernel], forms: Mapping[Value, numpy.ndarray]) -> Launch | None:
    """One launch for several kernels of equal `structure`; None if they have too many pointers.

    None of them may need what another one makes, or overwrite what another one reads: they run at the same time.
    """
    first = kernels[0]
    outputs = {value for kernel in kernels for value in kernel.outputs}
    reads = [[value for value in kernel.inputs() if constant(value) is None] for kernel in kernels]
    columns = list(zip(*[(*taken, *kernel.outputs) for taken, kernel in zip(reads, kernels, strict=True)], strict=True))
    own = [column for column in columns if len(set(column)) > 1]
    values = list(dict.fromkeys(value for column in columns for value in column))
    if len(values) > ARGUMENT_POINTERS:
        return None
    given = parameters([v for v in values if v not in outputs], [v for v in values if v in outputs])
    counts = [size(kernel.shape) for kernel in kernels]
    kind = counted_by([], max(counts))
    _, begin, _ = in_strips(max(counts), max(counts), THREADS * EACH, kind)
    steps = {value: (_step(value, first, forms) or 0,) for value in (*reads[0], *first.outputs)}
    places = Places("i", (max(counts[0], 2),), steps, kind)
    parts = []
    for k, count in enumerate(counts):
        pointers = " ".join(f"p{column[0].number} = m{column[k].number};" for column in own)
        parts.append((-(-count // (THREADS * EACH)), [f"{pointers} n = {count}; own = {BLOCK_NUMBER};"]))
    lines = [
        *(f"{given[column[0]]};" for column in own),
        f"{kind} n, own;  // elements, and the number of a block among those that compute them",
        *by_blocks(parts),
        f"const {kind} i = {begin.replace(BLOCK_NUMBER, 'own')} + {EACH} * threadIdx.x;",
        "if (i >= n) return;",
        *body(places, first.instructions, reads[0], first.outputs, EACH, "n", {}),
    ]
    given |= {value: given[value].replace(" p", " m") for column in own for value in column}
    remark = f"{len(kernels)} times {first.name}; the names are those of the first time"
    return launch(first.name, remark, lines, given, (sum(blocks for blocks, _ in parts),), THREADS)
