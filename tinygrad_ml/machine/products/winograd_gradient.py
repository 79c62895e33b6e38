"""The gradient of the weights of a convolution by tiles, in the language of LLVM.

What was made of sums in `winograd.py` is made of the same ones, the other way round. A is 4 by 2, B 4 by 4 and G 4 by 3:

    w's gradient = Gᵀ [Σ over all tiles of (A g Aᵀ) ⊙ (Bᵀ x B)] G

⊙ is 16 matrix products again, of channels of the image and tiles with tiles and channels of the result:

    for each share of the images:
        for each panel of channels of the result, for each block of tiles:
            v[i] = Bᵀ pixels B, for each tile              # (tile, channel), for i in 16
            m[i] = A gradient Aᵀ                           # (tile, channel of the result)
            u[i] += v[i]ᵀ·m[i]
    weights = Gᵀ (Σ over shares of u) G

Into how many shares images fall follows from shapes alone. That a block begins with 0 keeps the digits of long sums. Read
before: `winograd.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from ..llvm.assembler import INT, Function, number
from .fields import BASIS, PLACES, SIDE, Shape, TiledImages
from .tiles import each_piece
from .winograd import WinogradCode


def write_winograd_gradient(module: ir.Module, shape: Shape, itemsize: int, widths: Sequence[int]) -> None:
    """Write `sums(fields, task, scratch)` and `weights_of_sums(fields, task, scratch)`, each of which does one task."""
    code = _SumsOfTiles(module, shape, itemsize, widths)
    code.task("sums")
    code.weights("weights_of_sums")


class _SumsOfTiles(WinogradCode):
    def task(self, name: str) -> None:
        """Write the function of that name, which adds up a panel of channels of the result over a share of the images."""
        into, slopes, add = self.into_basis(), self._slopes(), self._products()
        with each_piece(self.module, name, TiledImages) as (f, told, i):
            fields, _, v = f.given
            m, y, pixels = (f.add(v, place) for place in (told.m_at, told.y_at, told.x_at))
            share, panel = f.sdiv(i, told.panels), f.srem(i, told.panels)
            begin = f.mul(share, told.share)
            end = f.least(told.images, f.add(begin, told.share))
            columns = f.least(number(self.shape.columns), f.sub(told.m, f.mul(panel, number(self.shape.columns))))
            u = f.total(told.u, f.mul(share, told.u_share), f.mul(panel, told.u_panel))
            with f.each(end, start=begin, step=told.abreast) as image, f.each(told.down, step=told.tall) as first:
                images, lines = f.least(told.abreast, f.sub(end, image)), f.least(told.tall, f.sub(told.down, first))
                g = f.add(told.c, f.mul(f.mul(panel, number(self.shape.columns)), told.c_row))
                again = f.zext(f.icmp_signed(">", f.add(f.sub(image, begin), first), number(0)), INT)
                f.call(into, [fields, image, images, first, lines, v, pixels])
                f.call(slopes, [fields, image, images, first, lines, columns, g, m, y])
                f.call(add, [fields, f.mul(images, f.mul(lines, told.across)), columns, v, m, u, again])

    def _slopes(self) -> ir.Function:
        """m = A g Aᵀ for the tiles of a block. What of a tile is beyond the edges is 0."""
        words, two, zero, row = self.vectors, number(2), number(0), self.packed_row
        f = Function(self.module, "slopes", 9)
        fields, image, images, first, lines, columns, g, m, y = f.given
        told = f.told(TiledImages, fields)
        line_of_positions = f.mul(f.mul(told.across, two), row)
        whole_image = f.mul(f.mul(lines, two), line_of_positions)
        with f.if_then(f.icmp_signed("!=", told.edges, zero)):
            self.clear(f, y, f.mul(images, whole_image))
        there = f.least(f.mul(lines, two), f.sub(told.height, f.mul(first, two)))
        source = f.add(g, f.mul(f.mul(f.mul(first, two), told.width), self.size))
        with f.each(images) as n:
            start, goal = f.add(source, f.mul(f.add(image, n), told.c_next)), f.add(y, f.mul(n, whole_image))
            with f.each(there, step=told.in_run) as line:
                count = f.mul(f.least(told.in_run, f.sub(there, line)), told.width)
                at, to = f.mul(f.mul(line, told.width), self.size), f.mul(line, line_of_positions)
                f.call(self.turned, [columns, count, f.add(start, at), told.c_row, f.add(goal, to), row])
        targets = [f.add(m, f.mul(number(i), told.m_next)) for i in range(BASIS)]
        for n, line, t, which in self.each_tile(f, told, images, lines):
            start = f.total(y, f.mul(n, whole_image), f.mul(f.mul(line, two), line_of_positions))
            start, target = f.add(start, f.mul(f.mul(t, two), row)), f.mul(which, row)
            with f.each(f.mul(columns, self.size), step=self.nbytes) as channels:
                at = f.add(start, channels)
                pairs = [
                    [words.load(f, at), words.load(f, f.add(at, row))] for at in (at, f.add(at, line_of_positions))
                ]
                across = [self._both_ways(f, pair) for pair in pairs]
                whole = list(zip(*(self._both_ways(f, column) for column in zip(*across, strict=True)), strict=True))
                for place, value in zip(targets, (value for row in whole for value in row), strict=True):
                    words.store(f, value, f.total(place, target, channels))
        return f.finished()

    def _both_ways(self, f: Function, g: Any) -> list[ir.Value]:
        """A·g for two numbers."""
        return [g[0], f.fadd(g[0], g[1]), f.fsub(g[0], g[1]), f.fsub(self.vectors.zero, g[1])]

    def _products(self) -> ir.Function:
        """u[i] = v[i]ᵀ·m[i] for so many tiles, or u[i] += it if `again`, each i."""
        tiles = self.of_all_sizes(self.tile)
        f = Function(self.module, "products", 7)
        fields, count, columns, v, m, u, again = f.given
        told = f.told(TiledImages, fields)
        width, last = self.vectors_in(f, columns)
        with f.each(number(BASIS)) as i:
            a, b, c = (f.add(x, f.mul(i, step)) for x, step in ((v, told.v_next), (m, told.m_next), (u, told.u_next)))
            for channel, rows, vectors in self.in_tiles(f, told.channels, width):
                x, target = f.add(a, f.mul(channel, self.size)), f.add(c, f.mul(channel, self.packed_row))
                given = [count, x, self.size, told.pixel, b, self.packed_row, target, self.packed_row, last, again]
                f.call(tiles[rows, vectors], given)
        return f.finished()

    def weights(self, name: str) -> None:
        """Write the function of that name: w = Gᵀ u G for a vector of channels of the result, and some of the image."""
        words = self.vectors
        f = Function(self.module, name, 3, exported=True)
        told, rows, channels, a, u = self.part_of_weights(f)
        scratch = f.given[2]
        with f.each(channels) as c:
            start = f.add(u, f.mul(c, self.packed_row))
            at = [f.add(start, f.mul(number(i), told.u_next)) for i in range(BASIS)]

            def share(left: ir.Value, behind: ir.Value, *totals: ir.Value) -> list[ir.Value]:
                sums = [
                    f.fadd(total, words.load(f, f.add(place, behind))) for total, place in zip(totals, at, strict=True)
                ]
                return [f.sub(left, number(1)), f.add(behind, told.u_share), *sums]

            _, _, *sums = f.carry([told.shares, number(0), *[words.zero] * BASIS], share)
            across = [self._gathered(f, sums[SIDE * i : SIDE * i + SIDE]) for i in range(SIDE)]
            whole = zip(*(self._gathered(f, column) for column in zip(*across, strict=True)), strict=True)
            target = f.add(scratch, f.mul(c, number(PLACES * words.nbytes)))
            for i, value in enumerate(value for row in whole for value in row):
                words.store(f, value, f.add(target, number(i * words.nbytes)))
        f.call(self.turned, [f.mul(channels, number(PLACES)), rows, scratch, self.nbytes, a, told.a_row])
        f.ret_void()

    def _gathered(self, f: Function, u: Any) -> list[ir.Value]:
        """Gᵀ·u for four numbers."""
        half = ir.Constant(self.vectors.type, [0.5] * self.shape.lanes)
        both, difference = f.fmul(f.fadd(u[1], u[2]), half), f.fmul(f.fsub(u[1], u[2]), half)
        return [f.fadd(u[0], both), difference, f.fadd(both, u[3])]
