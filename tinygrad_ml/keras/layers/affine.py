"""Images whose pixels are taken from other places: through an affine map, or from places that are given."""

from __future__ import annotations

from collections.abc import Iterable

from ...functional import arange, clip, floor, remainder, where
from ...tensor import Tensor

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
"""What is seen outside of an image, but for "mirror", which `looked_up` knows, too."""


def transform(
    images: Tensor,
    matrix: Iterable[tuple[Tensor, Tensor, Tensor | None]],
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> Tensor:
    """out[n, y, x] = images[n, v, u] with (v, u) = A·(y, x) + b, A and b being those of image n.

    images  (batch, height, width, channels)
    matrix  ((a_vy, a_vx, b_v), (a_uy, a_ux, b_u)), each of shape (batch,); None for b leaves the middle where it is
    """
    batch, height, width, _ = images.shape
    middle = ((height - 1) / 2, (width - 1) / 2)
    y = arange(height, dtype="float32", device=images.device).reshape((1, height, 1))
    x = arange(width, dtype="float32", device=images.device).reshape((1, 1, width))
    sources = []
    for (by_y, by_x, shift), centre in zip(matrix, middle, strict=True):
        by_y, by_x = by_y.reshape((batch, 1, 1)), by_x.reshape((batch, 1, 1))
        if shift is None:
            sources.append(by_y * (y - middle[0]) + by_x * (x - middle[1]) + centre)
        else:
            sources.append(by_y * y + by_x * x + shift.reshape((batch, 1, 1)))
    v, u = sources
    return looked_up(images, v, u, fill_mode, interpolation, fill_value)


def looked_up(
    images: Tensor, v: Tensor, u: Tensor, fill_mode: str, interpolation: str = "bilinear", fill_value: float = 0.0
) -> Tensor:
    """out[n, y, x] = images[n, v[n, y, x], u[n, y, x]], at places between pixels a mean of those around, or the nearest."""
    if interpolation == "nearest":
        return _pixels(images, floor(v + 0.5), floor(u + 0.5), fill_mode, fill_value)
    v0, u0 = floor(v), floor(u)
    down, right = (v - v0).expand_dims(-1), (u - u0).expand_dims(-1)
    corners = [[_pixels(images, v0 + dv, u0 + du, fill_mode, fill_value) for du in (0, 1)] for dv in (0, 1)]
    upper, lower = (left + (other - left) * right for left, other in corners)
    return upper + (lower - upper) * down


def _pixels(images: Tensor, v: Tensor, u: Tensor, fill_mode: str, fill_value: float) -> Tensor:
    """images[n, v, u] for whole numbers v and u, which may lie outside."""
    batch, height, width, _ = images.shape
    n = arange(batch, device=images.device).reshape((batch, 1, 1))
    places = [_fold_places(at, size, fill_mode).astype("int64") for at, size in ((v, height), (u, width))]
    found = images[(n, *places)]
    if fill_mode != "constant":
        return found
    outside = (v < 0) | (v >= height) | (u < 0) | (u >= width)
    return where(outside.expand_dims(-1), fill_value, found)


def _fold_places(at: Tensor, size: int, fill_mode: str) -> Tensor:
    """Places outside of 0 ... size - 1 as the places inside whose pixels are seen there."""
    if fill_mode == "wrap":
        return remainder(at, size)
    if fill_mode == "mirror":  # the last pixel is not seen twice
        return abs(remainder(at + (size - 1), max(2 * size - 2, 1)) - (size - 1))
    if fill_mode == "reflect":
        at = remainder(at, 2 * size)
        return where(at >= size, 2 * size - 1 - at, at)
    return clip(at, 0, size - 1)
