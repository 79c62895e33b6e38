"""Attention and its gradient block by block, in the language of LLVM: the weights of all pairs are never there at one time.

A block is so many queries and keys that their scores stay in the cache. A task goes over the keys of some queries, and keeps
for each query the largest score so far and the sum of what was made of the scores:

    for each block of queries:
        for each block of keys:                            # that some of them may look at
            scores = k·qᵀ                                  # a query in each lane
            weights = exp(scores·scale - largest)          # by a loop, see `attending.py`
            y = y·(what a larger largest score makes of it) + weightsᵀ·v
        y = y / sum;  logarithm = largest + log(sum)

The gradient computes the weights once more, exp(scores·scale - logarithm). A task goes over the queries of some keys, of every
so many blocks of a matrix:

    for each block of keys:
        for each block of queries:                         # that may look at some of them
            scores, slopes = q·kᵀ, g·vᵀ                    # a key in each lane
            weights = exp(scores·scale - logarithm);  slopes = weights·(slopes - product)·scale
            dv += weightsᵀ·g;  dk += slopesᵀ·q;  dq += slopes·k

Each task has a dq of its own, and in how many tasks a matrix falls follows from shapes alone.

T. Dao et al., FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness, 2022; M. Milakov, N. Gimelshein,
Online normalizer calculation for softmax, 2018. Read before: `tiles.py`. Read next: `attending.py`.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from llvmlite import ir

from ..llvm.assembler import INT, Function, number
from .fields import Shape
from .tiles import ProductCode

SIDE = 64
"""Queries or keys whose scores stand beside each other in a row: as many as a tile has columns, or some tiles beside each other."""


Attention = namedtuple(
    "Attention",
    """
    queries keys width values causal scale block parts
    q q_row q_next
    k k_row k_next
    v v_row v_next
    y y_row y_next
    logarithm logarithm_next product
    dq dq_part dk dv
    weigh hide finish
    scores slopes sums
    """,
)
Attention.__doc__ = """What attention is told, or its gradient: sizes; addresses, and by how many bytes rows and matrices follow each other.

width, values  features of queries and keys, and of values
causal         whether each query looks at the keys up to its own place only
scale          the bits of what scores are multiplied by
block, parts   keys of a block, or queries of one of the gradient; tasks of a matrix: each has every `parts`th block of queries,
               or of keys
y              of the gradient: that of y
logarithm      of the sum of exponentials, a line of numbers for each matrix; `product`, of its y and the gradient of it, lies so too
dq             of each part of each matrix, by `dq_part` bytes apart; dk and dv are in order
weigh, hide, finish      the addresses of loops: see `attending.py`
scores, slopes, sums     where these lie in scratch memory, behind what was packed
"""


def write_attention(module: ir.Module, shape: Shape, itemsize: int, widths: tuple[int, ...]) -> None:
    """Write `attention(fields, task, scratch)` and `attention_gradient(fields, task, scratch)`, each of which does one task."""
    code = _AttentionCode(module, shape, itemsize, widths)
    code.forward("attention")
    code.backward("attention_gradient")


class _AttentionCode(ProductCode):
    late = whole = True

    def __init__(self, module: ir.Module, shape: Shape, itemsize: int, widths: tuple[int, ...]):
        super().__init__(module, shape, itemsize)
        self.widths, self.masked = widths, False
        self.side, self.row = number(SIDE), number(SIDE * itemsize)
        self.packed, self.multiply, self.scaled = self._packed(), self._multiply(), self._scaled()

    def forward(self, name: str) -> None:
        """Write the function of that name: attention of some blocks of the queries of a matrix."""
        f, told, matrix, part, scratch = self._begun(name)
        q, k, v, y = (self._matrix(f, told, matrix, which) for which in ("q", "k", "v", "y"))
        logarithms = f.add(told.logarithm, f.mul(matrix, told.logarithm_next))
        scores, sums = f.add(scratch, told.scores), f.add(scratch, told.sums)
        factors = f.add(sums, self.row)
        step = f.mul(told.parts, self.side)
        with f.each(told.queries, start=f.mul(part, self.side), step=step) as first:
            queries = f.least(self.side, f.sub(told.queries, first))
            target = f.add(y, f.mul(first, told.y_row))
            f.call(self.packed, [told.width, queries, f.add(q, f.mul(first, told.q_row)), told.q_row, scratch])

            def some_keys(key: ir.Value, keys: ir.Value, diagonal: bool) -> None:
                rows, values = f.add(k, f.mul(key, told.k_row)), f.add(v, f.mul(key, told.v_row))
                again = f.zext(f.icmp_signed(">", key, number(0)), INT)
                self._scores(f, keys, told.width, rows, told.k_row, scratch, scores)
                if diagonal:
                    f.call_at(told.hide, [keys, scores, number(1)])
                f.call_at(told.weigh, [keys, again, told.scale, scores, sums])
                with f.if_then(f.icmp_signed("!=", again, number(0))):
                    f.call(self.scaled, [queries, told.values, target, told.y_row, factors])
                given = [scores, self.size, self.row, values, told.v_row, target, told.y_row, again]
                f.call(self.multiply, [queries, told.values, keys, self.packed_row, *given])

            seen = f.select(f.icmp_signed("!=", told.causal, number(0)), f.least(first, told.keys), told.keys)
            with f.each(seen, step=told.block) as key:
                some_keys(key, f.least(told.block, f.sub(seen, key)), False)
            with f.if_then(f.icmp_signed("<", seen, told.keys)):
                some_keys(first, f.least(self.side, f.sub(told.keys, first)), True)
            line = f.add(logarithms, f.mul(first, self.size))
            f.call_at(told.finish, [self.side, sums, line])
            f.call(self.scaled, [queries, told.values, target, told.y_row, factors])
        f.ret_void()

    def backward(self, name: str) -> None:
        """Write the function of that name: the gradients of some blocks of the keys of a matrix, and their share of dq."""
        f, told, matrix, part, scratch = self._begun(name)
        q, k, v, g = (self._matrix(f, told, matrix, which) for which in ("q", "k", "v", "y"))
        wide, deep = f.mul(told.width, self.size), f.mul(told.values, self.size)
        dq = f.add(told.dq, f.mul(f.add(f.mul(matrix, told.parts), part), told.dq_part))
        dk = f.add(told.dk, f.mul(f.mul(matrix, told.keys), wide))
        dv = f.add(told.dv, f.mul(f.mul(matrix, told.keys), deep))
        logarithms, products = (
            f.add(start, f.mul(matrix, told.logarithm_next)) for start in (told.logarithm, told.product)
        )
        scores, slopes = f.add(scratch, told.scores), f.add(scratch, told.slopes)
        packed_values = f.add(scratch, f.mul(self.side, wide))
        step = f.mul(told.parts, self.side)
        with f.each(told.keys, start=f.mul(part, self.side), step=step) as key:
            keys = f.least(self.side, f.sub(told.keys, key))
            rows = f.add(k, f.mul(key, told.k_row))
            f.call(self.packed, [told.width, keys, rows, told.k_row, scratch])
            f.call(self.packed, [told.values, keys, f.add(v, f.mul(key, told.v_row)), told.v_row, packed_values])
            dk_of_keys, dv_of_keys = f.add(dk, f.mul(key, wide)), f.add(dv, f.mul(key, deep))

            def some_queries(first: ir.Value, queries: ir.Value, diagonal: bool) -> None:
                x, slope = f.add(q, f.mul(first, told.q_row)), f.add(g, f.mul(first, told.y_row))
                behind = f.mul(first, self.size)
                self._scores(f, queries, told.width, x, told.q_row, scratch, scores)
                self._scores(f, queries, told.values, slope, told.y_row, packed_values, slopes)
                if diagonal:
                    f.call_at(told.hide, [queries, scores, number(-1)])
                lines = f.add(logarithms, behind), f.add(products, behind)
                f.call_at(told.weigh, [queries, told.scale, scores, slopes, *lines])
                of_keys = [self.size, self.row]
                given = [slope, told.y_row, dv_of_keys, deep, number(1)]
                f.call(self.multiply, [keys, told.values, queries, self.packed_row, scores, *of_keys, *given])
                given = [x, told.q_row, dk_of_keys, wide, number(1)]
                f.call(self.multiply, [keys, told.width, queries, self.packed_row, slopes, *of_keys, *given])
                given = [slopes, self.row, self.size, rows, told.k_row, f.add(dq, f.mul(first, wide)), wide, number(1)]
                f.call(self.multiply, [queries, told.width, keys, self.packed_row, *given])

            causal = f.icmp_signed("!=", told.causal, number(0))
            with f.if_then(f.and_(causal, f.icmp_signed("<", key, told.queries))):
                some_queries(key, f.least(self.side, f.sub(told.queries, key)), True)
            start = f.select(causal, f.add(key, self.side), number(0))
            with f.each(told.queries, start=start, step=told.block) as first:
                some_queries(first, f.least(told.block, f.sub(told.queries, first)), False)
        f.ret_void()

    def _begun(self, name: str) -> tuple[Function, Any, ir.Value, ir.Value, ir.Value]:
        """A function that does a task; what it is told, which matrix, which part of it, scratch memory."""
        f = Function(self.module, name, 3, exported=True)
        fields, task, scratch = f.given
        told = f.told(Attention, fields)
        return f, told, f.sdiv(task, told.parts), f.srem(task, told.parts), scratch

    @staticmethod
    def _matrix(f: Function, told: Any, matrix: ir.Value, which: str) -> ir.Value:
        """Where the matrix of that number begins, of one of the arrays."""
        return f.add(getattr(told, which), f.mul(matrix, getattr(told, f"{which}_next")))

    def _scores(
        self,
        f: Function,
        rows: ir.Value,
        depth: ir.Value,
        a: ir.Value,
        a_row: ir.Value,
        packed: ir.Value,
        target: ir.Value,
    ) -> None:
        """Products of so many rows with all that were packed, in rows of `SIDE`. What of these was not packed gets any numbers."""
        panel = f.mul(depth, self.packed_row)
        given = [a, a_row, self.size, packed, self.packed_row, target, self.row, number(0)]
        f.call(self.multiply, [rows, self.side, depth, panel, *given])

    def _packed(self) -> ir.Function:
        """Copy rows to the columns of panels that lie one behind the other."""
        pack, f = self.pack(), Function(self.module, "packed", 5)
        depth, count, source, row, target = f.given
        columns = number(self.shape.columns)
        with f.each(count, step=columns) as first:
            goal = f.add(target, f.mul(f.mul(first, self.size), depth))
            some = f.least(columns, f.sub(count, first))
            f.call(pack, [depth, some, f.add(source, f.mul(first, row)), row, goal])
        return f.finished()

    def _multiply(self) -> ir.Function:
        """c = a·b, or c += a·b if `again`, for whole vectors of columns, and panels of b that follow each other by `panel`."""
        tiles = self.of_all_sizes(self.tile)
        f = Function(self.module, "multiply", 12)
        rows, columns, depth, panel, a, a_row, a_column, b, b_row, c, c_row, again = f.given
        lanes, wide = number(self.shape.lanes), number(self.shape.columns)
        with f.each(columns, step=wide) as first:
            width = f.sdiv(f.least(wide, f.sub(columns, first)), lanes)
            source = f.add(b, f.mul(f.sdiv(first, wide), panel))
            target = f.add(c, f.mul(first, self.size))
            for i, count, vectors in self.in_tiles(f, rows, width):
                x, y = f.add(a, f.mul(i, a_row)), f.add(target, f.mul(i, c_row))
                f.call(tiles[count, vectors], [depth, x, a_row, a_column, source, b_row, y, c_row, number(0), again])
        return f.finished()

    def _scaled(self) -> ir.Function:
        """Each row of c times its factor."""
        words = self.vectors
        f = Function(self.module, "scaled", 5)
        rows, columns, c, c_row, factors = f.given
        with f.each(rows) as i:
            factor = words.everywhere(f, f.add(factors, f.mul(i, self.size)))
            start = f.add(c, f.mul(i, c_row))
            with f.each(f.mul(columns, self.size), step=number(words.nbytes)) as behind:
                place = f.add(start, behind)
                words.store(f, f.fmul(words.load(f, place), factor), place)
        return f.finished()
