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

Every sum has one order, whoever computes it: results do not depend on the number of threads. That a block begins with 0 keeps the
digits of a sum over hundreds of thousands of positions.

Read before: `convolution.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir

from ..llvm.assembler import INT, Function, number
from .convolution import pieces
from .fields import Shape, WeightSum
from .tiles import ProductCode


def write_gradient(module: ir.Module, shape: Shape, itemsize: int) -> None:
    """Write `gradient(fields, task, scratch)`, which does one task of a gradient of weights. See `WeightSum`."""
    _GradientCode(module, shape, itemsize).task("gradient")


class _Tile(NamedTuple):
    """What a tile of a gradient is told, besides where its rows begin (`table`).

    images, lines, width  how many images, lines of each, and positions in a line the sum runs over
    """

    images: Any
    lines: Any
    width: Any
    x: Any
    x_next: Any
    x_row: Any
    x_column: Any
    table: Any
    b: Any
    c: Any
    c_row: Any
    last: Any
    again: Any


class _GradientCode(ProductCode):
    def task(self, name: str) -> None:
        pack, back = self.pack(), self._transpose()
        tiles = self.of_all_sizes(self._sum)
        f = Function(self.module, name, 3, exported=True)
        fields, task, scratch = f.given
        told: Any = WeightSum._make(f.field(fields, place) for place in range(len(WeightSum._fields)))
        lanes = number(self.shape.lanes)

        def piece(i: ir.Value) -> None:
            each = f.mul(told.panels, told.heights)
            group, rest = f.sdiv(i, each), f.srem(i, each)
            column = f.mul(f.sdiv(rest, told.heights), number(self.shape.columns))
            row = f.mul(f.srem(rest, told.heights), told.height)
            rows = f.least(told.height, f.sub(told.k, row))
            columns = f.least(number(self.shape.columns), f.sub(told.m, column))
            width = f.sdiv(f.total(columns, lanes, number(-1)), lanes)
            last = f.sub(columns, f.mul(f.sub(width, number(1)), lanes))
            table = f.add(told.table, f.mul(row, number(8)))
            x = f.add(told.x, f.mul(group, told.x_group))
            g = f.total(told.g, f.mul(group, told.g_group), f.mul(column, told.g_row))
            total = f.total(told.c, f.mul(group, told.c_next), f.mul(row, told.c_row), f.mul(column, self.size))

            def block(image: ir.Value, line: ir.Value) -> None:
                images = f.least(told.abreast, f.sub(told.images, image))
                lines = f.least(told.tall, f.sub(told.lines, line))
                length = f.mul(lines, told.width)
                source = f.total(g, f.mul(image, told.g_next), f.mul(f.mul(line, told.width), self.size))

                def one_image(n: ir.Value) -> None:
                    target = f.add(scratch, f.mul(f.mul(n, length), self.packed_row))
                    f.call(pack, [length, columns, f.add(source, f.mul(n, told.g_next)), told.g_row, target])

                f.repeat(number(0), images, number(1), one_image)
                begin = f.total(x, f.mul(image, told.x_next), f.mul(line, told.x_row))
                again = f.zext(f.icmp_signed(">", f.add(image, line), number(0)), INT)

                def tile(i: ir.Value, count: int, vectors: int) -> None:
                    places, target = f.add(table, f.mul(i, number(8))), f.add(total, f.mul(i, told.c_row))
                    steps = told.x_next, told.x_row, told.x_column
                    rest = places, scratch, target, told.c_row, last, again
                    f.call(tiles[count, vectors], list(_Tile(images, lines, told.width, begin, *steps, *rest)))

                self.in_tiles(f, rows, width, tile)

            f.repeat(
                number(0),
                told.images,
                told.abreast,
                lambda image: f.repeat(number(0), told.lines, told.tall, lambda line: block(image, line)),
            )
            out = f.total(told.out, f.mul(group, told.out_next), f.mul(column, told.out_row), f.mul(row, self.size))
            f.call(back, [rows, columns, total, told.c_row, out, told.out_row])

        pieces(f, told, task, piece)
        f.ret_void()

    def _sum(self, rows: int, width: int) -> ir.Function:
        """c = the sum over a block, or c += it if `again`, for a tile of `rows` by `width` vectors."""
        words = self.vectors
        f = Function(self.module, f"sum_{rows}_{width}", len(_Tile._fields))
        told: Any = _Tile._make(f.given)
        masks = [None] * (width - 1) + [words.first(f, told.last)]
        starts = [f.add(told.x, f.field(told.table, row)) for row in range(rows)]
        entry = f.block
        image, line, position, end_of_line, end_of_image, end = (f.append_basic_block() for _ in range(6))
        f.branch(image)

        def varying(*given: tuple[Any, Any]) -> Any:
            phi = f.phi(given[0][0].type)
            for value, block in given:
                phi.add_incoming(value, block)
            return phi

        f.position_at_end(image)
        images, x, b = (varying((start, entry)) for start in (told.images, number(0), told.b))
        totals = [varying((words.zero, entry)) for _ in range(rows * width)]
        f.branch(line)
        f.position_at_end(line)
        lines, x_line, b_line = (varying((start, image)) for start in (told.lines, x, b))
        totals_line = [varying((total, image)) for total in totals]
        f.branch(position)
        f.position_at_end(position)
        left, at, y = (varying((start, line)) for start in (told.width, x_line, b_line))
        sums = [varying((total, line)) for total in totals_line]
        row_of_b = [words.load(f, f.add(y, number(v * words.nbytes))) for v in range(width)]
        after = []
        for row in range(rows):
            factor = words.everywhere(f, f.add(starts[row], at))
            for v in range(width):
                after.append(words.multiply_and_add(f, factor, row_of_b[v], sums[row * width + v]))
        moved = [f.sub(left, number(1)), f.add(at, told.x_column), f.add(y, self.packed_row), *after]
        for phi, value in zip([left, at, y, *sums], moved, strict=True):
            phi.add_incoming(value, position)
        f.cbranch(f.icmp_signed(">", moved[0], number(0)), position, end_of_line)
        f.position_at_end(end_of_line)
        for phi, value in zip(
            [lines, x_line, b_line, *totals_line],
            [f.sub(lines, number(1)), f.add(x_line, told.x_row), moved[2], *after],
            strict=True,
        ):
            phi.add_incoming(value, end_of_line)
        f.cbranch(f.icmp_signed(">", lines, number(1)), line, end_of_image)
        f.position_at_end(end_of_image)
        for phi, value in zip(
            [images, x, b, *totals],
            [f.sub(images, number(1)), f.add(x, told.x_next), moved[2], *after],
            strict=True,
        ):
            phi.add_incoming(value, end_of_image)
        f.cbranch(f.icmp_signed(">", images, number(1)), image, end)
        f.position_at_end(end)
        places = [
            (f.total(told.c, f.mul(number(row), told.c_row), number(v * words.nbytes)), masks[v])
            for row in range(rows)
            for v in range(width)
        ]
        add, put, done = (f.append_basic_block() for _ in range(3))
        f.cbranch(f.icmp_signed("!=", told.again, number(0)), add, put)
        f.position_at_end(add)
        for (address, mask), value in zip(places, after, strict=True):
            words.store(f, f.fadd(words.load(f, address, mask), value), address, mask)
        f.branch(done)
        f.position_at_end(put)
        for (address, mask), value in zip(places, after, strict=True):
            words.store(f, value, address, mask)
        f.branch(done)
        f.position_at_end(done)
        f.ret_void()
        return f.function_itself

    def _transpose(self) -> ir.Function:
        """Rows and columns of a matrix copied to the columns and rows of another one."""
        words, lanes = self.vectors, self.shape.lanes
        f = Function(self.module, "transpose", 6)
        rows, columns, source, source_row, target, target_row = f.given

        def square(row: ir.Value, column: ir.Value) -> None:
            mask = words.first(f, f.sub(columns, column))
            bottom, start = f.sub(rows, number(1)), f.add(source, f.mul(column, self.size))
            lines = [f.least(f.add(row, number(lane)), bottom) for lane in range(lanes)]
            loaded = [words.load(f, f.add(start, f.mul(line, source_row)), mask) for line in lines]
            there = words.first(f, f.sub(rows, row))
            for lane, vector in enumerate(words.transposed(f, loaded)):
                place = f.add(column, number(lane))
                with f.if_then(f.icmp_signed("<", place, columns)):
                    words.store(f, vector, f.total(target, f.mul(place, target_row), f.mul(row, self.size)), there)

        f.repeat(
            number(0),
            rows,
            number(lanes),
            lambda row: f.repeat(number(0), columns, number(lanes), lambda column: square(row, column)),
        )
        f.ret_void()
        return f.function_itself
