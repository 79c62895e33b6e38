"""Sums over the edges of a graph: rows that are looked up, scaled, and added up elsewhere, in one walk over the edges.

What a node of a graph hears is the sum over the edges that end in it, of what stands where each begins, times its weight:

    zeros.index_add(0, end, x[begin] * weight)

Recorded, that are three operations, and the messages, a row for each edge, are laid out twice. Here none is:

    for each edge:
        total[end[edge]] += x[begin[edge]] * weight[edge]

The gradient of x is the same from end to begin. Each thread has a part of the totals, and goes through all edges, so that sums have
one order.

Read before: `gathers.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from ...indexing import check_range
from ...ops.elementwise import mul
from ...ops.index import ARRAY, getitem, scatter_add
from ...ops.shapes import size
from ...totals import accumulator
from ..passes.rewriting import Makers, rewritten
from ..program import Call, Instruction, Program, Value
from .places import MEMORY, NOTHING_OVERLAPS, ROWS_ARE_SHORT, Forms, Operand, Written, loop_text
from .short_rows import NARROW_ELEMENTS

HERE = {"index": (ARRAY,)}
"""The parameter of what looks up, or adds up, whole rows."""


def _summed(xp: Any, x: Any, begin: Any, end: Any, *weight: Any, rows: int) -> Any:
    for array, there in ((begin, len(x)), (end, rows)):
        check_range(array, there, f"axis 0 of shape {(there, *x.shape[1:])}")
    messages = x[begin] * weight[0] if weight else x[begin]
    return scatter_add.value(xp, messages, end, index=(ARRAY,), shape=(rows, *x.shape[1:]))


EDGE_SUMS = Call("edge_sums", _summed)
"""The sums of x[begin] (times a weight for each edge) over the edges that have an end."""


def edge_sums(program: Program) -> Program:
    """The program with the operation wherever rows are looked up, perhaps scaled, and added up, for nothing else."""
    makers = Makers(program)
    return rewritten(program, lambda i, _: _instead(i, makers))


def _instead(i: Instruction, makers: Makers) -> Instruction | None:
    if i.op is not scatter_add or i.params["index"] != (ARRAY,) or len(i.output.shape) != 2:
        return None
    (rows, end), weight = i.inputs, ()
    factors = makers.operands(rows, mul, once=True)
    for one, other in (factors, factors[::-1]) if factors else ():
        if other.shape == (rows.shape[0], 1) and one.shape == rows.shape:
            rows, weight = one, (other,)
            break
    maker = makers.maker(rows, getitem, once=True)
    if maker is None or maker.params != HERE:
        return None
    x, begin = maker.inputs
    values, indices = (x, *weight, i.output), (begin, end)
    if not all(v.dtype == x.dtype and v.dtype.kind == "f" and v.dtype in MEMORY and size(v.shape) for v in values):
        return None
    if not all(len(v.shape) == 1 and v.dtype.kind in "iu" and v.dtype != numpy.uint64 for v in indices):
        return None
    return Instruction(EDGE_SUMS, (x, begin, end, *weight), {"rows": i.output.shape[0]}, i.output)


def edge_loop(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """The loop of one of these, of values that lie as `forms` says; None if they do not lie in order."""
    if not all(forms[v].flags.c_contiguous for v in instruction.inputs):
        return None
    (x, begin, end, *weight), output = instruction.inputs, instruction.output
    (rows, columns), edges, kind = output.shape, size(begin.shape), x.dtype
    wide = accumulator(kind, running=size(output.shape) <= edges * columns)
    total = Value(output.number, output.shape, wide)
    short = columns < NARROW_ELEMENTS
    arrays = [f"x: {kind}s", f"p: {MEMORY[begin.dtype]}", f"q: {MEMORY[end.dtype]}", *[f"w: {kind}s"] * len(weight)]
    arrays += [f"t: {wide}s", f"y: {kind}s"]
    along = f"for j in range({columns if short else 'n'}):"
    product = "x[i * n + j] * f" if weight else "x[i * n + j]"
    lines = [NOTHING_OVERLAPS, *[ROWS_ARE_SHORT] * short, "for j in range(rows * n):", "    t[j] = 0", "bad = 0"]
    lines += ["for e in range(edges):", "    k = int64(q[e])", "    k = k + extent if k < 0 else k"]
    lines += ["    i = int64(p[e])", "    i = i + there if i < 0 else i"]
    lines += [
        "    if (uint64(k) >= uint64(extent)) | (uint64(i) >= uint64(there)):",
        "        bad = 1",
        "        k = first - 1",
    ]
    lines += ["    k = k - first", "    if uint64(k) < uint64(rows):", *["        f = w[e]"] * len(weight)]
    lines += [f"        {along}", f"            t[k * n + j] += {wide}({product})"]
    lines += ["for j in range(rows * n):", f"    y[j] = {kind}(t[j])", "if bad:", "    wrong[0] = 1"]
    given = ["rows", "edges", "n", *arrays, "first", "extent", "there", "wrong: int64s"]
    operands = (*map(Operand, instruction.inputs), Operand(total, scratch=True), Operand(output))
    growth = (*[0] * len(instruction.inputs), columns * wide.itemsize, columns * kind.itemsize, 1)
    sizes, steps, elements = (rows, edges, columns), (0, rows, x.shape[0]), size(output.shape)
    text = loop_text("edge_sums", given, lines)
    return [Written(text, sizes, operands, steps, elements, growth, in_pieces=True, notes=True)]
