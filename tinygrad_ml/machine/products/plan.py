"""Which matrix products run as machine code of our own, and what each of them is told.

Which way a product is computed follows from its shape and from how its operands lie, never from a trial: so
equal seeds give equal numbers. Tiny ones, and those with few columns, are left to NumPy, and so are large ones (`LARGEST`), for which its
library is as fast. This was measured beside OpenBLAS, on a processor with AVX-512. Where NumPy has another library,
or the processor has not even AVX2, all is left to NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from math import prod
from typing import Any

import numpy

from ...blas import blas
from .. import machine_code
from ..axes import merged
from ..sharing.job import TOLD, TURNS, job_row
from .fields import BLOCK, MASKING, Fields, Shape, shape_for, widths

LARGEST = 1024
"""Rows, columns and summands of a matrix, ..."""
NARROW, MOST_WORK = 256, 1 << 30
"""... unless one of these is no more than this, and all three together no more than that: the scores of many classes, say."""
FEWEST = 4
"""Rows of a product."""
WORTH_COPYING = 16
"""Rows of a product for which b may be copied. A panel in short vectors is copied from then on: of each row of b it has so little
that a cache, which has places by addresses, and its list of pages have room for few of them at a time."""
LONG = 256
"""Summands from which on b is not copied for fewer columns than a vector has: NumPy takes half of the time."""
ONE_THREAD = 1 << 18
"""Multiplications for which OpenBLAS itself takes no more than one thread, so the numbers do not depend on how many it has."""
SHARED_PRODUCT_MULTIPLICATIONS = 500_000
"""Multiplications of a product that threads share: they take a hundredth of a millisecond."""


def places_in_job(fields: Any, names: Iterable[str]) -> dict[int, int]:
    """Where a job that is told such fields has addresses -> the address of which operand, or of the result, belongs there."""
    return {TOLD + fields._fields.index(name): i for i, name in enumerate(names)}


FEWEST_WITH_HALVES = 3
"""Vectors of a tile from which on there is one whose last vector is a half one: of which most work is made."""
Jobs = list[tuple[numpy.ndarray, dict[int, int]]]
"""Jobs one after the other, and where in each the address of which operand, or of the result, belongs."""


def in_tasks(pieces: int, threads: int) -> tuple[dict[str, int], int]:
    """(what is told of so many pieces of work, tasks that threads share)"""
    together = -(-pieces // (TURNS * threads)) if threads > 1 else pieces
    return {"pieces": pieces, "together": together}, -(-pieces // together)


def divided(matrices: int, panels: int, rows: int, threads: int, tile: Shape) -> tuple[dict[str, int], int]:
    """(what is told of the work on the rows of so many panels of each matrix, tasks). Panels are cut if there are too few for all."""
    height, wanted = rows, 2 * threads
    if matrices * panels < wanted:
        height = -(-rows * matrices * panels // (wanted * tile.rows[0])) * tile.rows[0]
    heights = -(-rows // height)
    told, tasks = in_tasks(matrices * panels * heights, threads)
    return {"panels": panels, "height": height, "heights": heights} | told, tasks


@cache
def register() -> int:
    """Bytes in a vector of the processor; 0 where products are left to NumPy."""
    library = blas()
    if not machine_code.available() or library is None or library["internal_api"] != "openblas":
        return 0
    from ..llvm.compiler import features, register_bytes  # which are there if llvmlite is

    return register_bytes() if features() >= {"avx2", "fma"} else 0


class Product:
    """A product c = a·b that runs as machine code.

    a, b, c  arrays that lie as the operands and the result do; all axes but the last two count matrices
    shared   whether threads share it
    scratch  bytes of memory that it needs for copies
    how      it is done, in words, if there is more to say
    widths, narrow, copied  the tiles that there is code for, by how many vectors they are wide; those of which there is another one,
             whose last vector is a half one; and whether there is code for copies
    """

    _places = places_in_job(Fields, "abc")
    how = ""

    def __init__(self, a: numpy.ndarray, b: numpy.ndarray, c: numpy.ndarray):
        (*batch, self.m, self.n), self.k, self.dtype = c.shape, a.shape[-1], c.dtype
        self.matrices = prod(batch)
        self.shared = c.size * self.k >= SHARED_PRODUCT_MULTIPLICATIONS
        self.steps = [(*x.strides[-2:], _next(x, tuple(batch))) for x in (a, b, c)]
        self.tile = shape_for(register(), c.itemsize)
        self.panels = -(-self.n // self.tile.columns)
        self.read = self._panels_read(b.strides[-1])
        self.copied = self.read < self.panels
        self.scratch = BLOCK * self.tile.columns * c.itemsize if self.copied else 0
        last = -(-self.n // self.tile.lanes)
        self.widths = widths(last, self.tile)
        half = register() >= MASKING and 2 * (self.n - (last - 1) * self.tile.lanes) <= self.tile.lanes
        wide = (last - 1) % self.tile.vectors + 1
        self.narrow = (wide,) if half and wide >= FEWEST_WITH_HALVES and self.m >= self.tile.rows[0] else ()

    def _panels_read(self, column: int) -> int:
        """Panels of b that are read where they lie, and not copied, for columns so many bytes apart."""
        if column == self.dtype.itemsize and register() >= MASKING:
            return self.panels
        if column != self.dtype.itemsize or self.m >= WORTH_COPYING:
            return 0
        return self.n // self.tile.columns  # the last one may have no whole vectors

    @staticmethod
    def fits(a: numpy.ndarray, b: numpy.ndarray, c: numpy.ndarray) -> bool:
        """Whether a·b can run so."""
        if c.dtype not in (numpy.float32, numpy.float64) or not a.dtype == b.dtype == c.dtype or not register():
            return False
        if min(a.ndim, b.ndim) < 2 or not c.size or not a.shape[-1]:
            return False
        (*batch, m, n), k, size = c.shape, a.shape[-1], c.itemsize
        if max(m, n, k) > LARGEST and (min(m, n, k) > NARROW or m * n * k > MOST_WORK):
            return False
        if m < FEWEST or n < register() // size // 2:
            return False
        if c.strides[-1] != size or any(_next(x, tuple(batch)) is None for x in (a, b, c)):
            return False
        narrow = n < register() // size and k >= LONG and m * n * k <= ONE_THREAD
        return b.strides[-1] == size or (b.strides[-2] == size and m >= WORTH_COPYING and not narrow)

    def jobs(self, threads: int, scratch: int) -> Jobs:
        """The job as so many threads will share it."""
        told, tasks = divided(self.matrices, self.panels, self.m, threads if self.shared else 1, self.tile)
        told |= {"m": self.m, "n": self.n, "k": self.k, "read": self.read}
        for name, (row, column, following) in zip("abc", self.steps, strict=True):
            told |= {name: 0, f"{name}_row": row, f"{name}_column": column, f"{name}_next": following}
        del told["c_column"]
        from .parts import product  # which needs llvmlite

        code = product(self.tile, self.dtype.itemsize, self.widths, self.narrow, self.copied)
        return [(job_row(code, tasks, Fields(**told)), self._places)]


def alike(products: Iterable[Product]) -> None:
    """Let products of a program call one function, with code for all that one of them needs."""
    products = list(products)
    for dtype in {product.dtype for product in products}:
        some = [product for product in products if product.dtype == dtype]
        wide = tuple(sorted({width for product in some for width in product.widths}))
        narrow = tuple(sorted({width for product in some for width in product.narrow}))
        copied = any(product.copied for product in some)
        for product in some:
            product.widths, product.narrow, product.copied = wide, narrow, copied


def _next(array: numpy.ndarray, batch: tuple[int, ...]) -> int | None:
    """By how many bytes the next matrix follows, if it is always the same number."""
    steps = numpy.broadcast_to(array, (*batch, *array.shape[-2:])).strides[:-2]
    _, (steps,) = merged(batch, [steps])
    return (*steps, 0)[0] if len(steps) < 2 else None
