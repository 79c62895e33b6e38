"""Pooling: the largest element, or the mean, of each window of a sequence, an image or a volume.

Shapes as in `convolution.py`. `stride` is the size of the window by default, so that windows touch. The mathematics is
in `tinygrad_ml/functional/convolution.py`, for any dimension.
"""

from ...functional import max as largest
from ...functional import mean
from ...functional.convolution import adaptive_pool, avg_pool, max_pool
from ...tensor import Tensor
from .convolution import in_each_dimension


def _max_pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode: bool = False) -> Tensor:
    """The largest element of each window of (batch, channels, {space}); padding counts as -∞.

    ceil_mode  whether a last window that reaches over the edge counts too
    """
    return max_pool(input, kernel_size, stride, padding, dilation, ceil_mode)


max_pool1d, max_pool2d, max_pool3d = in_each_dimension(_max_pool)


def _avg_pool(
    input, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Tensor:
    """The mean of each window of (batch, channels, {space}).

    ceil_mode          whether a last window that reaches over the edge counts too
    count_include_pad  whether padding counts, as zeros
    """
    return avg_pool(input, kernel_size, stride, padding, ceil_mode, count_include_pad)


avg_pool1d, avg_pool2d, avg_pool3d = in_each_dimension(_avg_pool)


def _adaptive_avg_pool(input, output_size) -> Tensor:
    """The means of the cells of a grid of `output_size` over (batch, channels, {space}), of about equal size.

    output_size  a number, or one for each axis; None leaves an axis as it is
    """
    return adaptive_pool(input, output_size, mean)


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = in_each_dimension(_adaptive_avg_pool)


def _adaptive_max_pool(input, output_size) -> Tensor:
    """The largest elements of the cells of a grid of `output_size` over (batch, channels, {space}), of about equal size.

    output_size  a number, or one for each axis; None leaves an axis as it is
    """
    return adaptive_pool(input, output_size, largest)


adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = in_each_dimension(_adaptive_max_pool)
