"""Images whose shades are spread or evened out, by what shades they have. Read before: `colors.py`."""

from __future__ import annotations

from typing import Any

import numpy

from ...functional import arange, asarray, clip, cumulative_sum, index_add, ones_like, round, stack, where, zeros
from ...functional.convolution import per_axis
from ...tensor import Tensor
from ..checks import number, whole
from .augmentation import VALUES, Transformation, scaled
from .colors import ColorChange


class AutoContrast(ColorChange):
    """Each channel of each image spread so that it reaches from the lowest to the highest number, in use, too."""

    always = True

    def __init__(self, value_range: Any = VALUES, **options: Any):
        super().__init__(value_range, None, **options)

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        low, high = (extreme(axis=(1, 2), keepdims=True) for extreme in (images.min, images.max))
        flat = high <= low
        first, last = self.value_range
        spread = (images - low) / where(flat, 1.0, high - low) * (last - first) + first
        return where(flat, images, clip(spread, first, last))


class Equalization(ColorChange):
    """Each channel of a batch with its shades evened out, so that as many pixels lie below a shade as it is high.

    bins  how many shades are told apart
    """

    def __init__(self, value_range: Any = VALUES, bins: int = 256, data_format: str | None = None, **options: Any):
        super().__init__(value_range, None, data_format, **options)
        self.bins = whole("bins", bins, 2)

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        x = scaled(images, self.value_range, VALUES)
        places = clip(x / 255 * (self.bins - 1), 0, self.bins - 1).astype("int64")
        even = [_evened(x[..., i], places[..., i], self.bins) for i in range(images.shape[-1])]
        return scaled(stack(even, axis=-1), VALUES, self.value_range)


def _evened(channel: Tensor, places: Tensor, bins: int) -> Tensor:
    """A channel of numbers from 0 to 255, evened out; `places` are its shades, of which there are so many."""
    flat = places.reshape(-1)
    counts = index_add(zeros(bins, device=channel.device), 0, flat, ones_like(flat).astype(channel.dtype))
    below = cumulative_sum(counts)
    first = where(below > 0, below, below[-1]).min()
    rest = below[-1] - first
    table = clip(round((below - first) * 255 / where(rest == 0, 1.0, rest)), *VALUES)
    return where(rest == 0, channel, table[flat].reshape(channel.shape))


class ContrastLimitedAdaptiveHistogramEqualization(ColorChange):
    """Each image evened out in cells of a grid, with what a cell does going over into that of its neighbours; in use, too.

    clip_limit      how many times a shade may be as frequent as all are on average; what is more is shared among all. 0: no limit
    tile_grid_size  how many cells there are, (rows, columns)

    Source: K. Zuiderveld, "Contrast Limited Adaptive Histogram Equalization" (1994).
    """

    always = True

    def __init__(
        self,
        value_range: Any = VALUES,
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(value_range, None, data_format, **options)
        self.clip_limit, self.tile_grid_size = number("clip_limit", clip_limit, 0), tuple(tile_grid_size)
        self._grid = per_axis(self.tile_grid_size, 2, "tile_grid_size")

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        x = scaled(images, self.value_range, VALUES)
        batch, height, width, channels = x.shape
        tall, wide = (-(-n // cells) for n, cells in zip((height, width), self._grid, strict=True))
        rows, columns = self._grid
        beyond = [(0, 0), (0, tall * rows - height), (0, wide * columns - width), (0, 0)]
        x = _mirrored(x, beyond)
        shades = clip(x, *VALUES).astype("int64")
        cells = shades.reshape((batch, rows, tall, columns, wide, channels)).permute_dims((0, 1, 3, 5, 2, 4))
        tables = self._tables(cells.reshape((batch, rows, columns, channels, tall * wide)))
        y, x_place = (_between_cells(n, size) for n, size in ((rows, tall), (columns, wide)))
        found = zeros((), device=x.device)
        for row, by_row in y:
            for column, by_column in x_place:
                at = (
                    arange(batch, device=x.device).reshape((-1, 1, 1, 1)),
                    *(
                        asarray(place, device=x.device).reshape(shape)
                        for place, shape in ((row, (-1, 1, 1)), (column, (1, -1, 1)))
                    ),
                    arange(channels, device=x.device),
                    shades,
                )
                share = by_row[:, None, None] * by_column[:, None]
                found = found + tables[at] * x._like(share.astype("float32"))
        return scaled(found[:, :height, :width], VALUES, self.value_range)

    def _tables(self, cells: Tensor) -> Tensor:
        """What becomes of each of 256 shades in each cell; cells (batch, rows, columns, channels, pixels)."""
        *outer, pixels = cells.shape
        flat = cells.reshape((-1, pixels))
        start = arange(flat.shape[0], device=cells.device).expand_dims(1) * 256
        places = (flat + start).reshape(-1)
        none = zeros(flat.shape[0] * 256, device=cells.device)
        counts = index_add(none, 0, places, ones_like(places).astype("float32")).reshape((*outer, 256))
        if self.clip_limit:
            kept = clip(counts, 0, self.clip_limit * pixels / 256)
            counts = kept + (counts - kept).sum(-1, keepdims=True) / 256
        below = cumulative_sum(counts, axis=-1)
        least = below.min(axis=-1, keepdims=True)
        rest = pixels - least
        return clip((below - least) * 255 / where(rest == 0, 1.0, rest), *VALUES)


def _between_cells(cells: int, size: int) -> list[tuple[Any, Any]]:
    """For each pixel along an axis the cell before it and that after it, and what share each has."""
    place = (numpy.arange(cells * size) - size / 2) / size
    before = numpy.floor(place)
    share = place - before
    first, second = (numpy.clip(before + step, 0, cells - 1).astype(int) for step in (0, 1))
    return [(first, 1 - share), (second, share)]


def _mirrored(x: Tensor, beyond: list[tuple[int, int]]) -> Tensor:
    """x with what is seen beyond its sides, in a mirror at their ends."""
    for axis, (_, more) in enumerate(beyond):
        if more:
            n = x.shape[axis]
            at = numpy.arange(n + more) % (2 * n)
            x = x[(slice(None),) * axis + (asarray(numpy.where(at >= n, 2 * n - 1 - at, at), device=x.device),)]
    return x
