"""Images whose pixels are looked up in other places: `map_coordinates`, and what is made of it. Read before:
`../layers/affine.py`, `images.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ... import functional as tg
from ... import random
from ...backend import dtypes
from ...errors import OptionError, ShapeError
from ...tensor import Tensor
from ..checks import one_of
from ..layers.affine import BEYOND_THE_EDGE, INTERPOLATIONS, grid, homography, images_at, looked_up, projected
from ..random import drawing
from .calls import image_operation
from .images import as_before, channels_last, gaussian_blur
from .tensors import float_of, tensor_of, whole_number


@image_operation
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Tensor:
    """x at places between its numbers: y[p] = x at (coordinates[0][p], coordinates[1][p], ...).

    order      0: the nearest number; 1: on the lines between neighbours
    fill_mode  what stands outside: "constant" (`fill_value`), "nearest", "wrap", "mirror" (the edge once), "reflect" (twice)
    """
    if order not in (0, 1):
        raise OptionError(f"map_coordinates: order={order!r} is not 0 or 1")
    x = tensor_of(inputs)
    places = [float_of(place) for place in coordinates]
    if len(places) != x.ndim:
        raise ShapeError(f"map_coordinates takes places along each of the {x.ndim} axes of x, not along {len(places)}")
    one_of("fill_mode", fill_mode, BEYOND_THE_EDGE)
    interpolation = ("nearest", "bilinear")[order]
    return as_before(looked_up(float_of(x), places, fill_mode, interpolation, fill_value), x)


def _projected(
    images: Any, a: Tensor, interpolation: str, fill_mode: str, fill_value: float, data_format: str | None
) -> Tensor:
    one_of("fill_mode", fill_mode, BEYOND_THE_EDGE)
    one_of("interpolation", interpolation, INTERPOLATIONS)
    seen = lambda x: as_before(projected(float_of(x), a, fill_mode, interpolation, fill_value), x)  # noqa: E731
    return channels_last(seen, images, data_format)


@image_operation
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """y at (column, row) = x at (a₀·column + a₁·row + a₂, b₀·column + b₁·row + b₂) / (c₀·column + c₁·row + 1).

    transform      the 8 numbers a₀ a₁ a₂ b₀ b₁ b₂ c₀ c₁, or those of each image
    interpolation  "nearest" or "bilinear"
    fill_mode      as for `map_coordinates`
    """
    transform = float_of(transform)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ShapeError(f"affine_transform takes 8 numbers, or 8 for each image, and not {transform._described()}")
    transform = transform.reshape((-1, 8))
    return _projected(images, transform, interpolation, fill_mode, fill_value, data_format)


@image_operation
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Tensor:
    """Images moved so that four points (column, row) come to stand at four others.

    start_points, end_points  (4, 2), or (batch, 4, 2)
    """
    start, end = (float_of(points) for points in (start_points, end_points))
    if start.shape != end.shape or start.shape[-2:] != (4, 2) or start.ndim not in (2, 3):
        raise ShapeError(f"perspective_transform takes four points (column, row), not {start.shape} and {end.shape}")
    transform = homography(start.reshape((-1, 4, 2)), end.reshape((-1, 4, 2)))
    return _projected(images, transform, interpolation, "constant", fill_value, data_format)


@image_operation
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with each pixel looked up at a random distance, which changes smoothly from pixel to pixel.

    alpha  how far, and `sigma` over how many pixels it is alike. Source: P. Simard, D. Steinkraus, J. Platt, "Best Practices
    for Convolutional Neural Networks" (2003).
    """
    one_of("fill_mode", fill_mode, BEYOND_THE_EDGE)
    one_of("interpolation", interpolation, INTERPOLATIONS)
    window = int(6 * float(sigma)) | 1

    def bent(x: Tensor) -> Tensor:
        wide = float_of(x)
        with drawing(seed):
            noise = random.standard_normal((*x.shape[:3], 2), wide.dtype, wide.device) * float(sigma)
        away = gaussian_blur(noise, (window, window), (sigma, sigma), "channels_last") * float(alpha)
        rows, columns = grid(wide)
        seen = images_at(wide, rows + away[..., 0], columns + away[..., 1], fill_mode, interpolation, fill_value)
        return as_before(seen, x)

    return channels_last(bent, images, data_format)


def _triangle(x: Tensor) -> Tensor:
    return tg.relu(1 - x)


def _cubic(x: Tensor) -> Tensor:
    """Keys's kernel with a = -0.5."""
    near, far = ((1.5 * x - 2.5) * x) * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return tg.where(x >= 2, 0, tg.where(x >= 1, far, near))


def _lanczos(radius: int) -> Callable[[Tensor], Tensor]:
    return lambda x: tg.where(x > radius, 0, tg.sinc(x) * tg.sinc(x / radius))


KERNELS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}


@image_operation
def scale_and_translate(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Tensor:
    """x stretched along axes by `scale`, and moved by `translation`, onto `output_shape`: place p comes from
    (p + ½ - translation) / scale - ½.

    method     the kernel: "linear" ("bilinear", "trilinear", "triangle"), "cubic", "lanczos3" or "lanczos5"
    antialias  whether the kernel grows where x shrinks
    """
    kernel = KERNELS[one_of("method", method, KERNELS)]
    x = tensor_of(images)
    y = float_of(x)
    scale, translation = (float_of(one).astype(y.dtype) for one in (scale, translation))
    for i, axis in enumerate(spatial_dims):
        n, out = x.shape[axis], whole_number("output_shape", output_shape[axis])
        weights = _weights(n, out, scale[i], translation[i], kernel, antialias)
        y = tg.moveaxis(tg.tensordot(y, weights, axes=((axis % x.ndim,), (0,))), -1, axis)
    return as_before(y if y.dtype == x.dtype else tg.clip(tg.round(y), tg.min(x), tg.max(x)), x)


def _weights(n: int, out: int, scale: Tensor, translation: Tensor, kernel: Callable, antialias: bool) -> Tensor:
    """How much of each of n numbers is in each of `out`."""
    inverse = 1 / scale
    step = tg.maximum(inverse, 1) if antialias else inverse * 0 + 1
    places = (scale._like(numpy.arange(out) + 0.5) - translation) * inverse - 0.5
    away = tg.abs(places - scale._like(numpy.arange(n)[:, None])) / step
    weights = kernel(away)
    total = tg.sum(weights, 0, True)
    empty = tg.abs(total) <= 1000 * tg.finfo(dtypes.float32).eps
    weights = tg.where(empty, 0, weights / tg.where(empty, 1, total))
    return tg.where((places >= -0.5) & (places <= n - 0.5), weights, 0)
