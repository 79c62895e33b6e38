"""Convolutions and pooling, columns, blocks of pixels as channels.

Images are (batch, *space, channels), or (batch, channels, *space) with `data_format="channels_first"`.

Read before: `tensors.py`, `../layers/channels.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import functional as tg
from ...errors import ShapeError
from ...functional import pooling
from ...functional.convolution import per_axis
from ...nn import functional as F
from ...tensor import Tensor
from ..checks import one_of
from ..layers.channels import channels_first, checked_format, checked_padding, padding_of
from .calls import operation
from .tensors import float_of, tensor_of


def convolved(
    x: Any,
    kernel: Tensor,
    strides: Any,
    padding: str,
    data_format: str | None,
    dilation: Any,
    groups: int | None = None,
) -> Tensor:
    """Kernel (*window, channels in of a group, channels out), groups as many as fit."""
    x = float_of(x)
    rank = kernel.ndim - 2
    data_format, padding = checked_format(data_format), checked_padding(padding, rank == 1)
    window = kernel.shape[:rank]
    stride, dilated = per_axis(strides, rank, "strides"), per_axis(dilation, rank, "dilation_rate")

    def convolve(image: Tensor) -> Tensor:
        channels, each = image.shape[1], kernel.shape[-2]
        if channels % each:
            raise ShapeError(f"the kernel is for {each} channels, or a part of them, and the images have {channels}")
        pairs = padding_of(padding, image.shape[2:], window, stride, dilated)
        turned = kernel.permute_dims((rank + 1, rank, *range(rank)))
        return (F.conv1d, F.conv2d, F.conv3d)[rank - 1](
            image, turned, None, stride, pairs, dilated, channels // each if groups is None else groups
        )

    return channels_first(convolve, x, data_format, rank)


@operation
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """y[n, p, o] = Σ over k, c of kernel[k, c, o] · x[n, p·stride + k·dilation, c], in 1, 2 or 3 axes of space.

    kernel  (*window, channels in, channels out); where images have more channels, they are cut into so many groups
    """
    return convolved(inputs, float_of(kernel), strides, padding, data_format, dilation_rate)


@operation
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """Each channel is convolved for itself: kernel (*window, channels, channels out of each)."""
    kernel = float_of(kernel)
    kernel = kernel.reshape((*kernel.shape[:-2], 1, -1))
    return convolved(inputs, kernel, strides, padding, data_format, dilation_rate)


@operation
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """`depthwise_conv`, then `conv` with a kernel of one pixel."""
    each = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return convolved(each, float_of(pointwise_kernel), 1, "valid", data_format, 1)


@operation
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """The transpose of `conv`: each pixel adds a weighted kernel (*window, channels out, channels in) to the output.

    padding         "same": n·stride pixels; "valid": (n - 1)·stride + window, and not less than n·stride
    output_padding  how many pixels the output has beyond the least that has n positions, in place of that
    """
    x, kernel = float_of(inputs), float_of(kernel)
    rank = kernel.ndim - 2
    data_format, padding = checked_format(data_format), checked_padding(padding)
    stride, dilated = per_axis(strides, rank, "strides"), per_axis(dilation_rate, rank, "dilation_rate")
    more = (None,) * rank if output_padding is None else per_axis(output_padding, rank, "output_padding")
    transpose = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[rank - 1]

    def spread(image: Tensor) -> Tensor:
        turned = kernel.permute_dims((rank + 1, rank, *range(rank)))
        whole = transpose(image, turned, None, stride, 0, 0, 1, dilated)
        for axis, (k, s, d, add) in enumerate(zip(kernel.shape[:rank], stride, dilated, more, strict=True)):
            whole = _cut(whole, axis + 2, *_cuts(d * (k - 1) + 1, s, padding, add))
        return whole

    return channels_first(spread, x, data_format, rank)


def _cuts(window: int, stride: int, padding: str, more: int | None) -> tuple[int, int]:
    """How many pixels of (n - 1)·stride + window are cut off before and behind; a negative number is added."""
    if padding == "valid":
        return 0, -(max(stride - window, 0) if more is None else more)
    kept = stride if more is None else window % 2 + more  # beyond (n - 1)·stride
    before = max(window - 1 - -(-(window + kept - 2) // 2), 0)
    return before, window - kept - before


def _cut(x: Tensor, axis: int, before: int, behind: int) -> Tensor:
    x = x[(slice(None),) * axis + (slice(max(before, 0), x.shape[axis] - max(behind, 0)),)]
    widths = [(0, 0)] * x.ndim
    widths[axis] = (max(-before, 0), max(-behind, 0))
    return tg.pad(x, widths) if widths[axis] != (0, 0) else x


def _pooled(pool: Callable[..., Any], x: Any, size: Any, strides: Any, padding: str, data_format: str | None) -> Tensor:
    x = float_of(x)
    rank = x.ndim - 2
    window = per_axis(size, rank, "pool_size")
    stride = window if strides is None else per_axis(strides, rank, "strides")
    padding = checked_padding(padding)

    def apply(image: Tensor) -> Tensor:
        return pool(image, window, stride, padding_of(padding, image.shape[2:], window, stride, (1,) * rank))

    return channels_first(apply, x, checked_format(data_format), rank)


@operation
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The largest number in each window."""
    return _pooled(pooling.max_pool, inputs, pool_size, strides, padding, data_format)


@operation
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The mean of each window, in which padding does not count."""
    mean = lambda *given: pooling.avg_pool(*given, count_include_pad=False)  # noqa: E731
    return _pooled(mean, inputs, pool_size, strides, padding, data_format)


def _adapted(reduce: Callable, x: Any, output_size: Any, data_format: str | None) -> Tensor:
    x = float_of(x)
    rank = x.ndim - 2
    sizes = per_axis(output_size, rank, "output_size")
    pool = lambda image: pooling.adaptive_pool(image, sizes, reduce)  # noqa: E731
    return channels_first(pool, x, checked_format(data_format), rank)


@operation
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Tensor:
    """The means of the cells of a grid of `output_size`."""
    return _adapted(tg.mean, inputs, output_size, data_format)


@operation
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Tensor:
    """The largest numbers in the cells of a grid of `output_size`."""
    return _adapted(tg.max, inputs, output_size, data_format)


@operation
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows of images (batch, channels, height, width) as columns (batch, channels · kernel, positions)."""
    return F.unfold(tensor_of(x), kernel_size, dilation, padding, stride)


@operation
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Columns (batch, channels · kernel, positions) added up to images (batch, channels, *output_size)."""
    return F.fold(tensor_of(x), output_size, kernel_size, dilation, padding, stride)


@operation
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Tensor:
    """The channels of each pixel as a block of pixels: (n, h, w, c) becomes (n, h·b, w·b, c/b²)."""
    first = one_of("data_format", data_format, ("channels_last", "channels_first")) == "channels_first"
    x, b = tensor_of(x), block_size
    if first:
        n, c, h, w = x.shape
        parts = x.reshape((n, c // b**2, b, b, h, w)).permute_dims((0, 1, 4, 2, 5, 3))
        return parts.reshape((n, c // b**2, h * b, w * b))
    n, h, w, c = x.shape
    parts = x.reshape((n, h, w, b, b, c // b**2)).permute_dims((0, 1, 3, 2, 4, 5))
    return parts.reshape((n, h * b, w * b, c // b**2))


@operation
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Blocks of pixels as channels of one: (n, h, w, c) becomes (n, h/b, w/b, c·b²)."""
    first = one_of("data_format", data_format, ("channels_last", "channels_first")) == "channels_first"
    x, b = tensor_of(x), block_size
    if first:
        n, c, h, w = x.shape
        parts = x.reshape((n, c, h // b, b, w // b, b)).permute_dims((0, 1, 3, 5, 2, 4))
        return parts.reshape((n, c * b**2, h // b, w // b))
    n, h, w, c = x.shape
    parts = x.reshape((n, h // b, b, w // b, b, c)).permute_dims((0, 1, 3, 2, 4, 5))
    return parts.reshape((n, h // b, w // b, c * b**2))
