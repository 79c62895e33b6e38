"""Products of a few numbers, as loops: those of small networks, for which a call of NumPy takes longer than the product.

Sums run over neighbours in any order, or row by row, so that several numbers are multiplied at a time.

Read before: `moves.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from ...machine.axes import merged
from ...ops.shapes import broadcast
from ..program import Value
from ..schedule.axes import strides_in
from .places import (
    MEMORY,
    NOTHING_IS_EMPTY,
    NOTHING_OVERLAPS,
    Axis,
    LoopArray,
    Operand,
    Written,
    addressable,
    axes_of,
    loop_text,
    nested,
)

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
    steps = [strides_in(x, (*batch, *x.shape[-2:])) for x in (a, b, c)]
    many, firsts = merged(batch, [each[:-2] for each in steps])
    sizes = [*(many or (1,)), m, n, k]
    axes = axes_of(tuple(sizes))
    first, row, column, summand = axes[:-3], axes[-3], axes[-2], axes[-1]
    along = column if n >= ROW else summand
    beside = ((row, summand), (summand, column), (row, column))
    every = [
        dict(zip((*first, *last), (*(before or (0,)), *each[-2:]), strict=True))
        for last, before, each in zip(beside, firsts, steps, strict=True)
    ]
    x, y, z = (_operand(name, dtype, lies, along) for name, lies in zip("abc", every, strict=True))
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
    text = loop_text("product", given, [NOTHING_OVERLAPS, NOTHING_IS_EMPTY, *nested([*first, row], lines)])
    numbers = tuple(step for each in (x, y, z) for step in each.steps.values())
    return Written(text, tuple(sizes), tuple(map(Operand, values)), numbers, c.size)


def _operand(name: str, dtype: numpy.dtype, steps: dict[Axis, int], along: Axis) -> LoopArray:
    """An operand, given its steps along its axes. All are arguments, so that most products are one loop, but a step of 1 along the
    axis that is walked through: there LLVM does many numbers at a time."""
    unit = steps.get(along) == 1 or (along in steps and along.size == 1)
    named = {axis: f"{name}_{axis.index}" for axis in steps if not (unit and axis is along)}
    terms = [f"{axis.index} * {named[axis]}" if axis in named else axis.index for axis in steps]
    told = {word: steps[axis] for axis, word in named.items()}
    return LoopArray(f"{name}: {MEMORY[dtype]}", f"{name}[{' + '.join(terms)}]", told)
