"""Sampling: images and volumes looked at in places that may lie between pixels, and that may themselves be learnt.

Places are given as numbers from -1 to 1, which are the two ends of an axis; the last axis of the space comes first: (x, y)
in images, (x, y, z) in volumes.
"""

import functools
import itertools
import math
import operator
from collections.abc import Sequence

import numpy

from ...errors import OptionError, ShapeError
from ...functional import clip, floor, remainder
from ...functional.composed import composed
from ...functional.reductions import floating
from ...tensor import Tensor, TensorLike, as_tensor

GRID_MODES = ("bilinear", "nearest", "bicubic")
GRID_PADDING_MODES = ("zeros", "border", "reflection")
FAR_AWAY_PIXELS = 2.0**31


@composed
def affine_grid(theta: TensorLike, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The places θ · (x, y, 1) of the pixels (x, y) of an image of `size`, or θ · (x, y, z, 1) of those of a volume.

    theta          (batch, 2, 3) for images, (batch, 3, 4) for volumes
    size           (batch, channels, height, width), or (batch, channels, depth, height, width)
    align_corners  whether -1 and 1 are the middles of the corner pixels, or (by default) their outer corners
    Returns (batch, height, width, 2), or (batch, depth, height, width, 3), for `grid_sample`.

    Source: M. Jaderberg et al., "Spatial Transformer Networks" (2015).
    """
    theta, size = floating(theta), tuple(size)
    dims = len(size) - 2
    if dims not in (2, 3) or theta.shape != (size[0], dims, dims + 1) or min(size) < 1:
        raise ShapeError(
            f"affine_grid needs a size (batch, channels, *space) of 2 or 3 spatial axes, and theta (batch, 2, 3) or (batch, "
            f"3, 4) for it, not size={size} and {theta._described()}"
        )
    ends = [
        numpy.linspace(-1, 1, n) * (1 if align_corners else (n - 1) / n) if n > 1 else numpy.zeros(1) for n in size[2:]
    ]
    pixels = numpy.stack([*numpy.meshgrid(*ends, indexing="ij")[::-1], numpy.ones(size[2:])], -1).reshape(-1, dims + 1)
    return (theta._like(pixels) @ theta.mT).reshape((size[0], *size[2:], dims))


@composed
def grid_sample(
    input: TensorLike,
    grid: TensorLike,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """y[n, c, p] = x[n, c] at the place grid[n, p], between pixels by `mode`.

    input          (batch, channels, height, width), or (batch, channels, depth, height, width)
    grid           (batch, *positions, 2), places (x, y); or (batch, *positions, 3), places (x, y, z); of as many axes
                   as the input
    mode           "bilinear" (in volumes: trilinear), "nearest", or for images "bicubic"
    padding_mode   what is seen outside: "zeros", "border" (the nearest pixel), "reflection" (mirrored at the ends)
    align_corners  whether -1 and 1 are the middles of the corner pixels, or (by default) their outer corners
    Returns (batch, channels, *positions). The input and the grid have gradients; by "nearest" that of the grid is 0.

    Source: M. Jaderberg et al., "Spatial Transformer Networks" (2015).
    """
    input = floating(input)
    grid = as_tensor(grid).astype(input.dtype)
    dims = input.ndim - 2
    if dims not in (2, 3) or grid.ndim != input.ndim or (grid.shape[0], grid.shape[-1]) != (input.shape[0], dims):
        raise ShapeError(
            f"grid_sample needs an input (batch, channels, *space) of 2 or 3 spatial axes and a grid (batch, *positions, "
            f"2 or 3) of as many axes, but got {input._described()} and {grid._described()}"
        )
    if mode not in GRID_MODES or (mode == "bicubic" and dims == 3):
        raise OptionError(f"grid_sample: mode={mode!r} is not one of {', '.join(map(repr, GRID_MODES[: 5 - dims]))}")
    if padding_mode not in GRID_PADDING_MODES:
        raise OptionError(
            f"grid_sample: padding_mode={padding_mode!r} is not one of {', '.join(map(repr, GRID_PADDING_MODES))}"
        )
    if 0 in input.shape[2:]:
        raise ShapeError(f"grid_sample: there is nothing to sample in {input._described()}")
    space, positions = input.shape[2:], grid.shape[1:-1]
    places = []
    for axis, n in enumerate(space):
        g = grid[..., dims - 1 - axis].reshape((grid.shape[0], math.prod(positions)))
        place = (g + 1) * ((n - 1) / 2) if align_corners else ((g + 1) * n - 1) * 0.5  # counted in pixels
        # Infinity is a place too, but no difference of two.
        places.append(clip(place, -FAR_AWAY_PIXELS, FAR_AWAY_PIXELS))
    seen = sample_places(input, places, mode, padding_mode, bool(align_corners))
    return seen.reshape((*input.shape[:2], *positions))


def sample_places(input: Tensor, places: Sequence[Tensor], mode: str, padding_mode: str, aligned: bool) -> Tensor:
    """x[n, c] at places counted in pixels, (batch, P) along each axis of its space: (batch, channels, P)."""
    space = input.shape[2:]
    # Along each axis: the pixels that are looked at, and the share of each.
    taps = [_taps(place, n, mode, padding_mode, aligned) for place, n in zip(places, space, strict=True)]
    pixels = input.permute_dims((0, *range(2, input.ndim), 1))  # the channels last: one look-up for all of them
    batch = numpy.arange(input.shape[0])[:, None]

    def look_up(corner: tuple[tuple[Tensor, Tensor], ...]) -> Tensor:
        share = functools.reduce(operator.mul, (share for _, share in corner))
        return pixels[(batch, *(place for place, _ in corner))] * share.expand_dims(-1)

    total = functools.reduce(operator.add, map(look_up, itertools.product(*taps)))
    return total.swapaxes(1, 2)


def _taps(place: Tensor, n: int, mode: str, padding_mode: str, aligned: bool) -> list[tuple[Tensor, Tensor]]:
    """The numbers of the pixels that are looked at for a place on an axis of size n, and the share of each."""
    if mode != "bicubic":
        place = _bring_inside(place, n, padding_mode, aligned)
    taps = []
    for pixel, share in _NEIGHBOURS[mode](place):
        if mode == "bicubic":  # whose neighbours may be outside where the place is not
            pixel = _bring_inside(pixel, n, padding_mode, aligned)
        if padding_mode == "zeros":
            share = ((pixel < 0) | (pixel > n - 1)).where(0, share)
        pixel = (pixel == pixel).where(clip(pixel, 0, n - 1), 0)  # of a place that is nan the share is nan
        taps.append((pixel.astype("int64"), share))
    return taps


def _bring_inside(place: Tensor, n: int, padding_mode: str, aligned: bool) -> Tensor:
    """Places outside of an axis brought back onto it, but for "zeros"."""
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        low, period = (0.0, n - 1.0) if aligned else (-0.5, float(n))
        if period == 0:
            return place * 0
        walked = remainder(place - low, 2 * period)
        place = (walked <= period).where(walked, 2 * period - walked) + low
    return clip(place, 0, n - 1)


def _nearest(place: Tensor) -> list[tuple[Tensor, Tensor]]:
    pixel = place.round()
    return [(pixel, pixel * 0 + 1)]  # so that the place has a gradient, which is 0


def _linear(place: Tensor) -> list[tuple[Tensor, Tensor]]:
    left = floor(place.detach())
    beyond = place - left
    return [(left, 1 - beyond), (left + 1, beyond)]


def _cubic(place: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Keys's kernel with a = -0.75 of the distances to four neighbours."""
    left = floor(place.detach())
    t, a = place - left, -0.75
    near = [((a + 2) * d - (a + 3)) * d * d + 1 for d in (t, 1 - t)]
    far = [(((d - 5) * d + 8) * d - 4) * a for d in (t + 1, 2 - t)]
    return [(left - 1, far[0]), (left, near[0]), (left + 1, near[1]), (left + 2, far[1])]


_NEIGHBOURS = {"bilinear": _linear, "nearest": _nearest, "bicubic": _cubic}
