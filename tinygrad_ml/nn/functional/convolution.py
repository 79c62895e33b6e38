"""Convolutions of sequences, images and volumes. The mathematics is in `tinygrad_ml/functional/convolution.py`, for any dimension.

Shapes: (batch, channels, length) in 1-D, (batch, channels, height, width) in 2-D, (batch, channels, depth, height,
width) in 3-D; the batch may be left out. `in_each_dimension` makes three functions of one.
"""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ...errors import ShapeError
from ...functional.composed import composed
from ...functional.convolution import convolution, convolution_transpose
from ...modes import inside, modes
from ...tensor import Tensor, TensorLike, as_tensor
from ...typing import Padding, PerAxis

SPACES = {1: "length", 2: "height, width", 3: "depth, height, width"}

Function = TypeVar("Function", bound=Callable)


def batched(function: Callable, input: TensorLike, dims: int, what: str) -> Any:
    """`function` of an input with an axis for the batch, which is taken away again if the input has none.

    It returns a tensor, or several.
    """
    input = as_tensor(input)
    if input.ndim == dims + 2:
        return function(input)
    if input.ndim == dims + 1:
        made = function(input.expand_dims(0))
        return made.squeeze(0) if isinstance(made, Tensor) else tuple(part.squeeze(0) for part in made)
    raise ShapeError(
        f"{what}{inside(modes.scope)} needs an input (batch, channels, {SPACES[dims]}), but got {input._described()}"
    )


def in_each_dimension(function: Function) -> tuple[Function, Function, Function]:
    """f1d, f2d and f3d of an f that takes (batch, channels, *space), whatever the number of spatial axes.

    Each takes one such number, with or without the batch. {space} in f's docstring becomes the names of its axes.
    """
    return _of_dimension(function, 1), _of_dimension(function, 2), _of_dimension(function, 3)


def _of_dimension(function: Function, dims: int) -> Function:
    name = f"{function.__name__.lstrip('_')}{dims}d"

    @functools.wraps(function)
    def of_dimension(input, *args, **kwargs):
        return batched(lambda x: function(x, *args, **kwargs), input, dims, name)

    of_dimension.__name__ = of_dimension.__qualname__ = name
    of_dimension.__doc__ = (function.__doc__ or "").replace("{space}", SPACES[dims]).replace("{name}", f"{dims}d")
    return composed(of_dimension)  # pyright: ignore[reportReturnType]: it has the options of `function`, by functools.wraps


def _conv(
    input: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """y[n, o, p] = bias[o] + Σ over c, k of weight[o, c, k] · x[n, c, p·stride + k·dilation], p and k having an index for each axis.

    input    (batch, in_channels, {space})
    weight   (out_channels, in_channels / groups, *kernel), the kernel of as many axes
    bias     (out_channels,), or None
    padding  a number of zeros on both sides, or "valid" (none), or "same" (as many positions as before)
    groups   into how many parts the channels are cut, each of which is convolved for itself

    stride, padding and dilation are a number, or one for each axis.
    """
    return convolution(input, weight, bias, stride, padding, dilation, groups)


conv1d, conv2d, conv3d = in_each_dimension(_conv)


def _conv_transpose(
    input: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
) -> Tensor:
    """The transpose of `conv{name}`: each element of x adds a weighted kernel to the output.

    input           (batch, in_channels, {space})
    weight          (in_channels, out_channels / groups, *kernel)
    padding         how many elements are cut off on both sides
    output_padding  how many are added at the end
    """
    return convolution_transpose(input, weight, bias, stride, padding, output_padding, dilation, groups)


conv_transpose1d, conv_transpose2d, conv_transpose3d = in_each_dimension(_conv_transpose)
