"""Resizing, cropping, patches, colours, filters of images; what moves pixels to other places is in `warping.py`.

Images are (height, width, channels), or a batch of such; with `data_format="channels_first"` (channels, height, width).

Read before: `convolving.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from ... import functional as tg
from ...backend import dtypes
from ...errors import DTypeError, OptionError, ShapeError
from ...functional.convolution import per_axis
from ...tensor import Tensor
from ..checks import one_of
from ..layers.channels import checked_format
from ..layers.filters import filtered
from ..layers.pixels import gray_of, hsv_of, rgb_of
from ..layers.resizing import INTERPOLATE_AS, fitting_crop, fitting_pad, resized
from .calls import image_operation
from .convolving import convolved
from .tensors import float_of, tensor_of, tensors


def channels_last(function: Callable[[Tensor], Tensor], images: Any, data_format: str | None, rank: int = 2) -> Tensor:
    """`function`, of a batch with the channels last, of one image or a batch in either format."""
    x = tensor_of(images)
    if x.ndim not in (rank + 1, rank + 2):
        raise ShapeError(f"images have {rank + 1} axes, or {rank + 2} as a batch, but got {x._described()}")
    alone, first = x.ndim == rank + 1, checked_format(data_format) == "channels_first"
    x = x.expand_dims(0) if alone else x
    y = function(tg.moveaxis(x, 1, -1) if first else x)
    y = tg.moveaxis(y, -1, 1) if first and y.ndim == rank + 2 else y
    return y.squeeze(0) if alone else y


def as_before(y: Tensor, x: Tensor) -> Tensor:
    """y, computed in floats, in the dtype of x; rounded, where these are integers."""
    return y if y.dtype == x.dtype else y.astype(x.dtype) if dtypes.is_float(x.dtype) else tg.round(y).astype(x.dtype)


@image_operation
def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images of another `size` (height, width).

    interpolation         "nearest", "bilinear" or "bicubic"
    antialias             whether the filter grows where images shrink, but for "nearest"
    crop_to_aspect_ratio  whether images are first cut to the shape of `size`, in their middle
    pad_to_aspect_ratio   whether they are first filled up to it with `fill_value`
    """
    one_of("interpolation", interpolation, INTERPOLATE_AS)
    one_of("fill_mode", fill_mode, ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise OptionError("resize takes crop_to_aspect_ratio=True or pad_to_aspect_ratio=True, and not both")
    height, width = (int(n) for n in size)

    def changed(x: Tensor) -> Tensor:
        y = x if dtypes.is_float(x.dtype) and x.dtype != dtypes.float16 else x.astype(dtypes.float32)
        if crop_to_aspect_ratio:
            y = fitting_crop(y, height, width)
        elif pad_to_aspect_ratio:
            y = fitting_pad(y, height, width, fill_value)
        y = resized(y, height, width, interpolation, antialias)
        if interpolation == "bicubic" and x.dtype == dtypes.uint8:
            y = tg.clip(y, 0, 255)
        return as_before(y, x)

    return channels_last(changed, images, data_format)


def _ends(n: int, before: int | None, behind: int | None, target: int | None, what: str) -> tuple[int, int]:
    """(before, behind) of an axis, of which one may be what the target leaves over; n grows where they are positive."""
    if sum(part is None for part in (before, behind, target)) != 1:
        raise OptionError(f"{what}: give two of the two sides and the target, and leave the third out")
    if target is not None:
        more = target - n
        before = more - behind if before is None and behind is not None else before
        behind = more - before if behind is None and before is not None else behind
    assert before is not None and behind is not None
    return before, behind


@image_operation
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images without so many rows and columns at their sides; of each axis two of (before, behind, target) are given."""
    less = [None if side is None else -side for side in (top_cropping, bottom_cropping, left_cropping, right_cropping)]

    def cropped(x: Tensor) -> Tensor:
        h, w = x.shape[1:3]
        top, bottom = _ends(h, less[0], less[1], target_height, "crop_images, rows")
        left, right = _ends(w, less[2], less[3], target_width, "crop_images, columns")
        if max(top, bottom, left, right) > 0 or h + top + bottom < 0 or w + left + right < 0:
            raise OptionError(f"crop_images of images of {h}×{w}: what is cut off must be there")
        return x[:, -top : h + bottom, -left : w + right]

    return channels_last(cropped, images, data_format)


@image_operation
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images with rows and columns of 0 at their sides; of each axis two of (before, behind, target) are given."""

    def padded(x: Tensor) -> Tensor:
        h, w = x.shape[1:3]
        rows = _ends(h, top_padding, bottom_padding, target_height, "pad_images, rows")
        columns = _ends(w, left_padding, right_padding, target_width, "pad_images, columns")
        if min(*rows, *columns) < 0:
            raise OptionError(
                f"pad_images of images of {h}×{w}: the target must not be smaller, and no side less than 0"
            )
        return tg.pad(x, [(0, 0), rows, columns, (0, 0)])

    return channels_last(padded, images, data_format)


def _patches(
    x: Any, size: Any, strides: Any, dilation: Any, padding: str, data_format: str | None, rank: int
) -> Tensor:
    """Windows as channels: what a convolution gives whose kernel picks each of their numbers."""
    window = per_axis(size, rank, "size")
    strides = strides or window

    def laid(volumes: Tensor) -> Tensor:
        count = math.prod(window) * volumes.shape[-1]
        kernel = tg.eye(count, dtype=volumes.dtype, device=volumes.device).reshape((*window, volumes.shape[-1], count))
        return convolved(volumes, kernel, strides, padding, "channels_last", dilation, 1)

    return channels_last(laid, float_of(x), data_format, rank)


@image_operation
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The windows of images, each with its numbers as channels: (batch, rows, columns, height · width · channels)."""
    if isinstance(size, (tuple, list)) and len(size) == 3:
        return _patches(images, size, strides, dilation_rate, padding, data_format, 3)
    return _patches(images, size, strides, dilation_rate, padding, data_format, 2)


@image_operation
def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The windows of volumes, each with its numbers as channels."""
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


@image_operation
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Tensor:
    """0.2989·red + 0.587·green + 0.114·blue, as one channel; images of one channel stay as they are."""
    return channels_last(lambda x: gray_of(float_of(x)).astype(x.dtype), images, data_format)


def _floats(what: str, images: Any) -> Tensor:
    x = tensor_of(images)
    if not dtypes.is_float(x.dtype):
        raise DTypeError(f"{what} takes images of floats from 0 to 1, and not of {x.dtype}: divide them by 255")
    return x


@image_operation
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Tensor:
    """Hue, saturation and value, each from 0 to 1, of red, green and blue."""
    return channels_last(hsv_of, _floats("rgb_to_hsv", images), data_format)


@image_operation
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Tensor:
    """Red, green and blue of hue, saturation and value, each from 0 to 1."""
    return channels_last(rgb_of, _floats("hsv_to_rgb", images), data_format)


def _filtered(x: Tensor, kernel: numpy.ndarray, padding: int) -> Tensor:
    return filtered(x, x._like(kernel), padding)


def _bell(size: int, sigma: float) -> numpy.ndarray:
    places = numpy.arange(size) - (size - 1) / 2
    weights = numpy.exp(-0.5 * (places / sigma) ** 2)
    return weights / weights.sum()


def _numbers(x: Any, count: int) -> list[float]:
    given = x.tolist() if hasattr(x, "tolist") else x
    return [float(one) for one in given] if isinstance(given, (list, tuple)) else [float(given)] * count


@image_operation
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Tensor:
    """Images under a bell of a width `sigma` (along rows, along columns), cut to `kernel_size`; beyond the sides is 0."""
    columns, rows = (int(n) for n in per_axis(kernel_size, 2, "kernel_size"))
    width, height = _numbers(sigma, 2)
    kernel = numpy.outer(_bell(rows, height), _bell(columns, width))
    return channels_last(lambda x: as_before(_filtered(float_of(x), kernel, columns // 2), x), images, data_format)


@image_operation
def sobel_edges(images: Any, data_format: str | None = None) -> Tensor:
    """The slopes (down, right) of images by Sobel's filters, along a new last axis; beyond the sides is 0."""
    x = float_of(images)
    first = checked_format(data_format) == "channels_first"
    x = tg.moveaxis(x, 1, -1) if first else x
    right = numpy.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    edges = tg.stack([_filtered(x, kernel, 1) for kernel in (right.T, right)], -1)
    return tg.moveaxis(edges, -2, 1) if first else edges


@image_operation
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Tensor:
    """How alike two images are in structure, from -1 to 1: means, variances and covariance under a bell, compared.

    Source: Z. Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity" (2004).
    """
    x, y = (float_of(image) for image in tensors(image1, image2))
    if x.shape != y.shape:
        raise ShapeError(f"ssim compares images of one shape, not {x._described()} and {y._described()}")
    bell = _bell(filter_size, filter_sigma)
    kernel = numpy.outer(bell, bell)

    def alike(both: Tensor) -> Tensor:
        a, b = both[..., : both.shape[-1] // 2], both[..., both.shape[-1] // 2 :]
        blur = lambda image: _filtered(image, kernel, 0)  # noqa: E731
        mean_a, mean_b = blur(a), blur(b)
        var_a, var_b = blur(a * a) - mean_a * mean_a, blur(b * b) - mean_b * mean_b
        covariance = blur(a * b) - mean_a * mean_b
        c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
        top = (mean_a * mean_b * 2 + c1) * (covariance * 2 + c2)
        return tg.mean(top / ((mean_a * mean_a + mean_b * mean_b + c1) * (var_a + var_b + c2)), (1, 2, 3))

    axis = -1 if checked_format(data_format) == "channels_last" else -3
    return channels_last(alike, tg.concat([x, y], axis), data_format)
