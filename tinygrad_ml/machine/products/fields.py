"""What the machine code of a product is told, and the tiles that it works on."""

from __future__ import annotations

from collections import namedtuple
from typing import NamedTuple

BLOCK = 512
"""So many products of a sum are added up before the next tile: what a panel of b has of them stays in the cache."""

LINE_BYTES = 64
"""So many come to a cache at a time."""

MASKING = 64
"""Bytes of vectors of which processors read and write some numbers as fast as all. Of shorter ones, to read some for each k takes a
product a tenth longer, and to write some takes a dozen cycles: tiles do so only at the edge."""

SUMS_AT_ONCE = 8
"""So many sums of a tile keep a processor busy: it adds to two vectors at a time, and takes four cycles for each."""

DEEPEST = 384
"""So many products of a sum of a convolution are added up before the next tile: a packed panel of them fits into the scratch
memory of a thread, with what is stored behind its end."""

BASIS, PLACES, SIDE = 16, 9, 4
"""Of a convolution by tiles: numbers that a tile becomes, for each channel, those of a kernel, and pixels along a side of what a
tile sees."""


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

    def rows_of(self, vectors: int) -> tuple[int, ...]:
        """Rows of the tiles that are so many vectors wide: of narrow ones more, lest each addition waits for the last one."""
        return (8, *self.rows[1:]) if vectors == 1 else self.rows


def shape_for(register: int, itemsize: int) -> Shape:
    """The tile for registers of so many bytes: AVX-512 has 32 of 64 bytes, AVX2 16 of 32."""
    return Shape(register // itemsize, 4 if register == 64 else 2, (6, 4, 2, 1))


def widths(vectors: int, shape: Shape) -> tuple[int, ...]:
    """How many vectors wide tiles are that are together so wide: code is written for these alone, where `widths` are given."""
    full, rest = divmod(vectors, shape.vectors)
    return (*[rest] * bool(rest), *[shape.vectors] * bool(full))


Fields = namedtuple(
    "Fields",
    """
    m n k
    a a_row a_column a_next
    b b_row b_column b_next
    c c_row c_next
    panels read height heights pieces together
    """,
)
Fields.__doc__ = """What a product is told: sizes; addresses, and by how many bytes they go on; how the work is divided.

Matrices follow each other by `*_next`. A piece of work is `height` rows of one panel, a tile's width of columns; each
matrix has `heights` times `panels` of them. A task is `together` of all `pieces`. From panel `read` on, b is copied.
"""

Windows = namedtuple(
    "Windows",
    """
    m n k images groups
    a a_row a_column a_next
    x x_row x_next
    c c_row c_next c_vector
    table width abreast near parts
    panels height heights pieces together
    """,
)
Windows.__doc__ = """What a convolution is told: c[image] = a · windows of x[image]; see `convolution.py`.

m, n, k     channels of the result, positions in it, places in the kernel times channels of the image
images      how many; several groups of channels count as images, of which `groups` follow each other
table       the address of k numbers: by how many bytes the pixel at each place lies behind the window's first one
width       positions in a line of the result; windows of the next line begin `x_row` bytes further on
abreast     images in a panel; `c_vector` is then from one to the next, and otherwise the size of a vector
near        0, or, if windows are read where they lie, how many vectors are a panel; a line has `parts`
"""

WeightSum = namedtuple(
    "WeightSum",
    """
    m k groups bunch images lines width
    x x_group x_next x_row x_column table
    g g_group g_next g_row
    c c_row c_next
    out out_row out_next
    abreast tall
    panels height heights pieces together
    """,
)
WeightSum.__doc__ = """What the gradient of a convolution's weights is told: out = Σ over images of g[image] · (windows of x[image])ᵀ; see
`weight_gradient.py`.

m, k        channels of g, places in the kernel times channels of the image
groups      of channels, which follow by `*_group`; `bunch` of them in a piece of work, where there are few channels
images, lines, width  the positions; windows of the next line begin `x_row` bytes further on, of the next position `x_column`
abreast     images in a block, if it has whole ones, and `tall` lines of each
c           scratch memory for the sums, transposed
"""

TiledWeights = namedtuple(
    "TiledWeights",
    """
    m channels turned at_once
    a a_row a_column a_vector
    u u_panel u_next u_share shares
    parts together
    """,
)
TiledWeights.__doc__ = """What the weights of a convolution by tiles are told: u = G w Gᵀ, or back, a = Gᵀ u G; see `winograd.py`.

m, channels  of the result and of the image
turned       whether kernels are turned around; `at_once` channels of the image lie side by side
shares       how many u there are to be added up, which follow by `u_share`
parts        tasks for each vector of channels of the result, `together` channels of the image each
"""

TiledImages = namedtuple(
    "TiledImages",
    """
    m channels pixel position height width down across
    images abreast tall blocks share
    x x_height x_width top left edges x_row x_channel x_next x_in_run
    c c_row c_next in_run
    u u_panel u_next u_share panels
    v_next m_next x_at m_at y_at
    pieces together
    """,
)
TiledImages.__doc__ = """What a convolution by tiles is told, or the gradient of its weights; see `winograd.py`.

m, channels      of the result and of the image; a pixel with all its channels has `pixel` bytes, a position of the result
                 `position` bytes, where they lie side by side in scratch memory: x, v, m and y, each at its place
height, width    of the result, which has `down` lines of tiles, `across` in each
abreast, tall    images in a block, if it has whole ones, and lines of tiles of each; an image has `blocks`
share            images whose gradients are one sum
top, left        lines and columns of zeros before the image, which is `x_height` by `x_width`
edges            whether a block may see what is beyond the edges
x_in_run, in_run lines of an image, and of a block of the result, that are transposed at once, as they lie behind each other
panels           of channels of the result
"""
