"""The matrix product c = a·b in the language of LLVM.

c is computed tile by tile: a few rows by a few vectors of columns, all in registers. For each k, the row k of b
that belongs to the tile is loaded, and each number of the column k of a is multiplied with it:

    for each panel of columns:                            # as wide as a tile
        for each block of k:
            where that is faster, or columns of b do not lie side by side, or whole vectors cannot be read there:
                copy the panel, transposed or not         # to scratch memory, which stays in the cache
            for each tile of rows:
                total = c or 0
                for k in block:
                    for row in tile:
                        total[row] += a[row, k] * b[k, panel]
                c = total

Where a panel has whole vectors, side by side, the first tile of rows writes the copy: it has read them anyway, and
multiplies while the next ones come from memory. Numbers of a may lie anywhere. The rows of b, or else its columns, lie
in one piece, as do the rows of c. A product of many matrices is a product for each. Memory of c is asked for when a tile
begins, before it is needed, and that of the next panel of b while tiles multiply, a line for each k: so it comes to the
caches meanwhile, where processors would not guess which it is. Where a half of the last vector is empty, a half one is
multiplied: some processors do two of these at a time.

K. Goto, R. van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008; A. Heinecke et al., LIBXSMM, 2016, for
small matrices, which are not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from llvmlite import ir

from ..llvm.assembler import INT, Function, Vectors, number
from .fields import BLOCK, LINE_BYTES, MASKING, SUMS_AT_ONCE, Fields, Shape


@contextmanager
def each_piece(module: ir.Module, name: str, fields: type) -> Iterator[tuple[Function, Any, Any]]:
    """`name(fields, task, scratch)`, which does one task: what is written inside, for each piece i of work that is of it.

    What is given is (the function, what it is told, i).
    """
    f = Function(module, name, 3, exported=True)
    address, this, _ = f.given
    told = f.told(fields, address)
    start = f.mul(this, told.together)
    with f.each(f.least(told.pieces, f.add(start, told.together)), start=start) as i:
        yield f, told, i
    f.ret_void()


def place_of(f: Function, told: Any, i: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
    """(matrix, panel of it, first row) of a piece of work."""
    each = f.mul(told.panels, told.heights)
    rest = f.srem(i, each)
    return f.sdiv(i, each), f.sdiv(rest, told.heights), f.mul(f.srem(rest, told.heights), told.height)


class TilePlace(NamedTuple):
    """Where a vector of a tile is: of which kind it is, its address, and the mask of the columns that are there, if not all are."""

    kind: Vectors
    address: Any
    mask: Any


class ProductCode:
    """The functions of a product. A convolution (`convolution.py`) has the same tiles, and another way to its panels.

    widths  how many vectors wide tiles are
    apart  whether vectors beside each other in a tile may lie apart in c, by a step that the tile is given
    ahead  whether tiles ask for memory that will be needed, from an address on that they are given, and by a step for each k
    late   whether what c was before is added at the end, which keeps the digits of very long sums, and not at the beginning
    whole  whether c has whole vectors, and what stands behind its last column is nobody's
    copied  whether there is code for panels that are copied
    narrow  how many vectors wide tiles are of which there are also those whose last vector is a half one
    masked  whether tiles read what b has of their last vector, and not all of that. If not, a panel that lacks some is copied
    half    vectors of half as many lanes, which take some processors half of the time
    """

    apart = late = whole = ahead = False
    copied = True
    narrow: Sequence[int] = ()

    def __init__(self, module: ir.Module, shape: Shape, itemsize: int):
        self.module, self.shape, self.itemsize, self.size = module, shape, itemsize, number(itemsize)
        self.widths: Sequence[int] = range(1, shape.vectors + 1)
        self.vectors = Vectors(module, shape.lanes, itemsize)
        self.masked = self.vectors.nbytes >= MASKING
        self.half = Vectors(module, shape.lanes // 2, itemsize)
        self.columns = number(shape.columns)
        self.packed_row = number(shape.vectors * self.vectors.nbytes)

    def task(self, name: str) -> None:
        """Write the function of that name, which does one task."""
        panel = self._panel()
        with each_piece(self.module, name, Fields) as (f, told, i):
            matrix, place, row = place_of(f, told, i)
            copied = f.zext(f.icmp_signed(">=", place, told.read), INT)
            column = f.mul(place, self.columns)
            a = f.total(told.a, f.mul(matrix, told.a_next), f.mul(row, told.a_row))
            b = f.total(told.b, f.mul(matrix, told.b_next), f.mul(column, told.b_column))
            c = f.total(told.c, f.mul(matrix, told.c_next), f.mul(row, told.c_row), f.mul(column, self.size))
            rows = f.least(told.height, f.sub(told.m, row))
            columns = f.least(number(self.shape.columns), f.sub(told.n, column))
            given = [rows, columns, told.k, a, told.a_row, told.a_column, b, told.b_row, told.b_column, c, told.c_row]
            f.call(panel, [*given, copied, f.given[2]])

    def _panel(self) -> ir.Function:
        """Rows of one panel of c."""
        tiles, narrower = self.of_all_sizes(self.tile), self._narrower()
        pack, of_rows = (self.pack(), self.of_rows()) if self.copied else (None, ())
        f = Function(self.module, "panel", 13)
        rows, columns, k, a, a_row, a_column, b, b_row, b_column, c, c_row, copied, scratch = f.given
        width, last = self.vectors_in(f, columns)
        few = f.icmp_signed("<=", last, number(self.half.lanes))
        copied, in_rows = f.icmp_signed("!=", copied, number(0)), f.icmp_signed("==", b_column, self.size)
        top, whole = number(self.shape.rows[0]), f.icmp_signed("==", columns, self.columns)
        by_a_tile = f.and_(f.and_(copied, in_rows), f.and_(whole, f.icmp_signed(">=", rows, top)))
        done = f.select(by_a_tile, top, number(0)) if of_rows else number(0)

        def copy_it(depth: ir.Value, source: ir.Value, left: ir.Value, again: ir.Value) -> None:
            if not of_rows:
                f.call(pack, [depth, columns, source, b_column, scratch])
                return
            copy, tile = of_rows
            with f.if_else(by_a_tile) as (on_the_way, beforehand):
                with on_the_way:
                    f.call(tile, [depth, left, a_row, a_column, source, b_row, c, c_row, last, again, scratch])
                with beforehand, f.if_else(in_rows) as (rows_of_b, columns_of_b):
                    with rows_of_b:
                        f.call(copy, [depth, width, last, source, b_row, scratch])
                    with columns_of_b:
                        f.call(pack, [depth, columns, source, b_column, scratch])

        with f.each(k, step=number(BLOCK)) as start:
            depth = f.least(f.sub(k, start), number(BLOCK))
            source = f.add(b, f.mul(start, b_row))
            left, again = f.add(a, f.mul(start, a_column)), f.zext(f.icmp_signed(">", start, number(0)), INT)
            if self.copied:
                with f.if_then(copied):
                    copy_it(depth, source, left, again)
            coming = self._coming(f, depth, start, source)
            source, step = f.select(copied, scratch, source), f.select(copied, self.packed_row, b_row)
            left, below = f.add(left, f.mul(done, a_row)), f.add(c, f.mul(done, c_row))
            for i, count, vectors in self.in_tiles(f, f.sub(rows, done), width):
                x, y = f.add(left, f.mul(i, a_row)), f.add(below, f.mul(i, c_row))
                one, given = tiles[count, vectors], [depth, x, a_row, a_column, source, step, y, c_row, last, again]
                given += coming(i, x) if self.ahead else ()
                f.call(f.select(few, narrower.get((count, vectors), one), one), given)
        return f.finished()

    def _coming(
        self, f: Function, depth: ir.Value, start: ir.Value, source: ir.Value
    ) -> Callable[[ir.Value, ir.Value], tuple[ir.Value, ir.Value]]:
        """What says for which memory a tile asks, by its first row and the address of its a: (where that begins, the step for each k).

        Together tiles ask for a block of the next panel: if rows of b lie in one piece, the first few for a line of each of them,
        and if its columns do, each for as much of them as all others. The last panel asks for what is there already.
        """
        rows, columns, _, _, _, _, b, b_row, b_column, *_ = f.given
        top, nbytes = number(self.shape.rows[0]), number(self.shape.columns * self.itemsize)
        in_rows, whole = f.icmp_signed("==", b_column, self.size), f.icmp_signed("==", columns, self.columns)
        block = f.mul(nbytes, depth)
        begin = f.select(
            in_rows, f.add(source, nbytes), f.total(b, f.mul(b_column, self.columns), f.mul(start, nbytes))
        )
        end = f.select(whole, f.select(in_rows, f.add(nbytes, number(LINE_BYTES)), block), number(0))
        share = f.select(in_rows, number(LINE_BYTES // self.shape.rows[0]), f.sdiv(block, rows))
        step = f.select(in_rows, b_row, f.least(number(LINE_BYTES), f.sdiv(f.mul(nbytes, top), rows)))

        def of_tile(row: ir.Value, a: ir.Value) -> tuple[ir.Value, ir.Value]:
            behind = f.mul(row, share)
            wanted = f.icmp_signed("<", behind, end)
            return f.select(wanted, f.add(begin, behind), a), f.select(wanted, step, number(0))

        return of_tile

    def _narrower(self) -> dict[tuple[int, int], ir.Function]:
        """(rows, vectors in a row) -> the tile whose last vector is a half one, of the sizes of which most work is made."""
        top = self.shape.rows[0]
        return {(top, vectors): self.tile(top, vectors, narrow=True) for vectors in self.narrow}

    def vectors_in(self, f: Function, columns: ir.Value) -> tuple[ir.Value, ir.Value]:
        """(how many vectors have so many columns, how many of them the last one has)"""
        lanes = number(self.shape.lanes)
        width = f.sdiv(f.total(columns, lanes, number(-1)), lanes)
        return width, f.sub(columns, f.mul(f.sub(width, number(1)), lanes))

    def of_all_sizes(self, write: Callable[[int, int], ir.Function]) -> dict[tuple[int, int], ir.Function]:
        """(rows, vectors in a row) -> `write(rows, vectors)`, for all sizes that tiles have."""
        return {
            (count, vectors): write(count, vectors) for vectors in self.widths for count in self.shape.rows_of(vectors)
        }

    def in_tiles(self, f: Function, rows: ir.Value, width: ir.Value) -> Iterator[tuple[Any, int, int]]:
        """(first row, rows, vectors) of tiles that are together so many rows, each `width` vectors wide.

        A tile with few sums waits for its last additions. So the end is not 6 and 2 rows, but 4 and 4, where that has more.
        """
        for vectors in f.choose(width, self.widths):
            row, (top, middle, few, _) = number(0), self.shape.rows_of(vectors)
            for count in self.shape.rows_of(vectors):
                left = f.sub(rows, row)
                end = f.add(row, f.mul(f.sdiv(left, number(count)), number(count)))
                if count == top and top + few == 2 * middle and few * vectors < SUMS_AT_ONCE:
                    few_more = f.icmp_signed("==", f.sub(rows, end), number(few))
                    enough = f.icmp_signed(">", left, number(top))
                    end = f.sub(end, f.select(f.and_(few_more, enough), number(top), number(0)))
                with f.each(end, start=row, step=number(count)) as i:
                    yield i, count, vectors
                row = end

    def tile(self, rows: int, width: int, copying: bool = False, narrow: bool = False) -> ir.Function:
        """c = a·b, or c += a·b if `again`, for a tile of `rows` by `width` vectors, the last of which has `last` columns.

        copying  whether it also writes what it reads of b to a packed panel, whose address is given last
        narrow   whether the last vector is a half one
        """
        words = self.vectors
        kinds = [*[words] * (width - 1), self.half if narrow else words]
        name = f"{'copying' if copying else 'narrow' if narrow else 'tile'}_{rows}_{width}"
        ahead = self.ahead and not copying
        f = Function(self.module, name, 12 if ahead else 11 if self.apart or copying else 10)
        k, a, a_row, a_column, b, b_row, c, c_row, last, again, *rest = f.given
        begun, coming_step = rest if ahead else (number(0), number(0))
        c_vector, packed = rest[0] if self.apart else number(words.nbytes), rest[0] if copying else number(0)
        masks = [None] * (width - 1) + [None if self.whole else kinds[-1].first(f, last)]
        places = self.places(f, c, rows, c_row, [f.mul(number(v), c_vector) for v in range(1, width)], masks, kinds)
        for kind, address, _ in places:
            kind.expect(f, address, write=True)
        begin = [words.zero] * len(places) if self.late else self._old(f, places, again)
        seen = masks if self.masked else [None] * width

        def turn(*carried: ir.Value) -> list[ir.Value]:
            _, x, y, target, coming, *totals = carried
            if ahead:
                words.expect(f, coming)
            row_of_b = [kinds[v].load(f, f.add(y, number(v * words.nbytes)), seen[v]) for v in range(width)]
            for v in range(width) if copying else ():
                words.store(f, row_of_b[v], f.add(target, number(v * words.nbytes)))
            column_of_a = (f.add(x, f.mul(number(row), a_row)) for row in range(rows))
            sums = self.with_products(f, totals, column_of_a, row_of_b)
            steps = number(-1), a_column, b_row, self.packed_row, coming_step
            return [*(f.add(place, step) for place, step in zip(carried, steps, strict=False)), *sums]

        _, _, _, _, _, *sums = f.carry([k, a, b, packed, begun, *begin], turn)
        if self.late:
            self.put(f, places, sums, again, last)
        else:
            self.write(f, places, sums, last)
        return f.finished()

    def with_products(
        self, f: Function, totals: Iterable[ir.Value], column: Iterable[ir.Value], row: Sequence[ir.Value]
    ) -> list[ir.Value]:
        """Totals of a tile, to which the products of numbers at the addresses in a column, and vectors in a row, are added."""
        before, factors = iter(totals), (self.vectors.everywhere(f, address) for address in column)
        return [self._with_product(f, factor, vector, next(before)) for factor in factors for vector in row]

    def _with_product(self, f: Function, factor: ir.Value, vector: Any, total: ir.Value) -> ir.Value:
        if vector.type == self.vectors.type:
            return self.vectors.multiply_and_add(f, factor, vector, total)
        return self.half.multiply_and_add(f, self.vectors.lower_half(f, factor), vector, total)

    def write(self, f: Function, places: list[TilePlace], vectors: list[Any], last: ir.Value) -> None:
        """Write vectors to addresses, each with a mask, if any, that has `last` lanes: of short vectors only if some are missing."""

        def every(masked: bool) -> None:
            for (words, address, mask), value in zip(places, vectors, strict=True):
                words.store(f, value, address, mask if masked else None)

        if self.masked or self.whole:
            every(True)
        else:
            with f.if_else(f.icmp_signed("==", last, number(self.shape.lanes))) as (all_there, some):
                with all_there:
                    every(False)
                with some:
                    every(True)

    def places(
        self,
        f: Function,
        c: ir.Value,
        rows: int,
        c_row: ir.Value,
        further: Sequence[ir.Value],
        masks: Sequence[Any],
        kinds: Sequence[Vectors] = (),
    ) -> list[TilePlace]:
        """Where the vectors of a tile are. In a row they are so many bytes `further` than the first, and of these `kinds`, if said."""
        starts = [f.add(c, f.mul(number(row), c_row)) if row else c for row in range(rows)]
        addresses = [address for start in starts for address in (start, *(f.add(start, behind) for behind in further))]
        row = [(kind, mask) for kind, mask in zip(kinds or [self.vectors] * len(masks), masks, strict=True)]
        return [TilePlace(kind, kind.at(f, x), mask) for x, (kind, mask) in zip(addresses, row * rows, strict=True)]

    def _old(self, f: Function, places: list[TilePlace], again: ir.Value) -> list[Any]:
        """The vectors at addresses, each with a mask, or zeros if not `again`."""
        entry = f.block
        load, head = f.append_basic_block(), f.append_basic_block()
        f.cbranch(f.icmp_signed("!=", again, number(0)), load, head)
        f.position_at_end(load)
        old = [words.load(f, address, mask) for words, address, mask in places]
        f.branch(head)
        f.position_at_end(head)
        begin = []
        for (words, *_), x in zip(places, old, strict=True):
            begin.append(f.phi(words.type))
            begin[-1].add_incoming(words.zero, entry)
            begin[-1].add_incoming(x, load)
        return begin

    def put(self, f: Function, places: list[TilePlace], sums: list[Any], again: ir.Value, last: ir.Value) -> None:
        """Write vectors to addresses as `write` does, or add them to what is there if `again`."""
        with f.if_else(f.icmp_signed("!=", again, number(0))) as (add, begin):
            with add:
                old = [words.load(f, address, mask) for words, address, mask in places]
                self.write(f, places, [f.fadd(x, y) for x, y in zip(old, sums, strict=True)], last)
            with begin:
                self.write(f, places, sums, last)

    def of_rows(self) -> tuple[ir.Function, ...]:
        """What copies panels of b whose rows lie in one piece, if there are any: by itself, and on the way."""
        return () if self.masked else (self.copy(), self.tile(self.shape.rows[0], self.shape.vectors, copying=True))

    def copy(self) -> ir.Function:
        """Copy a panel of b whose rows lie in one piece. Behind the last column: zeros, up to a whole vector."""
        words, f = self.vectors, Function(self.module, "copy", 6)
        k, width, last, b, b_row, packed = f.given
        mask = words.first(f, last)
        for vectors in f.choose(width, self.widths):
            with f.each(k) as i:
                source, target = f.add(b, f.mul(i, b_row)), f.add(packed, f.mul(i, self.packed_row))
                for v in range(vectors):
                    place, which = number(v * words.nbytes), mask if v == vectors - 1 else None
                    words.store(f, words.load(f, f.add(source, place), which), f.add(target, place))
        return f.finished()

    def pack(self) -> ir.Function:
        """Copy a panel of b whose columns lie in one piece, so that its rows do. Behind the last column: repetitions of it."""
        words, lanes = self.vectors, self.shape.lanes
        f = Function(self.module, "pack", 5)
        k, columns, b, b_column, packed = f.given
        whole = f.mul(f.sdiv(k, number(lanes)), number(lanes))
        with f.each(columns, step=number(lanes)) as column:
            last = f.total(columns, number(-1))
            lines = [f.least(f.add(column, number(lane)), last) for lane in range(lanes)]
            starts = [f.add(b, f.mul(line, b_column)) for line in lines]
            goal = f.add(packed, f.mul(column, self.size))

            # Where masks cost nothing, there is one loop for all: each takes long to compile.
            for start, stop in ((number(0), k),) if self.masked else ((number(0), whole), (whole, k)):
                with f.each(stop, start=start, step=number(lanes)) as i:
                    mask, behind = None if stop is whole else words.first(f, f.sub(k, i)), f.mul(i, self.size)
                    loaded = [words.load(f, f.add(line, behind), mask) for line in starts]
                    target = f.add(goal, f.mul(i, self.packed_row))
                    for lane, row in enumerate(words.transposed(f, loaded)):
                        words.store(f, row, f.add(target, f.mul(number(lane), self.packed_row)))
        return f.finished()

    def transposition(self) -> ir.Function:
        """Rows and columns of a matrix copied to the columns and rows of another one."""
        words, lanes = self.vectors, self.shape.lanes
        f = Function(self.module, "transpose", 6)
        rows, columns, source, source_row, target, target_row = f.given
        with f.each(rows, step=number(lanes)) as row, f.each(columns, step=number(lanes)) as column:
            mask = words.first(f, f.sub(columns, column))
            bottom, start = f.sub(rows, number(1)), f.add(source, f.mul(column, self.size))
            lines = [f.least(f.add(row, number(lane)), bottom) for lane in range(lanes)]
            loaded = [words.load(f, f.add(start, f.mul(line, source_row)), mask) for line in lines]
            there = words.first(f, f.sub(rows, row))
            goal, right = f.add(target, f.mul(row, self.size)), f.sub(columns, number(1))
            for lane, vector in reversed(list(enumerate(words.transposed(f, loaded)))):
                place = f.least(f.add(column, number(lane)), right)  # what is not there, the last one overwrites
                words.store(f, vector, f.add(goal, f.mul(place, target_row)), there)
        return f.finished()
