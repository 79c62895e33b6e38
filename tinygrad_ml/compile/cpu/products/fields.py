"""What the machine code of a product is told, and the tiles that it works on."""

from __future__ import annotations

from typing import NamedTuple

BLOCK = 512
"""So many products of a sum are added up before the next tile: what a panel of b has of them stays in the cache."""


class Shape(NamedTuple):
    """What a tile is: the part of a result that is in registers at one time.

    lanes    numbers in a vector
    vectors  in a row of it
    rows     of it; and of the smaller tiles at the end, in falling order, the last of them 1
    """

    lanes: int
    vectors: int
    rows: tuple[int, ...]

    @property
    def columns(self) -> int:
        """How many columns a tile has."""
        return self.lanes * self.vectors


def shape_for(register: int, itemsize: int) -> Shape:
    """The tile for registers of so many bytes: AVX-512 has 32 of 64 bytes, AVX2 16 of 32."""
    return Shape(register // itemsize, 4 if register == 64 else 2, (6, 4, 2, 1))


class Fields(NamedTuple):
    """What a product is told: sizes; addresses, and by how many bytes they go on; how the work is divided.

    Matrices follow each other by `*_next`. A piece of work is `height` rows of one panel, a tile's width of columns; each
    matrix has `heights` times `panels` of them. A task is `together` pieces, of `pieces` in all.
    """

    m: int
    n: int
    k: int
    a: int
    a_row: int
    a_column: int
    a_next: int
    b: int
    b_row: int
    b_column: int
    b_next: int
    c: int
    c_row: int
    c_next: int
    panels: int
    height: int
    heights: int
    pieces: int
    together: int
