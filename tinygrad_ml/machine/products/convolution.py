"""A convolution as a product whose windows are never laid out, in the language of LLVM.

A convolution is the product of the weights, a row for each channel of the result, and of all windows, a column for each
position. Written down, the windows would take as many times the memory of the image as the kernel has places. Here a panel
of a few columns is put together in the cache right before it is used, from runs of pixels: neighbouring positions in
a row of the result see neighbouring pixels, whatever the place in the kernel.

    for each panel of positions:
        for each block of k:                              # places in the kernel, channel by channel
            for each run of positions in a row of the result:
                for k in block:
                    packed[k, run] = image[table[k] + where the run begins]
            for each tile of rows:
                c = c or 0 + a·packed                     # as in `tiles.py`

Where lines are long, and the result has few channels, not even that: a tile reads its vectors in the image itself.

Read before: `tiles.py`. Read next: `weight_gradient.py`. Sources: K. Chellapilla, S. Puri, P. Simard, High Performance Convolutional Neural Networks for
Document Processing, 2006, for the product; S. Chetlur et al., cuDNN, 2014, for panels that are put together where they
are used.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from ..llvm.assembler import INT, Function, number
from .fields import DEEPEST, Shape, Windows
from .tiles import ProductCode, each_piece, place_of


def write_convolution(
    module: ir.Module, shape: Shape, itemsize: int, stride: int, near: bool, short: bool, widths: tuple[int, ...]
) -> None:
    """Write `convolution(fields, task, scratch)`, which does one task of a convolution. See `Windows`.

    stride  by how many pixels the windows of neighbouring positions lie apart: 1 or 2
    near    whether windows are read where they lie
    short   whether lines of the result are then shorter than a vector
    """
    code = _ConvolutionCode(module, shape, itemsize, stride)
    code.widths, code.short = widths, short
    code.near("convolution") if near else code.task("convolution")


class _ConvolutionCode(ProductCode):
    apart, short = True, False

    def __init__(self, module: ir.Module, shape: Shape, itemsize: int, stride: int):
        super().__init__(module, shape, itemsize)
        self.stride, self.step = stride, number(stride * itemsize)
        self.step_of_vector = number(stride * self.vectors.nbytes)

    def task(self, name: str) -> None:
        panel = self._panel_of_windows()
        with each_piece(self.module, name, Windows) as (f, told, i):
            team, place, row = place_of(f, told, i)
            image = f.mul(team, told.abreast)
            column = f.mul(place, number(self.shape.columns))
            images = f.least(told.abreast, f.sub(told.images, image))
            columns = f.mul(images, f.least(number(self.shape.columns), f.sub(told.n, column)))
            rows, a, x, c = self._where(f, told, image, row)
            c = f.add(c, f.mul(column, self.size))
            f.call(panel, [f.given[0], rows, columns, images, column, a, x, c, f.given[2]])

    def near(self, name: str) -> None:
        """Write the function of that name, which does one task, where windows are read where they lie."""
        panels = self._panels_near()
        with each_piece(self.module, name, Windows) as (f, told, i):
            image, place, row = place_of(f, told, i)
            first, there_are = f.mul(place, told.near), f.mul(f.sdiv(told.n, told.width), told.parts)
            rows, a, x, c = self._where(f, told, image, row)
            f.call(panels, [f.given[0], rows, first, f.least(told.near, f.sub(there_are, first)), a, x, c])

    @staticmethod
    def _where(f: Function, told: Any, image: ir.Value, row: ir.Value) -> tuple[ir.Value, ...]:
        """How many rows a piece has from this one on, and where it finds a, x and c."""
        a = f.total(told.a, f.mul(f.srem(image, told.groups), told.a_next), f.mul(row, told.a_row))
        c = f.total(told.c, f.mul(image, told.c_next), f.mul(row, told.c_row))
        return f.least(told.height, f.sub(told.m, row)), a, f.add(told.x, f.mul(image, told.x_next)), c

    def _panel_of_windows(self) -> ir.Function:
        """Rows of one panel of c: some positions of one image, or all of a few."""
        run = self._run()
        tiles = self.of_all_sizes(self.tile)
        f = Function(self.module, "panel", 9)
        fields, rows, columns, images, first, a, x, c, scratch = f.given
        told = f.told(Windows, fields)
        width, last = self.vectors_in(f, columns)
        pitch = number(self.pitch)
        each = f.sdiv(columns, images)
        stop = f.add(first, each)
        top, bottom = f.sdiv(first, told.width), f.sdiv(f.total(stop, told.width, number(-1)), told.width)
        with f.each(told.k, step=number(DEEPEST)) as start:
            depth = f.least(f.sub(told.k, start), number(DEEPEST))
            table = f.add(told.table, f.mul(start, number(8)))
            with f.each(images) as i:
                pixels = f.add(x, f.mul(i, told.x_next))
                target = f.sub(scratch, f.mul(f.sub(first, f.mul(i, each)), self.size))
                with f.each(bottom, start=top) as y:
                    begin = f.most(f.mul(y, told.width), first)
                    end = f.least(f.mul(f.add(y, number(1)), told.width), stop)
                    column = f.sub(begin, f.mul(y, told.width))
                    source = f.total(pixels, f.mul(y, told.x_row), f.mul(column, self.step))
                    f.call(run, [depth, f.sub(end, begin), source, table, f.add(target, f.mul(begin, self.size))])
            left, again = f.add(a, f.mul(start, told.a_column)), f.zext(f.icmp_signed(">", start, number(0)), INT)
            for i, count, vectors in self.in_tiles(f, rows, width):
                p, q = f.add(left, f.mul(i, told.a_row)), f.add(c, f.mul(i, told.c_row))
                given = [depth, p, told.a_row, told.a_column, scratch, pitch, q, told.c_row, last, again]
                f.call(tiles[count, vectors], [*given, told.c_vector])
        return f.finished()

    def _panels_near(self) -> ir.Function:
        """Rows of c whose windows are read in the image: so many vectors from number `first` on, of all that lines have.

        The last vector of a line begins so that it ends with the line: what it has in common with the one before is computed
        twice, so all of them are whole. Only lines that are shorter than a vector need masks.
        """
        tiles = self.of_all_sizes(self._tile_near)
        f = Function(self.module, "panels_near", 7)
        fields, rows, first, count, a, x, c = f.given
        told = f.told(Windows, fields)
        lanes, nothing = number(self.shape.lanes), number(0)
        line_of_c, latest = f.mul(told.width, self.size), f.most(f.sub(told.width, lanes), nothing)
        with f.each(count, step=number(self.shape.vectors)) as done:
            vector = f.add(first, done)
            line, part = f.sdiv(vector, told.parts), f.srem(vector, told.parts)
            start, target = f.add(x, f.mul(line, told.x_row)), f.mul(line, line_of_c)
            starts, targets = [], []
            for _ in range(self.shape.vectors):
                column = f.least(f.mul(part, lanes), latest)
                starts.append(f.add(start, f.mul(column, self.step)))
                targets.append(f.add(target, f.mul(column, self.size)))
                following = f.add(part, number(1))
                is_last = f.icmp_signed("==", following, told.parts)
                part = f.select(is_last, nothing, following)
                start = f.add(start, f.select(is_last, told.x_row, nothing))
                target = f.add(target, f.select(is_last, line_of_c, nothing))
            for i, height, vectors in self.in_tiles(f, rows, f.least(number(self.shape.vectors), f.sub(count, done))):
                p, q = f.add(a, f.mul(i, told.a_row)), f.add(c, f.mul(i, told.c_row))
                given = [told.k, p, told.a_row, told.a_column, told.table, q, told.c_row, told.width]
                f.call(tiles[height, vectors], [*given, *starts[:vectors], *targets[:vectors]])
        return f.finished()

    def _tile_near(self, rows: int, width: int) -> ir.Function:
        """c = a · windows for a tile of `rows` by `width` vectors, given where each begins in the image and behind c."""
        words = self.vectors
        f = Function(self.module, f"near_{rows}_{width}", 8 + 2 * width)
        k, a, a_row, a_column, table, c, c_row, length, *each = f.given
        starts, targets = each[:width], each[width:]
        count, mask = (length, words.first(f, length)) if self.short else (number(self.shape.lanes), None)

        def turn(left: ir.Value, x: ir.Value, place: ir.Value, *totals: ir.Value) -> list[ir.Value]:
            behind = f.load(f.at(place))
            seen = [words.load_every(f, self.stride, f.add(start, behind), count, mask) for start in starts]
            column_of_a = (f.add(x, f.mul(number(row), a_row)) for row in range(rows))
            sums = self.with_products(f, totals, column_of_a, seen)
            return [f.sub(left, number(1)), f.add(x, a_column), f.add(place, number(8)), *sums]

        _, _, _, *sums = f.carry([k, a, table, *[words.zero] * (rows * width)], turn)
        for i, value in enumerate(sums):
            row, v = divmod(i, width)
            words.store(f, value, f.total(c, f.mul(number(row), c_row), targets[v]), mask)
        return f.finished()

    @property
    def pitch(self) -> int:
        """Bytes from a row of a packed panel to the next: a vector more than it has, for what is stored behind a run."""
        return (self.shape.vectors + 1) * self.vectors.nbytes

    def _run(self) -> ir.Function:
        """For each k of a block a run of pixels, copied. What is stored behind the run, the next run overwrites."""
        words, lanes = self.vectors, number(self.shape.lanes)
        f = Function(self.module, "run", 5)
        depth, length, source, table, target = f.given
        width, rest = self.vectors_in(f, length)
        mask = words.first(f, rest)
        for vectors in f.choose(width, range(1, self.shape.vectors + 1)):
            with f.each(depth) as k:
                start = f.add(source, f.load(f.at(f.add(table, f.mul(k, number(8))))))
                place = f.add(target, f.mul(k, number(self.pitch)))
                for v in range(vectors):
                    count, which = (rest, mask) if v == vectors - 1 else (lanes, None)
                    seen = f.add(start, f.mul(number(v), self.step_of_vector))
                    loaded = words.load_every(f, self.stride, seen, count, which)
                    words.store(f, loaded, f.add(place, number(v * words.nbytes)))
        return f.finished()
