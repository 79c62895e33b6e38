"""The rounds of an LSTM, and the way back through them, as machine code: a product and a walk for each.

What a round hears from the one before lies with the outputs of all; only the first one's does not. So all others are one call.
x is (rounds, batch, 4·width): what comes in, multiplied by its weights. The four quarters are those of i, f, g and o.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy

from ..machine.products.plan import Product
from ..machine.sharing.again import in_rounds, planned
from ..totals import total
from . import loops

Array: TypeAlias = Any

ROUNDS_MULTIPLICATIONS = 1 << 25
"""From so many on, in all rounds together, an LSTM is worth a compiler's import."""

LSTM = """\
def loop(rows, width, z: reals, x: reals, bias: reals, c: reals, gates: reals, cells: reals, y: reals):
    nothing_overlaps()
    for r in range(rows):
        for j in range(width):
            at = r * 4 * width + j
            i = real(1) / (real(1) + exp(-(z[at] + x[at] + bias[j])))
            f = real(1) / (real(1) + exp(-(z[at + width] + x[at + width] + bias[j + width])))
            g = tanh(z[at + 2 * width] + x[at + 2 * width] + bias[j + 2 * width])
            o = real(1) / (real(1) + exp(-(z[at + 3 * width] + x[at + 3 * width] + bias[j + 3 * width])))
            cell = f * c[r * width + j] + i * g
            gates[at] = i
            gates[at + width] = f
            gates[at + 2 * width] = g
            gates[at + 3 * width] = o
            cells[r * width + j] = cell
            y[r * width + j] = o * tanh(cell)
"""

LSTM_GRADIENT = """\
def loop(rows, width, dy: reals, dh: reals, gates: reals, cells: reals, c: reals, dc: reals, dz: reals):
    nothing_overlaps()
    for r in range(rows):
        for j in range(width):
            at = r * 4 * width + j
            i = gates[at]
            f = gates[at + width]
            g = gates[at + 2 * width]
            o = gates[at + 3 * width]
            t = tanh(cells[r * width + j])
            h = dy[r * width + j] + dh[r * width + j]
            d = dc[r * width + j] + h * o * (real(1) - t * t)
            dz[at] = d * g * i * (real(1) - i)
            dz[at + width] = d * c[r * width + j] * f * (real(1) - f)
            dz[at + 2 * width] = d * i * (real(1) - g * g)
            dz[at + 3 * width] = h * t * o * (real(1) - o)
            dc[r * width + j] = d * f
"""


class _OfTwo(Product):
    """A product as something to `do`."""

    def __init__(self, facts: Any, a: Array, b: Array, c: Array):
        super().__init__(a, b, c)

    @staticmethod
    def fits(facts: Any, a: Array, b: Array, c: Array) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride]
        return Product.fits(a, b, c)


def worth(x: Array, hidden: Array, cell: Array, weight: Array, bias: Array, backwards: bool) -> bool:
    """Whether the rounds are done here."""
    if not loops.worth(x) or x.size * hidden.shape[-1] < ROUNDS_MULTIPLICATIONS:
        return False
    z = numpy.empty(x.shape[1:], x.dtype)
    return (
        weight.flags.c_contiguous
        and Product.fits(numpy.ascontiguousarray(hidden), numpy.empty(weight.shape[::-1], x.dtype), z)
        and Product.fits(z, weight, numpy.empty(hidden.shape, x.dtype))
    )


def lstm(
    x: Array, hidden: Array, cell: Array, weight: Array, bias: Array, backwards: bool
) -> tuple[Array, Array, Array]:
    """The outputs of all rounds, and behind them the last c; the gates; and c of all rounds."""
    rounds, batch, _ = x.shape
    width = hidden.shape[1]
    x, h, c, across = map(numpy.ascontiguousarray, (x, hidden, cell, weight.T))
    y = numpy.empty((rounds + 1, batch, width), x.dtype)
    gates, cells, z = numpy.empty_like(x), numpy.empty((rounds, batch, width), x.dtype), numpy.empty_like(x[0])
    narrow, wide = (c, width), (z, 4 * width)
    walk = loops.as_part(LSTM, batch, (width,), wide, wide, (bias, 0), narrow, wide, narrow, narrow)
    parts = (planned((_OfTwo,), None, h, across, z), (0, 1, 2)), (walk, (2, 3, 4, 5, 6, 7, 8))
    order = _order(rounds, backwards)
    first, others = order[0], order[1:]
    steps = _steps((y, None, None, x, None, cells, gates, cells, y), backwards)
    in_rounds(1, parts, (h, across, z, x[first], bias, c, gates[first], cells[first], y[first]), steps)
    if others:
        t = others[0]
        arrays = (y[first], across, z, x[t], bias, cells[first], gates[t], cells[t], y[t])
        in_rounds(len(others), parts, arrays, steps)
    y[rounds] = cells[order[-1]]
    return y, gates, cells


def lstm_gradient(
    g: Array,
    x: Array,
    hidden: Array,
    cell: Array,
    weight: Array,
    bias: Array,
    y: Array,
    gates: Array,
    cells: Array,
    backwards: bool,
    needed: tuple,
) -> list[Array]:
    """The shares of x, of the first h and c, of weights and bias in the gradient g. Its rounds by themselves want x and bias, too."""
    rounds, batch, width = cells.shape
    g, c = numpy.ascontiguousarray(g), numpy.ascontiguousarray(cell)
    dz, dh, dc = numpy.empty_like(gates), numpy.zeros_like(g[0]), g[rounds].copy()
    narrow, wide = (c, width), (gates, 4 * width)
    walk = loops.as_part(LSTM_GRADIENT, batch, (width,), narrow, narrow, wide, narrow, narrow, narrow, wide)
    parts = (walk, (0, 1, 2, 3, 4, 5, 6)), (planned((_OfTwo,), None, dz[0], weight, dh), (6, 7, 1))
    order = _order(rounds, backwards)
    first, others = order[0], order[1:]
    steps = _steps((g, None, gates, cells, cells, None, dz, None), not backwards)
    if others:
        t, before = order[-1], order[-2]
        arrays = (g[t], dh, gates[t], cells[t], cells[before], dc, dz[t], weight)
        in_rounds(len(others), parts, arrays, steps)
    in_rounds(1, parts, (g[first], dh, gates[first], cells[first], c, dc, dz[first], weight), steps)
    heard = numpy.empty((rounds, batch, width), g.dtype)  # h before each round
    heard[order[0]] = hidden
    if backwards:
        heard[:-1] = y[1:rounds]
    else:
        heard[1:] = y[: rounds - 1]
    rows = dz.reshape(rounds * batch, 4 * width)
    return [
        dz,
        dh,
        dc,
        rows.T @ heard.reshape(rounds * batch, width) if 3 in needed else None,
        total(rows, (0,), False, rows.dtype) if 4 in needed else None,
    ]


def _order(rounds: int, backwards: bool) -> Sequence[int]:
    return range(rounds)[::-1] if backwards else range(rounds)


def _steps(arrays: Sequence[Array | None], backwards: bool) -> tuple[int, ...]:
    """By how many bytes arrays go on from round to round; what is None is the same in all."""
    return tuple([0 if array is None else -array.strides[0] if backwards else array.strides[0] for array in arrays])
