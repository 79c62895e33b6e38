"""Convolutions of 3 by 3 with fewer multiplications, in the language of LLVM.

Four neighbours of a result, a *tile* of 2 by 2, see 4 by 4 pixels of each channel. S. Winograd's way computes them with 16
multiplications of a channel instead of 36, in another basis:

    y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A         Aᵀ = 1  1  1  0     G = 1    0    0     Bᵀ = 1  0 -1  0
                                                 0  1 -1 -1         1/2  1/2  1/2        0  1  1  0
                                                                    1/2 -1/2  1/2        0 -1  1  0
                                                                    0    0    1          0  1  0 -1

⊙ is 16 products by themselves, and over all channels, 16 matrix products: of tiles and channels of the image with
channels of the image and of the result. What stands around them are additions. A vector is channels side by side, so images
are transposed, in the cache, before and behind it:

    for each block of tiles:
        pixels = the block of the image, transposed        # (pixel, channel)
        v[i] = Bᵀ pixels B, for each tile                  # (tile, channel), for i in 16
        m[i] = v[i]·u[i]                                   # (tile, channel of the result), as in `tiles.py`
        positions = Aᵀ m A
        result = positions, transposed

The weights' part, u, is a job of its own before that. Read before: `tiles.py`. Read next: `fewer.py`, which says when
this is done, and `winograd_gradient.py`.

A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llvmlite import ir

from ..llvm.assembler import INT, Function, number
from ..llvm.native import Native, native
from .fields import BASIS, PLACES, SIDE, Shape, TiledImages, TiledWeights
from .tiles import ProductCode, each_piece


def tiles(shape: Shape, itemsize: int, widths: Sequence[int]) -> Native:
    """What a convolution and the gradient of its weights both call: the tiles of their products, and what transposes."""
    return native("winograd_tiles", write_tiles, shape, itemsize, tuple(widths))


def write_tiles(module: ir.Module, shape: Shape, itemsize: int, widths: Sequence[int]) -> None:
    """Write `tile_6_4(...)` and the like, of so many rows and vectors, and `transpose(...)`. See `ProductCode`."""
    code = _WholeTiles(module, shape, itemsize)
    code.widths = widths
    for function in (*code.of_all_sizes(code.tile).values(), code.transposition()):
        function.linkage = ""


class _WholeTiles(ProductCode):
    late = whole = True


def write_winograd(module: ir.Module, shape: Shape, itemsize: int, widths: Sequence[int]) -> None:
    """Write `weights(fields, task, scratch)` and `convolution(fields, task, scratch)`, each of which does one task."""
    code = WinogradCode(module, shape, itemsize, widths)
    code.weights("weights")
    code.task("convolution")


class WinogradCode(ProductCode):
    """The functions of such convolutions, and of the gradients of their weights. Products are in scratch memory."""

    def __init__(self, module: ir.Module, shape: Shape, itemsize: int, widths: Sequence[int]):
        super().__init__(module, shape, itemsize)
        self.widths, self._tiles = widths, tiles(shape, itemsize, widths)
        self.nbytes, self.lanes = number(self.vectors.nbytes), number(shape.lanes)
        self.turned = self._called("transpose", 6)

    def tile(self, rows: int, width: int, copying: bool = False) -> ir.Function:
        """One of `tiles`."""
        return self._called(f"tile_{rows}_{width}", 10)

    def _called(self, name: str, arguments: int) -> ir.Function:
        return ir.Function(self.module, ir.FunctionType(ir.VoidType(), [INT] * arguments), self._tiles.called(name))

    def weights(self, name: str) -> None:
        """Write the function of that name: u = G w Gᵀ for a vector of channels of the result, and some of the image."""
        words = self.vectors
        f = Function(self.module, name, 3, exported=True)
        told, rows, channels, source, target = self.part_of_weights(f)
        scratch = f.given[2]
        turned, run = f.icmp_signed("!=", told.turned, number(0)), number(PLACES * words.nbytes)
        with f.each(channels, step=told.at_once) as c:
            columns = f.mul(f.least(told.at_once, f.sub(channels, c)), number(PLACES))
            start = f.add(source, f.mul(c, told.a_column))
            f.call(self.turned, [rows, columns, start, told.a_row, f.add(scratch, f.mul(c, run)), self.nbytes])
        first = f.select(turned, number((PLACES - 1) * words.nbytes), number(0))
        step = f.select(turned, number(-words.nbytes), self.nbytes)
        with f.each(channels) as c:
            start = f.total(scratch, f.mul(c, run), first)
            w = [[words.load(f, f.add(start, f.mul(number(3 * i + j), step))) for j in range(3)] for i in range(3)]
            down = list(zip(*(self._spread(f, column) for column in zip(*w, strict=True)), strict=True))
            whole = [x for line in down for x in self._spread(f, line)]
            place = f.add(target, f.mul(c, self.packed_row))
            for i, x in enumerate(whole):
                words.store(f, x, f.add(place, f.mul(number(i), told.u_next)))
        f.ret_void()

    def part_of_weights(self, f: Function) -> tuple[Any, ir.Value, ir.Value, ir.Value, ir.Value]:
        """What a function is told, and its task: how many channels of the result, and of the image; where these begin in a and u."""
        fields, task, _ = f.given
        told = f.told(TiledWeights, fields)
        vector, channel = f.sdiv(task, told.parts), f.mul(f.srem(task, told.parts), told.together)
        rows = f.least(self.lanes, f.sub(told.m, f.mul(vector, self.lanes)))
        channels = f.least(told.together, f.sub(told.channels, channel))
        a = f.total(told.a, f.mul(vector, told.a_vector), f.mul(channel, told.a_column))
        panel, within = f.sdiv(vector, number(self.shape.vectors)), f.srem(vector, number(self.shape.vectors))
        u = f.total(told.u, f.mul(panel, told.u_panel), f.mul(within, self.nbytes), f.mul(channel, self.packed_row))
        return told, rows, channels, a, u

    def _spread(self, f: Function, w: Any) -> list[ir.Value]:
        """G·w for three numbers."""
        half = ir.Constant(self.vectors.type, [0.5] * self.shape.lanes)
        outer, inner = f.fmul(f.fadd(w[0], w[2]), half), f.fmul(w[1], half)
        return [w[0], f.fadd(outer, inner), f.fsub(outer, inner), w[2]]

    def task(self, name: str) -> None:
        """Write the function of that name, which does one task of a convolution."""
        into, out_of = self.into_basis(), self._out_of_basis()
        products = self._products()
        with each_piece(self.module, name, TiledImages) as (f, told, i):
            fields, _, v = f.given
            m, y, pixels = (f.add(v, place) for place in (told.m_at, told.y_at, told.x_at))
            image = f.mul(f.sdiv(i, told.blocks), told.abreast)
            first = f.mul(f.srem(i, told.blocks), told.tall)
            images = f.least(told.abreast, f.sub(told.images, image))
            lines = f.least(told.tall, f.sub(told.down, first))
            tiles = f.mul(images, f.mul(lines, told.across))
            f.call(into, [fields, image, images, first, lines, v, pixels])
            f.call(products, [fields, tiles, v, m])
            f.call(out_of, [fields, image, images, first, lines, m, y])

    @staticmethod
    def each_tile(f: Function, told: Any, images: ir.Value, lines: ir.Value) -> Iterator[tuple[Any, Any, Any, Any]]:
        """(image, line of tiles, tile in it, number of the tile) of each tile of a block."""
        with f.each(images) as n, f.each(lines) as line:
            before = f.mul(f.add(f.mul(n, lines), line), told.across)
            with f.each(told.across) as t:
                yield n, line, t, f.add(before, t)

    def into_basis(self) -> ir.Function:
        """v = Bᵀ x B for the tiles of a block. What is seen beyond the edges of an image is 0."""
        words, two, zero = self.vectors, number(2), number(0)
        f = Function(self.module, "into_basis", 7)
        fields, image, images, first, lines, v, pixels = f.given
        told = f.told(TiledImages, fields)
        line_of_pixels = f.mul(f.add(f.mul(told.across, two), two), told.pixel)
        whole_image = f.mul(f.add(f.mul(lines, two), two), line_of_pixels)
        begin = f.sub(f.mul(first, two), told.top)  # the line of the image that is the first one here
        top, bottom = (
            f.most(zero, f.sub(zero, begin)),
            f.least(f.add(f.mul(lines, two), two), f.sub(told.x_height, begin)),
        )
        source = f.total(told.x, f.mul(image, told.x_next), f.mul(begin, told.x_row))
        with f.if_then(f.icmp_signed("!=", told.edges, zero)):
            self.clear(f, pixels, f.mul(images, whole_image))
        with f.each(images) as n:
            start, target = f.add(source, f.mul(n, told.x_next)), f.add(pixels, f.mul(n, whole_image))
            target = f.add(target, f.mul(told.left, told.pixel))
            with f.each(bottom, start=top, step=told.x_in_run) as line:
                whole = f.sub(f.least(told.x_in_run, f.sub(bottom, line)), number(1))
                count = f.add(f.mul(whole, f.add(f.mul(told.across, two), two)), told.x_width)
                at, to = f.add(start, f.mul(line, told.x_row)), f.add(target, f.mul(line, line_of_pixels))
                f.call(self.turned, [told.channels, count, at, told.x_channel, to, told.pixel])
        places = [
            f.add(f.mul(number(i), line_of_pixels), f.mul(number(j), told.pixel))
            for i in range(SIDE)
            for j in range(SIDE)
        ]
        targets = [f.add(v, f.mul(number(i), told.v_next)) for i in range(BASIS)]
        for n, line, t, which in self.each_tile(f, told, images, lines):
            start = f.total(pixels, f.mul(n, whole_image), f.mul(f.mul(line, two), line_of_pixels))
            start, target = f.add(start, f.mul(f.mul(t, two), told.pixel)), f.mul(which, told.pixel)
            with f.each(told.pixel, step=self.nbytes) as channels:
                x = [words.load(f, f.total(start, place, channels)) for place in places]
                across = [self._differences(f, x[SIDE * i : SIDE * i + SIDE]) for i in range(SIDE)]
                whole = list(zip(*(self._differences(f, column) for column in zip(*across, strict=True)), strict=True))
                for place, value in zip(targets, (value for row in whole for value in row), strict=True):
                    words.store(f, value, f.total(place, target, channels))
        return f.finished()

    def clear(self, f: Function, start: ir.Value, nbytes: ir.Value) -> None:
        """Zeros, whole vectors of them."""
        with f.each(nbytes, step=self.nbytes) as at:
            self.vectors.store(f, self.vectors.zero, f.add(start, at))

    @staticmethod
    def _differences(f: Function, x: Any) -> list[ir.Value]:
        """Bᵀ·x for four numbers."""
        return [f.fsub(x[0], x[2]), f.fadd(x[1], x[2]), f.fsub(x[2], x[1]), f.fsub(x[1], x[3])]

    def _products(self) -> ir.Function:
        """m[i] = v[i]·u[i] for so many tiles, each i."""
        tiles = self.of_all_sizes(self.tile)
        f = Function(self.module, "products", 4)
        fields, rows, v, m = f.given
        told = f.told(TiledImages, fields)
        with f.each(number(BASIS)) as i:
            a, u, c = (
                f.add(x, f.mul(i, step)) for x, step in ((v, told.v_next), (told.u, told.u_next), (m, told.m_next))
            )
            with f.each(told.panels) as p:
                columns = f.least(number(self.shape.columns), f.sub(told.m, f.mul(p, number(self.shape.columns))))
                width, last = self.vectors_in(f, columns)
                b, target = f.add(u, f.mul(p, told.u_panel)), f.add(c, f.mul(p, self.packed_row))
                for row, count, vectors in self.in_tiles(f, rows, width):
                    x, y = f.add(a, f.mul(row, told.pixel)), f.add(target, f.mul(row, told.position))
                    given = [told.channels, x, told.pixel, self.size, b, self.packed_row, y, told.position, last]
                    f.call(tiles[count, vectors], [*given, number(0)])
        return f.finished()

    def _out_of_basis(self) -> ir.Function:
        """The result: Aᵀ m A for the tiles of a block."""
        words, two = self.vectors, number(2)
        f = Function(self.module, "out_of_basis", 7)
        fields, image, images, first, lines, m, y = f.given
        told = f.told(TiledImages, fields)
        line_of_positions = f.mul(f.mul(told.across, two), told.position)
        whole_image = f.mul(f.mul(lines, two), line_of_positions)
        sources = [f.add(m, f.mul(number(i), told.m_next)) for i in range(BASIS)]
        for n, line, t, which in self.each_tile(f, told, images, lines):
            source, target = f.mul(which, told.position), f.mul(f.mul(line, two), line_of_positions)
            target = f.total(y, f.mul(n, whole_image), target, f.mul(f.mul(t, two), told.position))
            with f.each(told.position, step=self.nbytes) as channels:
                x = [words.load(f, f.total(place, source, channels)) for place in sources]
                across = [self._sums(f, x[4 * i : 4 * i + 4]) for i in range(4)]
                for j, column in enumerate(zip(*across, strict=True)):
                    for i, value in enumerate(self._sums(f, column)):
                        behind = f.add(f.mul(number(i), line_of_positions), f.mul(number(j), told.position))
                        words.store(f, value, f.total(target, behind, channels))
        there = f.least(f.mul(lines, two), f.sub(told.height, f.mul(first, two)))
        target = f.add(told.c, f.mul(f.mul(f.mul(first, two), told.width), self.size))
        with f.each(images) as n:
            start, goal = f.add(y, f.mul(n, whole_image)), f.add(target, f.mul(f.add(image, n), told.c_next))
            with f.each(there, step=told.in_run) as line:
                count = f.mul(f.least(told.in_run, f.sub(there, line)), told.width)
                at, to = f.add(start, f.mul(line, line_of_positions)), f.mul(f.mul(line, told.width), self.size)
                f.call(self.turned, [count, told.m, at, told.position, f.add(goal, to), told.c_row])
        return f.finished()

    @staticmethod
    def _sums(f: Function, m: Any) -> list[ir.Value]:
        """Aᵀ·m for four numbers."""
        return [f.fadd(f.fadd(m[0], m[1]), m[2]), f.fsub(f.fsub(m[1], m[2]), m[3])]
