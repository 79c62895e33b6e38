"""Images whose pixels are taken from other places: through an affine or projective map, or from places that are given.

What the layers of `geometry.py` and `keras.ops.image` have in common.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...functional import arange, clip, concat, floor, ones_like, round, stack, where, zeros_like
from ...linalg import solve
from ...tensor import Tensor

BEYOND_THE_EDGE: dict[str, Callable[[Tensor, int], Tensor]] = {
    "constant": lambda place, n: clip(place, 0, n - 1),
    "nearest": lambda place, n: clip(place, 0, n - 1),
    "wrap": lambda place, n: place % n,
    "mirror": lambda place, n: _mirrored(place, n - 1),
    "reflect": lambda place, n: (_mirrored(place * 2 + 1, 2 * n) - 1) // 2,
}
"""Which pixel stands at a place outside: none, the last one, those at the other end, the mirror's (the edge being there once,
or twice)."""
FILL_MODES = ("reflect", "wrap", "constant", "nearest")
"""What layers know of these; `RandomElasticTransform` and operations know "mirror", too."""
INTERPOLATIONS = ("bilinear", "nearest")


def _mirrored(place: Tensor, n: int) -> Tensor:
    return abs((place + n) % (2 * n) - n) if n else place * 0


def _neighbours(place: Tensor, interpolation: str) -> list[tuple[Tensor, Any]]:
    """The pixels around a place, and the share of each."""
    if interpolation == "nearest":
        return [(round(place).astype("int64"), 1)]
    low = floor(place.detach())
    beyond, pixel = place - low, low.astype("int64")
    return [(pixel, 1 - beyond), (pixel + 1, beyond)]


def looked_up(
    x: Tensor,
    places: Sequence[Tensor],
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
    lead: tuple = (),
) -> Tensor:
    """x at the places along its axes (those behind `lead`, which picks images); what axes are left come last.

    interpolation  "bilinear": between numbers, along each axis, the mean of the neighbours; "nearest": the nearest
    fill_mode      what is seen outside, a key of `BEYOND_THE_EDGE`
    """
    sizes = x.shape[len(lead) : len(lead) + len(places)]
    rest = (1,) * (x.ndim - len(lead) - len(places))
    total: Any = 0
    for corner in itertools.product(*(_neighbours(place, interpolation) for place in places)):
        pixels = [BEYOND_THE_EDGE[fill_mode](pixel, n) for (pixel, _), n in zip(corner, sizes, strict=True)]
        seen = x[(*lead, *pixels)]
        if fill_mode == "constant":
            inside = [(pixel >= 0) & (pixel < n) for (pixel, _), n in zip(corner, sizes, strict=True)]
            whole = functools.reduce(operator.and_, inside)
            seen = where(whole.reshape((*whole.shape, *rest)), seen, fill_value)
        share = functools.reduce(operator.mul, (share for _, share in corner))
        total = total + (seen * share.reshape((*share.shape, *rest)) if isinstance(share, Tensor) else seen)
    return total


def images_at(
    images: Tensor,
    rows: Tensor,
    columns: Tensor,
    fill_mode: str = "reflect",
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> Tensor:
    """out[n, y, x] = images[n, rows[n, y, x], columns[n, y, x]], of images (batch, height, width, channels)."""
    shape = images.shape[:3]
    places = [place.broadcast_to(shape) for place in (rows, columns)]
    each = arange(shape[0], device=images.device).reshape((shape[0], 1, 1))
    return looked_up(images, places, fill_mode, interpolation, fill_value, (each,))


def grid(images: Tensor) -> tuple[Tensor, Tensor]:
    """The rows (1, height, 1) and columns (1, 1, width) of the pixels of images."""
    y, x = (arange(n, dtype=images.dtype, device=images.device) for n in images.shape[1:3])
    return y.reshape((1, -1, 1)), x.reshape((1, 1, -1))


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
    y, x = grid(images)
    middle = [(n - 1) / 2 for n in images.shape[1:3]]
    sources = []
    for (by_y, by_x, shift), centre in zip(matrix, middle, strict=True):
        by_y, by_x = by_y.reshape((-1, 1, 1)), by_x.reshape((-1, 1, 1))
        if shift is None:
            sources.append(by_y * (y - middle[0]) + by_x * (x - middle[1]) + centre)
        else:
            sources.append(by_y * y + by_x * x + shift.reshape((-1, 1, 1)))
    v, u = sources
    return images_at(images, v, u, fill_mode, interpolation, fill_value)


def projected(
    images: Tensor, a: Tensor, fill_mode: str = "constant", interpolation: str = "bilinear", fill_value: float = 0.0
) -> Tensor:
    """out at (column, row) = images at ((a₀·column + a₁·row + a₂)/k, (a₃·column + a₄·row + a₅)/k), k = a₆·column + a₇·row + 1.

    a  (batch, 8), or (1, 8) for all images
    """
    a = a.astype(images.dtype).reshape((-1, 8, 1, 1))
    rows, columns = grid(images)
    depth = a[:, 6] * columns + a[:, 7] * rows + 1
    column, row = ((a[:, i] * columns + a[:, i + 1] * rows + a[:, i + 2]) / depth for i in (0, 3))
    return images_at(images, row, column, fill_mode, interpolation, fill_value)


def homography(start: Tensor, end: Tensor) -> Tensor:
    """The (batch, 8) numbers of `projected` that let four points `start` (column, row) be seen at four points `end`, each
    (batch, 4, 2)."""
    place = concat([end, ones_like(end[..., :1])], axis=-1)
    nothing = zeros_like(place)
    rows = [
        concat([*parts, -end * start[..., i : i + 1]], axis=-1)
        for i, parts in enumerate(([place, nothing], [nothing, place]))
    ]
    matrix, wanted = stack(rows, axis=2).reshape((-1, 8, 8)), start.reshape((-1, 8, 1))
    return solve(matrix, wanted).squeeze(-1)
