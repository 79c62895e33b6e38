"""Which convolutions run without laid out windows, as machine code of our own, and what each of them is told.

What is decided here follows from shapes alone, and from what the processor is: equal seeds give equal numbers.

Read next: `convolution.py` and `weight_gradient.py`, which write the machine code.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy

from ..sharing.job import SCRATCH, job_row
from . import plan
from .fields import DEEPEST, Shape, WeightSum, Windows, shape_for, widths
from .plan import SHARED_PRODUCT_MULTIPLICATIONS, Jobs, divided, places_in_job

WORTH_MULTIPLICATIONS = 1 << 16
"""Multiplications from which on a convolution is worth machine code of its own."""
LONGEST_STRIDE = 2
"""From a position to the next: of pixels that lie further apart, too few of a vector are seen."""
MOST_LANES = 1024
"""Sums of a gradient that may have a vector each."""
BLOCK_BYTES = 1 << 18
"""Of images and gradients that a thread goes through before the next tile: they stay in the second-level cache."""

PACKED_LINE = 3
"""Cycles that a line of a panel takes to pack, besides two for each vector in it."""

MASKED_LINE = 1.4
"""What a line takes that is shorter than a vector, and so is read and written by masks, as a multiple of a whole vector's time."""


class Sight(NamedTuple):
    """What the positions of a convolution see of images (batch, channels, height, width).

    positions, kernel, stride, dilation  each along both axes
    groups  into which the channels fall
    pads    zeros that are seen before and behind the image, along both axes; only tiles see them: see `fewer.py`
    turned  whether the weights are those of a convolution the other way: (channels, out · places) for (out, channels · places),
            each kernel turned around; this, too, is for tiles
    """

    positions: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    pads: tuple[tuple[int, int], ...] = ((0, 0), (0, 0))
    turned: bool = False

    def worth(self, dtype: numpy.dtype, batch: int, channels: int, out: int) -> bool:
        """Whether a convolution with so many channels, and its gradients, are machine code of our own."""
        if dtype not in (numpy.float32, numpy.float64) or not plan.register() or not batch:
            return False
        n, lanes = prod(self.positions), plan.register() // dtype.itemsize
        enough = batch * n * out * channels // self.groups * prod(self.kernel) >= WORTH_MULTIPLICATIONS
        return enough and n >= lanes // 2

    @property
    def plain(self) -> bool:
        """Whether it sees nothing but pixels, by weights as they lie."""
        return not any(map(any, self.pads)) and not self.turned

    def near(self, shape: Shape, m: int) -> bool:
        """Whether the windows are sooner read in the image than packed, for a result of m channels.

        Vectors that end with their line are not full, and so there are more of them; each costs half a cycle for each
        channel. Packing costs some cycles for each line.
        """
        lines, width = self.positions
        parts = -(-width // shape.lanes)
        packed = -(-lines * width // shape.lanes) * m / 2 + lines * (PACKED_LINE + 2 * parts * self.stride[1])
        masked = MASKED_LINE if width < shape.lanes else 1
        return masked * lines * parts * m * self.stride[1] / 2 <= packed

    def in_lanes(self, shape: Shape, m: int, k: int) -> bool:
        """Whether the gradient of k weights for each of m channels is sooner had with positions in a vector than with channels."""
        width = self.positions[1]
        parts, vectors = -(-width // shape.lanes), -(-m // shape.lanes)
        narrow = 1.3 if vectors == 1 else 1
        return self.stride[1] <= LONGEST_STRIDE and m * k <= MOST_LANES and parts * m <= narrow * width * vectors

    def table(self, x: numpy.ndarray) -> numpy.ndarray:
        """By how many bytes the pixel at each place of the kernel, channel by channel, lies behind the window's first one."""
        channels = numpy.arange(x.shape[1] // self.groups, dtype=numpy.int64) * x.strides[1]
        lines, columns = (
            numpy.arange(k, dtype=numpy.int64) * d * step
            for k, d, step in zip(self.kernel, self.dilation, x.strides[2:], strict=True)
        )
        return (channels[:, None, None] + lines[:, None] + columns).reshape(-1)


class ImplicitProduct:
    """c = a · windows of x, for a (.., channels, places), x (batch, channels, height, width), c (batch, .., channels, positions).

    Where there are groups of channels, the dots are the groups. The arguments are arrays that lie as the operands and
    the result do.
    """

    _places = places_in_job(Windows, "axc")
    scratch = SCRATCH
    how = ""

    def __init__(self, sight: Sight, a: numpy.ndarray, x: numpy.ndarray, c: numpy.ndarray):
        self.sight, self._forms, self._table = sight, (a, x, c), sight.table(x)
        self.shared = c.size * a.shape[-1] >= SHARED_PRODUCT_MULTIPLICATIONS

    @staticmethod
    def fits(sight: Sight, a: numpy.ndarray, x: numpy.ndarray, c: numpy.ndarray) -> bool:
        """Whether it can run so, as the operands lie: pixels in one piece, and groups at equal distances."""
        each = x.shape[1] // sight.groups * x.strides[1]
        return sight.plain and x.strides[3] == x.itemsize and (sight.groups == 1 or x.strides[0] == sight.groups * each)

    def jobs(self, threads: int, scratch: int) -> Jobs:
        """The job as so many threads will share it."""
        from ..llvm.native import native
        from .convolution import write_convolution

        (a, x, c), sight, threads = self._forms, self.sight, threads if self.shared else 1
        shape, groups = shape_for(plan.register(), c.itemsize), sight.groups
        m, k, n, images = a.shape[-2], a.shape[-1], prod(sight.positions), c.shape[0] * groups
        near, parts = sight.near(shape, m), -(-sight.positions[1] // shape.lanes)
        abreast = shape.vectors if n == shape.lanes and groups == 1 and not near else 1
        teams, panels, vectors = -(-images // abreast), -(-n // shape.columns), sight.positions[0] * parts
        if near:
            near = vectors if teams >= 2 * threads else shape.vectors
            panels = -(-vectors // near)
        told, tasks = divided(teams, panels, m, threads, shape)
        told |= {"m": m, "n": n, "k": k, "images": images, "groups": groups, "width": sight.positions[1]}
        told |= {"abreast": abreast, "near": near, "parts": parts, "table": self._table.ctypes.data}
        told |= {"a": 0, "a_row": a.strides[-2], "a_column": a.strides[-1], "a_next": a.strides[0] if groups > 1 else 0}
        x_next = x.strides[0] if groups == 1 else x.shape[1] // groups * x.strides[1]
        told |= {"x": 0, "x_row": x.strides[2] * sight.stride[0], "x_next": x_next}
        c_vector = c.strides[0] if abreast > 1 else shape.lanes * c.itemsize
        told |= {"c": 0, "c_row": c.strides[-2], "c_next": c.strides[0] // groups, "c_vector": c_vector}
        if near:
            wide = widths(vectors, shape)
        else:
            wide = widths(images, shape) if abreast > 1 else widths(-(-n // shape.lanes), shape)
        way = bool(near), bool(near) and sight.positions[1] < shape.lanes
        code = native("convolution", write_convolution, shape, c.itemsize, sight.stride[1], *way, wide)
        return [(job_row(code.later("convolution"), tasks, Windows(**told)), self._places)]


class WeightGradient:
    """out = Σ over the batch of g · (windows of x)ᵀ, for g (batch, .., channels, positions), x as above, out (.., channels, places)."""

    _places = places_in_job(WeightSum, ("g", "x", "out"))
    how = ""

    def __init__(self, sight: Sight, g: numpy.ndarray, x: numpy.ndarray, out: numpy.ndarray):
        self.sight, self._forms, self._table = sight, (g, x, out), sight.table(x)
        self.shared = g.size * out.shape[-1] >= SHARED_PRODUCT_MULTIPLICATIONS
        self._in_lanes = sight.in_lanes(shape_for(plan.register(), out.itemsize), *out.shape[-2:])
        self.scratch = SCRATCH + out.nbytes * (plan.register() // out.itemsize if self._in_lanes else 1)

    @staticmethod
    def fits(sight: Sight, g: numpy.ndarray, x: numpy.ndarray, out: numpy.ndarray) -> bool:
        """Whether it can run so, as the operands lie: positions and places in one piece."""
        return sight.plain and g.strides[-1] == g.itemsize and out.strides[-1] == out.itemsize

    def jobs(self, threads: int, scratch: int) -> Jobs:
        """The job as so many threads will share it."""
        from ..llvm.native import native
        from .weight_gradient import write_gradient, write_gradient_of_few

        (g, x, out), sight, threads = self._forms, self.sight, threads if self.shared else 1
        shape, groups, (lines, width) = shape_for(plan.register(), out.itemsize), sight.groups, sight.positions
        m, k, size = out.shape[-2], out.shape[-1], out.itemsize
        abreast, tall = max(DEEPEST // (lines * width), 1), min(DEEPEST // width, lines)
        panels, step, bunch = -(-m // shape.columns), size, 1
        if self._in_lanes:
            bunch = max(groups // (2 * threads), 1)
            image = prod(x.shape[1:]) + prod(g.shape[1:])  # of all groups: where a sum is cut depends on no thread
            abreast, panels, step = max(BLOCK_BYTES // (image * size), 1), 1, plan.register()
        told, tasks = divided(-(-groups // bunch), panels, k, threads, shape)
        told |= {"m": m, "k": k, "groups": groups, "bunch": bunch, "images": len(g), "lines": lines, "width": width}
        told |= {"abreast": abreast, "tall": tall, "table": self._table.ctypes.data}
        told |= {"x": 0, "x_group": x.shape[1] // groups * x.strides[1], "x_next": x.strides[0]}
        told |= {"x_row": x.strides[2] * sight.stride[0], "x_column": x.strides[3] * sight.stride[1]}
        g_group, out_next = (form.strides[-3] if groups > 1 else 0 for form in (g, out))
        told |= {"g": 0, "g_group": g_group, "g_next": g.strides[0], "g_row": g.strides[-2]}
        told |= {"c": scratch + SCRATCH, "c_row": m * step, "c_next": m * k * step}
        told |= {"out": 0, "out_row": out.strides[-2], "out_next": out_next}
        if self._in_lanes:
            whole = width % shape.lanes == 0
            code = native("gradient_of_few", write_gradient_of_few, shape, size, sight.stride[1], m, whole)
        else:
            code = native("gradient", write_gradient, shape, size, widths(-(-m // shape.lanes), shape))
        return [(job_row(code.later("gradient"), tasks, WeightSum(**told)), self._places)]
