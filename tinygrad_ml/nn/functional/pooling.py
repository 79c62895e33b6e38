"""Pooling: the largest element, or the mean, of each window of a sequence, an image or a volume.

Shapes as in `convolution.py`. `stride` is the size of the window by default, so that windows touch. The mathematics is
in `tinygrad_ml/functional/pooling.py`, for any dimension.
"""

import math
from collections.abc import Sequence
from typing import Literal, overload

from ...errors import OptionError
from ...functional import max as largest
from ...functional import mean
from ...functional.composed import composed
from ...functional.convolution import per_axis
from ...functional.pooling import adaptive_max_places, adaptive_pool, avg_pool, max_pool, max_unpool
from ...functional.reductions import rounded, widened
from ...tensor import Tensor, TensorLike, as_tensor
from ...typing import Cells, Padding, PerAxis
from .convolution import batched, in_each_dimension


@overload
def _max_pool(
    input: TensorLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: Literal[False] = False,
) -> Tensor: ...
@overload
def _max_pool(
    input: TensorLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]: ...
def _max_pool(
    input: TensorLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest element of each window of (batch, channels, {space}); padding counts as -∞.

    ceil_mode       whether a last window that reaches over the edge counts too
    return_indices  whether to return, beside them, where they are: numbers (int64) in the flattened space, for
                    `max_unpool{name}`
    """
    return max_pool(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


max_pool1d, max_pool2d, max_pool3d = in_each_dimension(_max_pool)


def _max_unpool(
    input: Tensor,
    indices: TensorLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The largest elements of windows put back where they were, among zeros: the way back from `max_pool{name}`.

    input, indices  what `max_pool{name}` with `return_indices` has made of (batch, channels, {space})
    output_size     the space of the result; by default (n - 1)·stride - 2·padding + kernel_size

    Raises `RangeError` for indices that are outside of that space.
    """
    indices = as_tensor(indices)
    if indices.ndim < input.ndim:  # neither had a batch
        indices = indices.expand_dims(0)
    return max_unpool(input, indices, kernel_size, stride, padding, output_size)


max_unpool1d, max_unpool2d, max_unpool3d = in_each_dimension(_max_unpool)


@composed
def avg_pool1d(
    input: TensorLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of (batch, channels, length).

    ceil_mode          whether a last window that reaches over the edge counts too
    count_include_pad  whether padding counts, as zeros
    """
    return batched(
        lambda x: avg_pool(x, kernel_size, stride, padding, ceil_mode, count_include_pad), input, 1, "avg_pool1d"
    )


def _avg_pool(
    input: TensorLike,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of (batch, channels, {space}).

    ceil_mode          whether a last window that reaches over the edge counts too
    count_include_pad  whether padding counts, as zeros
    divisor_override   by what the sum of a window is divided, in place of the number of its elements
    """
    return avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


_, avg_pool2d, avg_pool3d = in_each_dimension(_avg_pool)


def _lp_pool(
    input: Tensor, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) over each window of (batch, channels, {space}), p being `norm_type`: 1 gives the sum, ∞ would be the largest.

    ceil_mode  whether a last window that reaches over the edge counts too, its mean standing for what is not there
    """
    if not math.isfinite(norm_type) or norm_type == 0:
        raise OptionError(
            f"lp_pool needs a number other than 0 as norm_type, not {norm_type}; see max_pool for infinity"
        )
    count = math.prod(per_axis(kernel_size, input.ndim - 2, "kernel_size"))
    total = avg_pool(widened(input) ** norm_type, kernel_size, stride, 0, ceil_mode) * count
    nothing = total == 0  # where the gradient is 0, and not infinite
    return rounded(nothing.where(0, nothing.where(1, total) ** (1 / norm_type)), input)


lp_pool1d, lp_pool2d, lp_pool3d = in_each_dimension(_lp_pool)


def _adaptive_avg_pool(input: TensorLike, output_size: Cells) -> Tensor:
    """The means of the cells of a grid of `output_size` over (batch, channels, {space}), of about equal size.

    output_size  a number, or one for each axis; None leaves an axis as it is
    """
    return adaptive_pool(input, output_size, mean)


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = in_each_dimension(_adaptive_avg_pool)


@overload
def _adaptive_max_pool(input: TensorLike, output_size: Cells, return_indices: Literal[False] = False) -> Tensor: ...
@overload
def _adaptive_max_pool(
    input: TensorLike, output_size: Cells, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]: ...
def _adaptive_max_pool(
    input: TensorLike, output_size: Cells, return_indices: bool = False
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest elements of the cells of a grid of `output_size` over (batch, channels, {space}), of about equal size.

    output_size     a number, or one for each axis; None leaves an axis as it is
    return_indices  whether to return, beside them, where they are: numbers (int64) in the flattened space
    """
    y = adaptive_pool(input, output_size, largest)
    return (y, adaptive_max_places(input, output_size)) if return_indices else y


adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = in_each_dimension(_adaptive_max_pool)
