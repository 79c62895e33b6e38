"""Pooling found again: the largest number of each window, where windows lie side by side, and its gradient.

Max pooling is recorded as what it is composed of: windows, ordered so that the places of a window lie apart, and a
maximum; its gradient as a comparison of all windows with their largest numbers, which share it evenly where several tie,
and windows put back. Here each becomes one operation, which reads an image once, and lays no windows out:

    the result      max over the places of windows(x)                      max_pool
    the gradient    where x is largest, g / how many of a window are       max_pool_gradient

Their loops are written here. Neighbouring windows are neighbours in the result, so LLVM takes several at a time.

Read before: `convolutions.py`, `moves.py`.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy

from ...functional import windows
from ...ops.elementwise import cast, div, equal, mul
from ...ops.movement import permute_dims, reshape
from ...ops.reduce import max_, sum_
from ...ops.shapes import size
from ..passes.rewriting import Makers, rewritten
from ..program import Call, Instruction, Program, Value
from .places import NOTHING_IS_EMPTY, NOTHING_OVERLAPS, Forms, Operand, Written, axes_of, loop_text, nested

APART = (4, 5, 0, 1, 2, 3)
"""From (batch, channels, *positions, *kernel) to (*kernel, batch, channels, *positions); ..."""
BACK = (2, 3, 4, 5, 0, 1)
"""... and back."""
MOST_PLACES = 16
"""In a window: each has a line of its own in the loop."""
SHORTEST_LINE = 4
"""Windows in a line of the result: of fewer, too few are neighbours."""


def _seen(x: Any, kernel: tuple[int, int]) -> Any:
    """(places, batch, channels, *positions)"""
    seen = windows.windows.value(numpy, x, kernel=kernel, stride=kernel, dilation=(1, 1))
    return seen.transpose(APART).reshape(-1, *seen.shape[:4])


def _shared(x: Any, y: Any, g: Any, kernel: tuple[int, int]) -> Any:
    hits = _seen(x, kernel) == y
    parts = (g / hits.sum(0).astype(x.dtype) * hits).reshape(*kernel, *y.shape)
    return parts.transpose(2, 3, 4, 0, 5, 1).reshape(x.shape)


MAX_POOL = Call("max_pool", lambda xp, x, kernel: _seen(x, kernel).max(0))
"""The largest number of each window, side by side, of an image."""
MAX_POOL_GRADIENT = Call("max_pool_gradient", lambda xp, x, y, g, kernel: _shared(x, y, g, kernel))
"""The gradient g of these, y, given to where they are in the image."""


def pool_loop(instruction: Instruction, forms: Forms) -> list[Written] | None:
    """The loop of one of these, of values that lie as `forms` says; None if they do not lie in order.

    Each line of a window is an operand of its own, so that LLVM need not ask whether what is written in one is in another one.
    """
    gradient, kernel = instruction.op is MAX_POOL_GRADIENT, instruction.params["kernel"]
    x, y = instruction.inputs[0], instruction.inputs[1] if gradient else instruction.output
    if not all(forms[value].flags.c_contiguous for value in (*instruction.inputs, instruction.output)):
        return None
    (height, width), (lines, columns), kind = x.shape[2:], y.shape[2:], f"{x.dtype}s"
    pixels = [f"{i}[(i0 * h + i1 * {kernel[0]}) * w + i2 * {kernel[1]} + {j}]" for i, j in numpy.ndindex(*kernel)]
    body, position = [f"p{k} = x{pixel}" for k, pixel in enumerate(pixels)], "[(i0 * n1 + i1) * n2 + i2]"
    if gradient:
        hits = [f"h{k}" for k in range(len(pixels))]
        body.append(f"most = y{position}")
        body += [f"{h} = ({x.dtype}(1.0) if p{k} == most else {x.dtype}(0.0))" for k, h in enumerate(hits)]
        body.append(f"share = g{position} / ({' + '.join(hits)})")
        body += [f"a{pixel} = share * {h}" for h, pixel in zip(hits, pixels, strict=True)]
    else:
        body.append("m0 = p0")
        body += [f"m{k} = (p{k} if (p{k} > m{k - 1}) | (p{k} != p{k}) else m{k - 1})" for k in range(1, len(pixels))]
        body.append(f"y{position} = m{len(pixels) - 1}")
    line, result = width * x.dtype.itemsize, lines * columns * x.dtype.itemsize
    names = {f"x{i}": Operand(x, behind=i * line) for i in range(kernel[0])} | {"y": Operand(y)}
    if gradient:
        names["g"] = Operand(instruction.inputs[2])
        names |= {f"a{i}": Operand(instruction.output, behind=i * line) for i in range(kernel[0])}
    given = ["n0", "n1", "n2", "h", "w", *(f"{name}: {kind}" for name in names)]
    text = loop_text(
        instruction.op.name, given, [NOTHING_OVERLAPS, NOTHING_IS_EMPTY, *nested(axes_of(y.shape[1:]), body)]
    )
    growth = tuple(result if name in "yg" else height * line for name in names)
    sizes = prod(x.shape[:2]), lines, columns, height, width
    return [Written(text, sizes, tuple(names.values()), (), size(x.shape), growth)]


def pooling(program: Program) -> Program:
    """The program with the two operations wherever it has such pooling."""
    if not any(i.op is windows.windows for i in program.instructions):
        return program
    search = _PoolSearch(program)
    return rewritten(program, lambda instruction, _: search.instead(instruction))


class _PoolSearch(Makers):
    def instead(self, instruction: Instruction) -> Instruction | None:
        """What takes the place of an instruction, if it is one of these."""
        output = instruction.output
        if instruction.op is max_ and instruction.params == {"axis": (0,), "keepdims": False}:
            seen = self._laid(instruction.inputs[0])
            return seen and Instruction(MAX_POOL, (seen.inputs[0],), {"kernel": seen.params["kernel"]}, output)
        found = self._gradient(instruction) if instruction.op is windows.fold else None
        return found and Instruction(MAX_POOL_GRADIENT, found[0], {"kernel": found[1]}, output)

    def _laid(self, value: Value) -> Instruction | None:
        """Whose result a value shows, if it is windows side by side: (places, batch, channels, *positions)."""
        seen = self.maker(self.before(self.before(value, reshape), permute_dims, axes=APART), windows.windows)
        if seen is None or value.dtype not in (numpy.float32, numpy.float64):
            return None
        kernel, stride, dilation = (seen.params[name] for name in ("kernel", "stride", "dilation"))
        apart = kernel == stride and dilation == (1, 1) and 1 < prod(kernel) <= MOST_PLACES
        return seen if apart and seen.output.shape[3] >= SHORTEST_LINE else None

    def _gradient(self, fold: Instruction) -> tuple[tuple[Value, Value, Value], tuple[int, int]] | None:
        """((image, largest numbers, their gradient), kernel), if windows that are put back are such a gradient."""
        factors = self.operands(self.before(self.before(fold.inputs[0], permute_dims, axes=BACK), reshape), mul)
        for part, g in (factors, factors[::-1]) if factors else ():
            share, slope = self.operands(part, div), self.before(g, reshape)
            equals = self.operands(self.before(share[0], cast), equal) if share else ()
            counted = share and self.before(share[1], sum_, axis=(0,), keepdims=True) is share[0]
            seen, largest = (self._laid(equals[0]), self.before(equals[1], reshape)) if equals else (None, None)
            if not (slope and counted and seen and largest) or share[0].dtype != seen.output.dtype:
                continue
            (x,), positions = seen.inputs, seen.output.shape[:4]
            whole = windows.side_by_side(
                seen.output.shape, x.shape, *(seen.params[n] for n in ("kernel", "stride", "dilation"))
            )
            alike = fold.output.shape == x.shape and largest.shape == slope.shape == positions
            if whole and alike and fold.params["kernel"] == fold.params["stride"] == seen.params["kernel"]:
                return (x, largest, slope), seen.params["kernel"]
        return None
