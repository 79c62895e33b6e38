"""Convolutions of sequences and images. The mathematics is in `tinygrad_ml/functional/convolution.py`, for any dimension.

Shapes: (batch, channels, length) in 1-D, (batch, channels, height, width) in 2-D; the batch may be left out.
"""

from collections.abc import Callable

from ...errors import ShapeError
from ...functional.convolution import convolution, convolution_transpose
from ...modes import inside, modes
from ...tensor import Tensor, as_tensor


def batched(function: Callable, input, dims: int, what: str) -> Tensor:
    """`function` of an input with an axis for the batch, which is taken away again if the input has none."""
    input = as_tensor(input)
    if input.ndim == dims + 2:
        return function(input)
    if input.ndim == dims + 1:
        return function(input.expand_dims(0)).squeeze(0)
    space = "length" if dims == 1 else "height, width"
    raise ShapeError(
        f"{what}{inside(modes.scope)} needs an input (batch, channels, {space}), but got {input._described()}"
    )


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups: int = 1) -> Tensor:
    """y[n, o, p] = bias[o] + Σ over c, k of weight[o, c, k] · x[n, c, p·stride + k·dilation].

    input    (batch, in_channels, length)
    weight   (out_channels, in_channels / groups, kernel)
    bias     (out_channels,), or None
    padding  a number of zeros on both sides, or "valid" (none), or "same" (as many positions as before)
    groups   into how many parts the channels are cut, each of which is convolved for itself
    """
    return batched(lambda x: convolution(x, weight, bias, stride, padding, dilation, groups), input, 1, "conv1d")


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups: int = 1) -> Tensor:
    """y[n, o, p] = bias[o] + Σ over c, k of weight[o, c, k] · x[n, c, p·stride + k·dilation], p and k being pairs.

    input    (batch, in_channels, height, width)
    weight   (out_channels, in_channels / groups, kernel height, kernel width)
    The rest is as in `conv1d`; stride, padding and dilation are a number, or one for each axis.
    """
    return batched(lambda x: convolution(x, weight, bias, stride, padding, dilation, groups), input, 2, "conv2d")


def conv_transpose1d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups: int = 1, dilation=1
) -> Tensor:
    """The transpose of `conv1d`: each element of x adds a weighted kernel to the output.

    input           (batch, in_channels, length)
    weight          (in_channels, out_channels / groups, kernel)
    padding         how many elements are cut off on both sides
    output_padding  how many are added behind
    """
    return batched(
        lambda x: convolution_transpose(x, weight, bias, stride, padding, output_padding, dilation, groups),
        input,
        1,
        "conv_transpose1d",
    )


def conv_transpose2d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups: int = 1, dilation=1
) -> Tensor:
    """The transpose of `conv2d`, as `conv_transpose1d` is that of `conv1d`."""
    return batched(
        lambda x: convolution_transpose(x, weight, bias, stride, padding, output_padding, dilation, groups),
        input,
        2,
        "conv_transpose2d",
    )
