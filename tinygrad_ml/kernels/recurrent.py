"""The rounds of an LSTM, and the way back through them, as machine code: a product and a walk for each.

x is (rounds, batch, 4·width): what comes in, multiplied by its weights. The four quarters are those of i, f, g and o.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy

from ..machine.products.plan import FIRST_A, FIRST_B, FIRST_C, Product
from ..machine.sharing.again import do
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

    def jobs(self, threads: int, scratch: int) -> list[tuple[Array, dict[int, int]]]:
        return [(self.job(threads), {FIRST_A: 0, FIRST_B: 1, FIRST_C: 2})]


def worth(x: Array, hidden: Array, cell: Array, weight: Array, bias: Array, backwards: bool) -> bool:
    """Whether the rounds are done here."""
    if not loops.worth(x) or x.size * hidden.shape[-1] < ROUNDS_MULTIPLICATIONS:
        return False
    z = numpy.empty(x.shape[1:], x.dtype)
    return (
        weight.flags.c_contiguous
        and Product.fits(numpy.ascontiguousarray(hidden), weight.T, z)
        and Product.fits(z, weight, numpy.empty(hidden.shape, x.dtype))
    )


def lstm(
    x: Array, hidden: Array, cell: Array, weight: Array, bias: Array, backwards: bool
) -> tuple[Array, Array, Array]:
    """The outputs of all rounds, and behind them the last c; the gates; and c of all rounds."""
    rounds, batch, _ = x.shape
    width = hidden.shape[1]
    x, h, c = map(numpy.ascontiguousarray, (x, hidden, cell))
    y = numpy.empty((rounds + 1, batch, width), x.dtype)
    gates, cells, z = numpy.empty_like(x), numpy.empty((rounds, batch, width), x.dtype), numpy.empty_like(x[0])
    for t in _order(rounds, backwards):
        do((_OfTwo,), None, h, weight.T, z)
        narrow = [(array, width) for array in (c, cells[t], y[t])]
        wide = [(array, 4 * width) for array in (z, x[t], gates[t])]
        loops.run(LSTM, batch, (width,), *wide[:2], (bias, 0), narrow[0], wide[2], *narrow[1:])
        h, c = y[t], cells[t]
    y[rounds] = c
    return y, gates, cells


def lstm_gradient(
    g: Array,
    hidden: Array,
    cell: Array,
    weight: Array,
    y: Array,
    gates: Array,
    cells: Array,
    backwards: bool,
    needed: tuple,
) -> list[Array]:
    """The shares of x, of the first h and c, of weights and bias in the gradient g."""
    rounds, batch, width = cells.shape
    g, c = numpy.ascontiguousarray(g), numpy.ascontiguousarray(cell)
    dz, dh, dc = numpy.empty_like(gates), numpy.zeros_like(g[0]), g[rounds].copy()
    order = _order(rounds, backwards)
    for t, before in zip(reversed(order), [*reversed(order[:-1]), None], strict=True):
        narrow = [(array, width) for array in (g[t], dh, cells[t], c if before is None else cells[before], dc)]
        wide = [(array, 4 * width) for array in (gates[t], dz[t])]
        loops.run(LSTM_GRADIENT, batch, (width,), *narrow[:2], wide[0], *narrow[2:], wide[1])
        do((_OfTwo,), None, dz[t], weight, dh)
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
