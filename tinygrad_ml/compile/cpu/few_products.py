"""Products of a few numbers, as loops: those of small networks, for which a call of NumPy takes longer than the product.

Sums run over neighbours in any order, or row by row, so that several numbers are multiplied at a time.

Read before: `moves.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from ...ops.shapes import broadcast
from ..program import Value
from ..schedule.axes import strides_in
from .places import NOTHING_OVERLAPS, Operand, Written, addressable, axes_of, loop_text, nested, place

FEW_MULTIPLICATIONS = 1 << 14
"""In all: NumPy's library takes some thousandths of a millisecond for them, which is what a call takes."""
ROW = 4
"""Columns from which on a row of the result is added up at once."""


def few_products(values: Sequence[Value], a: numpy.ndarray, b: numpy.ndarray, c: numpy.ndarray) -> Written | None:
    """The loop for c = a·b, of three values that lie so; None if that is not for a loop."""
    if min(a.ndim, b.ndim) < 2 or not c.size * a.shape[-1] or c.size * a.shape[-1] > FEW_MULTIPLICATIONS:
        return None
    if c.dtype.kind != "f" or not a.dtype == b.dtype == c.dtype or not all(map(addressable, (a, b, c))):
        return None
    (*batch, m, n), k, dtype = c.shape, a.shape[-1], c.dtype
    if broadcast(a.shape[:-2], b.shape[:-2]) != tuple(batch):
        return None
    sizes = [*batch, m, n, k]
    axes = axes_of(tuple(sizes))
    first, row, column, summand = axes[:-3], axes[-3], axes[-2], axes[-1]

    def steps(x: numpy.ndarray) -> list[int]:
        return list(strides_in(x, (*batch, *x.shape[-2:])))

    x = place("a", dtype, [*first, row, summand], steps(a))
    y = place("b", dtype, [*first, summand, column], steps(b))
    z = place("c", dtype, [*first, row, column], steps(c))
    given = [axis.name for axis in axes] + [each.argument for each in (x, y, z)]
    given += [name for each in (x, y, z) for name in each.steps]
    zero = f"{dtype}(0.0)"
    if n >= ROW:
        added = f"{z.element} = {z.element} + x * {y.element}"
        lines = nested([column], [f"{z.element} = {zero}"])
        lines += nested([summand], [f"x = {x.element}", *nested([column], [added])])
    else:
        added = f"total = add_in_any_order(total, {x.element} * {y.element})"
        lines = nested([column], [f"total = {zero}", *nested([summand], [added]), f"{z.element} = total"])
    text = loop_text("product", given, [NOTHING_OVERLAPS, *nested([*first, row], lines)])
    numbers = tuple(step for each in (x, y, z) for step in each.steps.values())
    return Written(text, tuple(sizes), tuple(map(Operand, values)), numbers, c.size)
