"""Which convolutions run by tiles, with fewer multiplications, and what each of them is told.

Read next: `winograd.py`, which writes the machine code.
"""

from __future__ import annotations

import numpy

from ..sharing.job import MOST_SCRATCH, TOLD, TURNS, job_row
from . import plan
from .fields import TiledImages, TiledWeights, shape_for
from .plan import SHARED_PRODUCT_MULTIPLICATIONS
from .windows import Jobs, Sight, widths

FEWEST_CHANNELS = 16
"""Of image and result: with fewer, additions take longer than the multiplications that they save."""
MOST_CHANNEL_PAIRS = 1 << 16
"""Pairs of channels: of more, what the weights become does not stay in the cache."""
TILES_BYTES = 3 << 17
"""What the tiles of a block become: it stays in the second-level cache."""
CHANNELS_AT_A_TIME = 16
"""Of weights that are put into the other basis: as many fit into the first-level cache."""
APART = 1 << 7
"""Bytes between the parts of scratch memory: at powers of two they would be in each other's way in the cache."""


def _rounded(n: int, step: int) -> int:
    return -(-n // step) * step


class TiledConvolution:
    """c = a · windows of x, as `windows.ImplicitProduct` has it, for kernels of 3 by 3."""

    how = ", by tiles of 2 by 2"
    """How it is computed, in words."""

    def __init__(self, sight: Sight, a: numpy.ndarray, x: numpy.ndarray, c: numpy.ndarray):
        self.sight, self._forms = sight, (a, x, c)
        self._shape = shape_for(plan.register(), c.itemsize)
        self.shared = c.size * a.shape[-1] >= SHARED_PRODUCT_MULTIPLICATIONS
        lanes, size = self._shape.lanes, c.itemsize
        self._channels, self._m = x.shape[1], a.shape[0]
        self._pixel, self._position = (_rounded(n, lanes) * size for n in (self._channels, self._m))
        self._panels = -(-self._m // self._shape.columns)
        self._u_panel = self._channels * self._shape.columns * size
        self._u_next = self._panels * self._u_panel + APART
        self._down, self._across = (-(-n // 2) for n in sight.positions)
        self._own = self._memory(*self._block(1))[-1]
        self.scratch = self._own + 16 * self._u_next

    @staticmethod
    def fits(sight: Sight, a: numpy.ndarray, x: numpy.ndarray, c: numpy.ndarray) -> bool:
        """Whether it can run so, as the operands lie, and is worth it."""
        plain = sight.kernel == (3, 3) and sight.stride == sight.dilation == (1, 1) and sight.groups == 1
        if not plain or min(x.shape[1], a.shape[0]) < FEWEST_CHANNELS or x.shape[1] * a.shape[0] > MOST_CHANNEL_PAIRS:
            return False
        lies = x.strides[3] == x.itemsize and x.shape[3] * x.itemsize <= x.strides[2] <= 2 * x.shape[3] * x.itemsize
        lies = lies and x.strides[2] % x.itemsize == 0 and a.strides[-1] == a.itemsize
        return lies and TiledConvolution(sight, a, x, c)._own <= MOST_SCRATCH

    def _block(self, threads: int) -> tuple[int, int]:
        """(images in a block, lines of tiles of each)"""
        images = self._forms[1].shape[0]
        most = max(TILES_BYTES // (16 * (self._pixel + self._position)), 1)
        if threads > 1:
            most = min(most, -(-images * self._down * self._across // (2 * threads)))
        if most < self._down * self._across:
            return 1, min(max(most // self._across, 1), self._down)
        return min(most // (self._down * self._across), images), self._down

    def _memory(self, abreast: int, tall: int) -> tuple[int, ...]:
        """(bytes of transposed pixels of an image, of v for each i, of m; where x, m and y lie; bytes of it all)"""
        x = self._forms[1]
        tiles = abreast * tall * self._across
        image = ((2 * tall + 2) * (x.strides[2] // x.itemsize) + 4) * self._pixel
        v_next, m_next = tiles * self._pixel + APART, tiles * self._position + APART
        first, second = max(16 * v_next, 4 * tiles * self._position), max(16 * m_next, abreast * image)
        return image, v_next, m_next, first, first, 0, first + second + APART

    def jobs(self, threads: int, scratch: int) -> Jobs:
        """The jobs as so many threads will share them: that of the weights, and that of the images."""
        from ..llvm.native import native
        from .winograd import write_winograd

        (a, x, c), threads = self._forms, threads if self.shared else 1
        height, width = self.sight.positions
        code = native(
            "winograd", write_winograd, self._shape, c.itemsize, widths(-(-self._m // self._shape.lanes), self._shape)
        )
        parts, u = -(-self._channels // CHANNELS_AT_A_TIME), scratch + self._own
        weights = TiledWeights(
            m=self._m,
            channels=self._channels,
            a=0,
            a_row=a.strides[0],
            a_column=9 * a.strides[1],
            a_vector=self._shape.lanes * a.strides[0],
            u=u,
            u_panel=self._u_panel,
            u_next=self._u_next,
            parts=parts,
            together=CHANNELS_AT_A_TIME,
        )
        abreast, tall = self._block(threads)
        image, v_next, m_next, x_at, m_at, y_at, _ = self._memory(abreast, tall)
        blocks = -(-self._down // tall)
        pieces = -(-len(x) // abreast) * blocks
        together = -(-pieces // (TURNS * threads)) if threads > 1 else pieces
        tiled = TiledImages(
            m=self._m,
            channels=self._channels,
            pixel=self._pixel,
            position=self._position,
            height=height,
            width=width,
            down=self._down,
            across=self._across,
            images=len(x),
            abreast=abreast,
            tall=tall,
            blocks=blocks,
            x=0,
            x_pitch=x.strides[2] // x.itemsize,
            x_row=x.strides[2],
            x_channel=x.strides[1],
            x_next=x.strides[0],
            x_image=image,
            c=0,
            c_row=c.strides[-2],
            c_next=c.strides[0],
            in_run=1 if width % 2 else height + 1,
            u=u,
            u_panel=self._u_panel,
            u_next=self._u_next,
            panels=self._panels,
            v_next=v_next,
            m_next=m_next,
            x_at=x_at,
            m_at=m_at,
            y_at=y_at,
            pieces=pieces,
            together=together,
        )
        first, second = TiledWeights._fields.index, TiledImages._fields.index
        tasks = -(-self._m // self._shape.lanes) * parts
        return [
            (job_row(code.address("weights"), tasks, weights), {TOLD + first("a"): 0}),
            (
                job_row(code.address("convolution"), -(-pieces // together), tiled),
                {TOLD + second("x"): 1, TOLD + second("c"): 2},
            ),
        ]
