"""Images looked at in places that may lie between pixels: by a grid, or in regions of interest.

Read before: `../../nn/functional/sampling.py`.
"""

from __future__ import annotations

import numpy

from ... import functional as tg
from ...errors import OptionError
from ...nn import functional as F
from ...tensor import Tensor
from ..table import Numbers, operator

GRID_MODE = {"linear": "bilinear", "cubic": "bicubic"}
"""ONNX's names of ways to mix pixels, where ours are others."""


@operator("GridSample", versions=(16, 20, 22))
def grid_sample(
    x: Tensor, grid: Tensor, *, align_corners: int = 0, mode: str = "linear", padding_mode: str = "zeros"
) -> Tensor:
    """x at places from -1 to 1 along each axis."""
    return F.grid_sample(x, grid, GRID_MODE.get(mode, mode), padding_mode, bool(align_corners))


@operator("AffineGrid", versions=(20,))
def affine_grid(theta: Tensor, size: Numbers, *, align_corners: int = 0) -> Tensor:
    """The places θ · (x, y, 1) of the pixels of an image, or of those of a volume."""
    return F.affine_grid(theta, [int(n) for n in size], bool(align_corners))


@operator("RoiAlign", versions=(16, 22))
def roi_align(
    x: Tensor,
    rois: Tensor,
    batch_indices: Tensor,
    *,
    coordinate_transformation_mode: str = "half_pixel",
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Tensor:
    """Regions of interest (R, 4), each cut into a grid of cells: the mean of points in each cell, mixed of the pixels around them.

    x                the images, (N, C, H, W)
    batch_indices    for each region, in which image it lies
    sampling_ratio   so many points along each axis of a cell; 0 for as many as pixels, for which the corners must be known
    mode             "avg", or "max", the largest share of a pixel in one of the points
    Returns (R, C, output_height, output_width).

    Along each axis the shares of pixels are a matrix, so that the mean is x between two matrices. Source: K. He et al.,
    "Mask R-CNN" (2017).
    """
    moved = 0.5 if coordinate_transformation_mode == "half_pixel" else 0.0
    corners = rois.astype(x.dtype) * spatial_scale - moved
    starts, ends = (corners[:, 1], corners[:, 0]), (corners[:, 3], corners[:, 2])
    shares = []
    for start, end, out, n in zip(starts, ends, (output_height, output_width), x.shape[2:], strict=True):
        extent = end - start if moved else tg.clip(end - start, min=1.0)
        shares.append(_shares(start, extent, out, n, sampling_ratio))
    images = tg.take(x, batch_indices.astype("int64"), axis=0)
    (rows, row_counts), (columns, column_counts) = shares
    if mode == "avg":
        down, across = rows.sum(2) / row_counts, columns.sum(2) / column_counts  # (R, out, n)
        return down.expand_dims(1) @ images @ across.expand_dims(1).mT
    if mode != "max":
        raise OptionError(f"RoiAlign: mode={mode!r} is neither 'avg' nor 'max'")
    return _largest_shares(images, rows, columns)


def _shares(start: Tensor, extent: Tensor, out: int, n: int, ratio: int) -> tuple[Tensor, Tensor]:
    """(R, out, points, n): how much of each pixel is in each point along an axis; and how many points there are, (R, 1, 1)."""
    if ratio > 0:
        counts = numpy.full(start.shape, ratio)
    else:
        counts = numpy.maximum(numpy.ceil(extent.detach().numpy() / out), 1).astype(int)
    points = int(counts.max(initial=1))
    within = (numpy.arange(points) + 0.5) / counts[:, None]  # of a cell
    cells = start._like(numpy.arange(out)[:, None] + within[:, None, :])
    places = start.reshape((-1, 1, 1)) + cells * (extent / out).reshape((-1, 1, 1))
    counted = start._like((numpy.arange(points) < counts[:, None])[:, None, :])
    inside = (places >= -1) & (places <= n)
    pixels = start._like(numpy.arange(n))
    distances = abs(tg.clip(places, 0, n - 1).expand_dims(-1) - pixels)
    shares = tg.clip(1 - distances, min=0) * (inside * counted).expand_dims(-1)
    return shares, start._like(counts).reshape((-1, 1, 1))


def _largest_shares(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """The largest of pixel · share, over all points of a cell and the pixels around each."""
    regions, out, points, height = rows.shape
    width_out, width = columns.shape[1], columns.shape[-1]
    cells = []
    for row in range(out):
        for column in range(width_out):
            down = rows[:, row].reshape((regions, 1, points, 1, height, 1))
            across = columns[:, column].reshape((regions, 1, 1, columns.shape[2], 1, width))
            seen = images.reshape((regions, -1, 1, 1, height, width)) * (down * across)
            touched = (down * across) > 0
            cells.append(tg.max(touched.where(seen, -numpy.inf), axis=(2, 3, 4, 5)))
    found = tg.stack(cells, -1)
    return (found == -numpy.inf).where(0, found).reshape((regions, images.shape[1], out, width_out))


@operator("RoiAlign", versions=(10,))
def first_roi_align(
    x: Tensor,
    rois: Tensor,
    batch_indices: Tensor,
    *,
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
) -> Tensor:
    """The same, by corners that are not moved by half a pixel."""
    return roi_align(
        x,
        rois,
        batch_indices,
        coordinate_transformation_mode="output_half_pixel",
        mode=mode,
        output_height=output_height,
        output_width=output_width,
        sampling_ratio=sampling_ratio,
        spatial_scale=spatial_scale,
    )
