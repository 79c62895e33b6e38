"""The gradient of a convolution's weights, in the language of LLVM.

It is a product over all positions of all images, with a row for each place in the
kernel. Here the numbers of the windows are those that are spread over a vector one by one, so they may lie anywhere, and
nothing of them is copied; what is copied is the gradient of the result, transposed:

    for each block of positions:
        packed = g, transposed
        for each tile of k:
            total = 0
            for each run, for each position in it:
                for row in tile:
                    total[row] += image[table[row] + position] * packed[position, channels]
            c += total
    weights = c, transposed

Where there are few channels, those of g would not fill a vector. Then vectors are positions that lie side by side, in the
image as in g, and nothing is copied at all; what is in the lanes of a total is added up at the very end:

    for each block of images:
        for each tile of k and channels:
            for each vector of positions:
                total[row, channel] += image[table[row] + positions] * g[channel, positions]

That a block begins with 0 keeps the digits of a sum over hundreds of thousands of positions. Read before: `convolution.py`.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Iterator
from typing import Any

from llvmlite import ir

from ..llvm.assembler import INT, Function, number
from .fields import Shape, WeightSum
from .tiles import ProductCode, each_piece, place_of


def write_gradient(module: ir.Module, shape: Shape, itemsize: int, widths: tuple[int, ...]) -> None:
    """Write `gradient(fields, task, scratch)`, which does one task of a gradient of weights. See `WeightSum`."""
    code = _GradientCode(module, shape, itemsize)
    code.widths = widths
    code.task("gradient")


def write_gradient_of_few(
    module: ir.Module, shape: Shape, itemsize: int, stride: int, channels: int, divided: bool
) -> None:
    """Write `gradient(fields, task, scratch)` for so few channels; `stride` as in `convolution.py`.

    divided  whether lines of positions are whole vectors
    """
    code = _FewChannelsCode(module, shape, itemsize, stride, channels)
    code.divided = divided
    code.task("gradient")


_Tile = namedtuple("_Tile", "images lines width x x_next x_row x_column table b c c_row last again")
"""What a tile of a gradient is told: over how many images, lines of each, and positions in a line its sum runs; where operands lie."""


class _GradientCode(ProductCode):
    def task(self, name: str) -> None:
        pack, back = self.pack(), self.transposition()
        tiles = self.of_all_sizes(self._sum)
        with each_piece(self.module, name, WeightSum) as (f, told, i):
            group, place, row = place_of(f, told, i)
            scratch, column = f.given[2], f.mul(place, number(self.shape.columns))
            rows = f.least(told.height, f.sub(told.k, row))
            columns = f.least(number(self.shape.columns), f.sub(told.m, column))
            width, last = self.vectors_in(f, columns)
            table = f.add(told.table, f.mul(row, number(8)))
            x = f.add(told.x, f.mul(group, told.x_group))
            g = f.total(told.g, f.mul(group, told.g_group), f.mul(column, told.g_row))
            total = f.total(told.c, f.mul(group, told.c_next), f.mul(row, told.c_row), f.mul(column, self.size))
            with f.each(told.images, step=told.abreast) as image, f.each(told.lines, step=told.tall) as line:
                images = f.least(told.abreast, f.sub(told.images, image))
                lines = f.least(told.tall, f.sub(told.lines, line))
                length = f.mul(lines, told.width)
                source = f.total(g, f.mul(image, told.g_next), f.mul(f.mul(line, told.width), self.size))
                with f.each(images) as n:
                    target = f.add(scratch, f.mul(f.mul(n, length), self.packed_row))
                    f.call(pack, [length, columns, f.add(source, f.mul(n, told.g_next)), told.g_row, target])
                begin = f.total(x, f.mul(image, told.x_next), f.mul(line, told.x_row))
                again = f.zext(f.icmp_signed(">", f.add(image, line), number(0)), INT)
                for i, count, vectors in self.in_tiles(f, rows, width):
                    places, target = f.add(table, f.mul(i, number(8))), f.add(total, f.mul(i, told.c_row))
                    steps = told.x_next, told.x_row, told.x_column
                    rest = places, scratch, target, told.c_row, last, again
                    f.call(tiles[count, vectors], list(_Tile(images, lines, told.width, begin, *steps, *rest)))
            out = f.total(told.out, f.mul(group, told.out_next), f.mul(column, told.out_row), f.mul(row, self.size))
            f.call(back, [rows, columns, total, told.c_row, out, told.out_row])

    def _sum(self, rows: int, width: int) -> ir.Function:
        """c = the sum over a block, or c += it if `again`, for a tile of `rows` by `width` vectors."""
        words = self.vectors
        f = Function(self.module, f"sum_{rows}_{width}", len(_Tile._fields))
        told: Any = _Tile._make(f.given)
        masks = [None] * (width - 1) + [words.first(f, told.last)]
        starts = [f.add(told.x, f.field(told.table, row)) for row in range(rows)]

        def position(left: ir.Value, at: ir.Value, y: ir.Value, *totals: ir.Value) -> list[ir.Value]:
            row_of_b = [words.load(f, f.add(y, number(v * words.nbytes))) for v in range(width)]
            sums = self.with_products(f, totals, (f.add(start, at) for start in starts), row_of_b)
            return [f.sub(left, number(1)), f.add(at, told.x_column), f.add(y, self.packed_row), *sums]

        def line(left: ir.Value, x: ir.Value, b: ir.Value, *totals: ir.Value) -> list[ir.Value]:
            _, _, *after = f.carry([told.width, x, b, *totals], position)
            return [f.sub(left, number(1)), f.add(x, told.x_row), *after]

        def image(left: ir.Value, x: ir.Value, b: ir.Value, *totals: ir.Value) -> list[ir.Value]:
            _, _, *after = f.carry([told.lines, x, b, *totals], line)
            return [f.sub(left, number(1)), f.add(x, told.x_next), *after]

        _, _, _, *sums = f.carry([told.images, number(0), told.b, *[words.zero] * (rows * width)], image)
        further = [number(v * words.nbytes) for v in range(1, width)]
        places = self.places(f, told.c, rows, told.c_row, further, masks)
        self.put(f, places, sums, told.again, told.last)
        return f.finished()


TILES = {4: {4: (5, 2, 1), 2: (9, 3, 1), 1: (9, 3, 1)}, 2: {2: (4, 2, 1), 1: (9, 3, 1)}}
"""Vectors in a row of other tiles -> channels of a tile -> how many k it may have: totals and operands fit into the registers."""


class _FewChannelsCode(ProductCode):
    """The gradient where channels are few: a vector is positions side by side."""

    divided = False

    def __init__(self, module: ir.Module, shape: Shape, itemsize: int, stride: int, channels: int):
        super().__init__(module, shape, itemsize)
        self.stride, self.sizes, left = stride, {}, channels
        for m, heights in TILES[shape.vectors].items():
            if left >= m:
                self.sizes[m], left = heights, left % m

    def task(self, name: str) -> None:
        tiles = {(k, m): self._sum(k, m) for m, heights in self.sizes.items() for k in heights}
        nbytes = number(self.vectors.nbytes)
        with each_piece(self.module, name, WeightSum) as (f, told, i):
            first, row = f.mul(f.sdiv(i, told.heights), told.bunch), f.mul(f.srem(i, told.heights), told.height)
            groups = f.least(told.bunch, f.sub(told.groups, first))
            rows = f.least(told.height, f.sub(told.k, row))
            table = f.add(told.table, f.mul(row, number(8)))
            x, g = f.add(told.x, f.mul(first, told.x_group)), f.add(told.g, f.mul(first, told.g_group))
            totals = f.total(told.c, f.mul(first, told.c_next), f.mul(row, told.c_row))
            with f.each(told.images, step=told.abreast) as image:
                images = f.least(told.abreast, f.sub(told.images, image))
                again = f.zext(f.icmp_signed(">", image, number(0)), INT)
                pixels, slopes = f.add(x, f.mul(image, told.x_next)), f.add(g, f.mul(image, told.g_next))
                with f.each(groups) as group:
                    for channel, m in self._falling(f, told.m, tuple(self.sizes)):
                        for k, count in self._falling(f, rows, self.sizes[m]):
                            places, x_group = f.add(table, f.mul(k, number(8))), f.mul(group, told.x_group)
                            c = f.total(totals, f.mul(group, told.c_next), f.mul(k, told.c_row))
                            b = f.total(slopes, f.mul(group, told.g_group), f.mul(channel, told.g_row))
                            given = [images, told.lines, told.width, f.add(pixels, x_group), told.x_next, told.x_row]
                            given += [places, b, told.g_next, told.g_row, f.add(c, f.mul(channel, nbytes))]
                            f.call(tiles[count, m], [*given, told.c_row, again])
            out = f.total(told.out, f.mul(first, told.out_next), f.mul(row, self.size))
            with f.each(groups) as group, f.each(rows) as k, f.each(told.m) as channel:
                c = f.total(totals, f.mul(group, told.c_next), f.mul(k, told.c_row), f.mul(channel, nbytes))
                place = f.add(f.mul(channel, told.out_row), f.mul(k, self.size))
                target = f.inttoptr(f.total(out, f.mul(group, told.out_next), place), self.vectors.real.as_pointer())
                f.store(self.vectors.added_up(f, self.vectors.load(f, c)), target)

    @staticmethod
    def _falling(f: Function, count: ir.Value, sizes: Iterable[int]) -> Iterator[tuple[Any, int]]:
        """(first, size) of parts of `count`, the large ones first."""
        start = number(0)
        for size in sizes:
            end = f.add(start, f.mul(f.sdiv(f.sub(count, start), number(size)), number(size)))
            with f.each(end, start=start, step=number(size)) as i:
                yield i, size
            start = end

    def _sum(self, rows: int, channels: int) -> ir.Function:
        """c = the sums over a block, lane by lane, or c += them if `again`."""
        words, lanes = self.vectors, number(self.shape.lanes)
        f = Function(self.module, f"lanes_{rows}_{channels}", 13)
        images, lines, width, x, x_next, x_row, table, g, g_next, g_row, c, c_row, again = f.given
        behind = [f.field(table, row) for row in range(rows)]
        apart = [f.mul(number(channel), g_row) for channel in range(channels)]

        def part(left: ir.Value, x: ir.Value, g: ir.Value, *totals: ir.Value) -> list[ir.Value]:
            mask, seen = (None, lanes) if self.divided else (words.first(f, left), left)
            slopes = [words.load(f, f.add(g, step), mask) for step in apart]
            sums, before = [], iter(totals)
            for place in behind:
                pixels = words.load_every(f, self.stride, f.add(x, place), seen, mask)
                sums += [words.multiply_and_add(f, pixels, slope, next(before)) for slope in slopes]
            moved = f.add(x, number(self.stride * words.nbytes)), f.add(g, number(words.nbytes))
            return [f.most(f.sub(left, lanes), number(0)), *moved, *sums]

        def line(left: ir.Value, x: ir.Value, g: ir.Value, *totals: ir.Value) -> list[ir.Value]:
            _, _, _, *sums = f.carry([width, x, g, *totals], part)
            return [f.sub(left, number(1)), f.add(x, x_row), f.add(g, f.mul(width, self.size)), *sums]

        def image(left: ir.Value, x: ir.Value, g: ir.Value, *totals: ir.Value) -> list[ir.Value]:
            _, _, _, *sums = f.carry([lines, x, g, *totals], line)
            return [f.sub(left, number(1)), f.add(x, x_next), f.add(g, g_next), *sums]

        _, _, _, *sums = f.carry([images, x, g, *[words.zero] * (rows * channels)], image)
        further = [number(channel * words.nbytes) for channel in range(1, channels)]
        places = self.places(f, c, rows, c_row, further, [None] * channels)
        self.put(f, places, sums, again, lanes)
        return f.finished()
