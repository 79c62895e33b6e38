"""Pooling: the largest element, or the mean, of each window of a sequence or an image.

Shapes as in `convolution.py`. `stride` is the size of the window by default, so that windows touch.
"""

from ...functional import max as largest
from ...functional import mean
from ...functional.convolution import adaptive_pool, avg_pool, max_pool
from ...tensor import Tensor
from .convolution import batched


def max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode: bool = False) -> Tensor:
    """The largest element of each window; padding counts as -∞.

    ceil_mode  whether a last window that reaches over the edge counts too
    """
    return batched(lambda x: max_pool(x, kernel_size, stride, padding, dilation, ceil_mode), input, 1, "max_pool1d")


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode: bool = False) -> Tensor:
    """The largest element of each window; padding counts as -∞. Options as in `max_pool1d`."""
    return batched(lambda x: max_pool(x, kernel_size, stride, padding, dilation, ceil_mode), input, 2, "max_pool2d")


def avg_pool1d(
    input, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Tensor:
    """The mean of each window.

    count_include_pad  whether padding counts, as zeros
    """
    return batched(
        lambda x: avg_pool(x, kernel_size, stride, padding, ceil_mode, count_include_pad), input, 1, "avg_pool1d"
    )


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Tensor:
    """The mean of each window. Options as in `avg_pool1d`."""
    return batched(
        lambda x: avg_pool(x, kernel_size, stride, padding, ceil_mode, count_include_pad), input, 2, "avg_pool2d"
    )


def adaptive_avg_pool1d(input, output_size: int) -> Tensor:
    """The means of `output_size` stretches of the sequence, of about equal length."""
    return batched(lambda x: adaptive_pool(x, output_size, mean), input, 1, "adaptive_avg_pool1d")


def adaptive_avg_pool2d(input, output_size) -> Tensor:
    """The means of the cells of a grid of `output_size` (a number, or two; None leaves an axis as it is)."""
    return batched(lambda x: adaptive_pool(x, output_size, mean), input, 2, "adaptive_avg_pool2d")


def adaptive_max_pool1d(input, output_size: int) -> Tensor:
    """The largest elements of `output_size` stretches of the sequence, of about equal length."""
    return batched(lambda x: adaptive_pool(x, output_size, largest), input, 1, "adaptive_max_pool1d")


def adaptive_max_pool2d(input, output_size) -> Tensor:
    """The largest elements of the cells of a grid of `output_size` (a number, or two; None leaves an axis)."""
    return batched(lambda x: adaptive_pool(x, output_size, largest), input, 2, "adaptive_max_pool2d")
