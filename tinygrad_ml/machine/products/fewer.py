"""Which convolutions run by tiles, with fewer multiplications, and what each of them is told.

What is decided here follows from shapes and from how operands lie. Read next: `winograd.py`, which writes the machine code.
"""

from __future__ import annotations

import numpy

from ..sharing.job import MOST_SCRATCH, job_row
from . import plan
from .fields import BASIS, PLACES, SIDE, TiledImages, TiledWeights, shape_for, widths
from .plan import SHARED_PRODUCT_MULTIPLICATIONS, Jobs, in_tasks, places_in_job
from .windows import Sight

FEWEST_CHANNELS = 16
"""Of image and result: with fewer, additions take longer than the multiplications that they save."""
MOST_CHANNEL_PAIRS = 1 << 16
"""Of image and result: of more, what the weights become does not stay in the cache."""
TILES_BYTES = 3 << 17
"""What the tiles of a block become: it stays in the second-level cache."""
CHANNELS_AT_A_TIME = 16
"""Of weights that are put into the other basis: as many fit into the first-level cache."""
MOST_SHARES = 16
"""Of the images, whose gradients of weights are sums by themselves; ..."""
SHARES_BYTES = 1 << 21
"""... together no more than that."""
BETWEEN = 1 << 7
"""Bytes between the parts of scratch memory: at powers of two they would be in each other's way in the cache."""


def tiles_fit(sight: Sight, channels: int, m: int, dtype: numpy.dtype) -> bool:
    """Whether a convolution, or the gradient of its weights, is worth it: by tiles, between so many channels."""
    plain = sight.kernel == (3, 3) and sight.stride == sight.dilation == (1, 1) and sight.groups == 1
    if not plain or min(channels, m) < FEWEST_CHANNELS or channels * m > MOST_CHANNEL_PAIRS:
        return False
    shape, across = shape_for(plan.register(), dtype.itemsize), -(-sight.positions[1] // 2)
    wide = (channels + max(m, shape.columns) + 2 * shape.lanes) * dtype.itemsize  # of a tile, at most
    return (BASIS + 2 * SIDE) * (across + 1) * wide <= MOST_SCRATCH  # a line of tiles, and what it is made of


class _TileOperation:
    """What both have in common.

    weights  (channels of the result, places), and images (batch, channels, height, width)
    result   (batch, channels, positions), or its gradient
    """

    how = ", by tiles of 2 by 2"
    """How it is computed, in words."""

    def __init__(self, sight: Sight, weights: numpy.ndarray, images: numpy.ndarray, result: numpy.ndarray):
        self.sight, self._weights, self._images, self._result = sight, weights, images, result
        self.shape = shape_for(plan.register(), result.itemsize)
        self.shared = result.size * images.shape[1] * PLACES >= SHARED_PRODUCT_MULTIPLICATIONS
        self.channels, self.m = images.shape[1], result.shape[1]
        self.pixel, self.position = map(self._side_by_side, (self.channels, self.m))
        self.panels = -(-self.m // self.shape.columns)
        self.u_panel = self.channels * self.shape.columns * result.itemsize
        self.u_next = self.panels * self.u_panel + BETWEEN
        self.down, self.across = (-(-n // 2) for n in sight.positions)

    def _side_by_side(self, channels: int) -> int:
        """Bytes of so many channels, in whole vectors."""
        return -(-channels // self.shape.lanes) * self.shape.lanes * self._result.itemsize

    @staticmethod
    def _lies(x: numpy.ndarray, *in_rows: numpy.ndarray) -> bool:
        """Whether the lines of images lie in one piece, and the rows of others."""
        return x.strides[3] == x.itemsize and all(array.strides[-1] == array.itemsize for array in in_rows)

    def block(self, most: int) -> tuple[int, int]:
        """(images in a block, lines of tiles of each), if it shall have so many tiles."""
        whole = self.down * self.across
        if most < whole:
            return 1, min(max(most // self.across, 1), self.down)
        return min(most // whole, len(self._images)), self.down

    def _weights_told(self, u: int, **rest: int) -> TiledWeights:
        row, column = self._weights.strides[0], PLACES * self._weights.itemsize
        if self.sight.turned:
            row, column = column, row
        told = {"m": self.m, "channels": self.channels, "turned": int(self.sight.turned)}
        told["at_once"] = 1 if self.sight.turned else CHANNELS_AT_A_TIME
        told |= {"a": 0, "a_row": row, "a_column": column, "a_vector": self.shape.lanes * row}
        told |= {"u": u, "u_panel": self.u_panel, "u_next": self.u_next}
        told |= {"parts": -(-self.channels // CHANNELS_AT_A_TIME), "together": CHANNELS_AT_A_TIME}
        return TiledWeights(**told, **rest)

    @property
    def _widths(self) -> tuple[int, ...]:
        """How many vectors wide tiles are: one code for all layers with as many channels as most have, 2, 4, 8 ..."""
        needed = widths(-(-self.m // self.shape.lanes), self.shape)
        usual = tuple(wide for wide in (1, 2, 4) if wide <= self.shape.vectors)
        return usual if set(needed) <= set(usual) else needed

    @property
    def _weights_tasks(self) -> int:
        return -(-self.m // self.shape.lanes) * -(-self.channels // CHANNELS_AT_A_TIME)

    def _images_told(self, block: tuple[int, int], u: int, **rest: int) -> TiledImages:
        (abreast, tall), x, (height, width) = block, self._images, self.sight.positions
        pitch = 2 * self.across + 2
        in_piece = x.strides[2] == pitch * x.itemsize and pitch == x.shape[3]
        (top, bottom), (left, right) = self.sight.pads
        told = {"m": self.m, "channels": self.channels, "pixel": self.pixel, "panels": self.panels}
        told |= {"height": height, "width": width, "down": self.down, "across": self.across}
        told |= {"images": len(x), "abreast": abreast, "tall": tall, "blocks": -(-self.down // tall)}
        told |= {"x": 0, "x_row": x.strides[2], "x_channel": x.strides[1], "x_next": x.strides[0]}
        told |= {"x_height": x.shape[2], "x_width": x.shape[3], "x_in_run": x.shape[2] if in_piece else 1}
        told |= {"top": top, "left": left, "edges": int(any((height % 2, width % 2, top, bottom, left, right)))}
        told |= {"c": 0, "c_row": self._result.strides[-2], "c_next": self._result.strides[0]}
        told |= {"in_run": 1 if width % 2 else height + 1}
        told |= {"u": u, "u_panel": self.u_panel, "u_next": self.u_next}
        return TiledImages(**told, **rest)

    def _memory(self, block: tuple[int, int], position: int) -> dict[str, int]:
        """Where in scratch memory v, m, x and y of a block lie, m with so many bytes for a tile; and how much that is."""
        (abreast, tall), pitch = block, 2 * self.across + 2
        tiles = abreast * tall * self.across
        v_next, m_next = tiles * self.pixel + BETWEEN, tiles * position + BETWEEN
        x, y = abreast * (2 * tall + 2) * pitch * self.pixel, 4 * tiles * position
        return {"v_next": v_next, "m_next": m_next, "x": x, "y": y}


class TiledConvolution(_TileOperation):
    """c = a · windows of x, as `windows.ImplicitProduct` has it, for kernels of 3 by 3."""

    def __init__(self, sight: Sight, a: numpy.ndarray, x: numpy.ndarray, c: numpy.ndarray):
        super().__init__(sight, a, x, c)
        self._own = self._places(self._block(1))[1]
        self.scratch = self._own + BASIS * self.u_next

    @staticmethod
    def fits(sight: Sight, a: numpy.ndarray, x: numpy.ndarray, c: numpy.ndarray) -> bool:
        """Whether it can run so, as the operands lie, and is worth it."""
        return tiles_fit(sight, x.shape[1], c.shape[1], c.dtype) and TiledConvolution._lies(x, a, c)

    def _block(self, threads: int) -> tuple[int, int]:
        most = max(TILES_BYTES // (BASIS * (self.pixel + self.position)), 1)
        if threads > 1:
            most = min(most, -(-len(self._images) * self.down * self.across // (2 * threads)))
        return self.block(most)

    def _places(self, block: tuple[int, int]) -> tuple[dict[str, int], int]:
        """(where scratch memory has what, bytes of it); y takes the place of v, and m that of x."""
        found = self._memory(block, self.position)
        first = max(BASIS * found["v_next"], found.pop("y"))
        nbytes = first + max(BASIS * found["m_next"], found.pop("x")) + BETWEEN
        return found | {"x_at": first, "m_at": first, "y_at": 0}, nbytes

    def jobs(self, threads: int, scratch: int) -> Jobs:
        """The jobs as so many threads will share them: that of the weights, and that of the images."""
        from ..llvm.native import native
        from .winograd import tiles, write_winograd

        given = self.shape, self._result.itemsize, self._widths
        code = native("winograd", write_winograd, *given, needs=(tiles(*given),))
        threads, u = threads if self.shared else 1, scratch + self._own
        weights = self._weights_told(u, u_share=0, shares=1)
        block = self._block(threads)
        told, tasks = in_tasks(-(-len(self._images) // block[0]) * -(-self.down // block[1]), threads)
        told |= {"position": self.position, "share": 0, "u_share": 0}
        images = self._images_told(block, u, **told, **self._places(block)[0])
        return [
            (job_row(code.later("weights"), self._weights_tasks, weights), {A_OF_WEIGHTS: 0}),
            (job_row(code.later("convolution"), tasks, images), {X_OF_IMAGES: 1, C_OF_IMAGES: 2}),
        ]


class TiledGradient(_TileOperation):
    """out = Σ over the batch of g · (windows of x)ᵀ, as `windows.WeightGradient` has it, for kernels of 3 by 3."""

    def __init__(self, sight: Sight, g: numpy.ndarray, x: numpy.ndarray, out: numpy.ndarray):
        super().__init__(sight, out, x, g)
        self._row = self.shape.columns * out.itemsize
        self._tiles = self.block(max(TILES_BYTES // (BASIS * (self.pixel + self._row)), 1))
        self._found, self._own = self._places()
        shares = max(min(MOST_SHARES, SHARES_BYTES // (BASIS * self.u_next), -(-len(x) // self._tiles[0])), 1)
        self._share = -(-len(x) // shares)
        self._shares = -(-len(x) // self._share)
        self.scratch = self._own + self._shares * (BASIS * self.u_next + BETWEEN)

    @staticmethod
    def fits(sight: Sight, g: numpy.ndarray, x: numpy.ndarray, out: numpy.ndarray) -> bool:
        """Whether it can run so, as the operands lie, and is worth it."""
        return tiles_fit(sight, x.shape[1], out.shape[0], out.dtype) and TiledGradient._lies(x, g, out) and len(x) > 0

    def _places(self) -> tuple[dict[str, int], int]:
        """(where scratch memory has what, bytes of it); x and y are at the end, one after the other."""
        found = self._memory(self._tiles, self._row)
        m_at = BASIS * found["v_next"]
        end = m_at + BASIS * found["m_next"]
        nbytes = end + max(found.pop("x"), found.pop("y")) + BETWEEN
        return found | {"x_at": end, "m_at": m_at, "y_at": end}, nbytes

    def jobs(self, threads: int, scratch: int) -> Jobs:
        """The jobs as so many threads will share them: the sums, and what the weights' gradient is of them."""
        from ..llvm.native import native
        from .winograd import tiles
        from .winograd_gradient import write_winograd_gradient

        given = self.shape, self._result.itemsize, self._widths
        code = native("winograd_gradient", write_winograd_gradient, *given, needs=(tiles(*given),))
        u, u_share, pieces = scratch + self._own, BASIS * self.u_next + BETWEEN, self._shares * self.panels
        rest = {"position": 0, "share": self._share, "u_share": u_share, "pieces": pieces, "together": 1}
        images = self._images_told(self._tiles, u, **rest, **self._found)
        weights = self._weights_told(u, u_share=u_share, shares=self._shares)
        return [
            (job_row(code.later("sums"), pieces, images), {C_OF_IMAGES: 0, X_OF_IMAGES: 1}),
            (job_row(code.later("weights_of_sums"), self._weights_tasks, weights), {A_OF_WEIGHTS: 2}),
        ]


(A_OF_WEIGHTS,) = places_in_job(TiledWeights, "a")
X_OF_IMAGES, C_OF_IMAGES = places_in_job(TiledImages, "xc")
"""Where jobs have the addresses of operands and results."""
