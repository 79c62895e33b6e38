"""Convolution of each channel for itself, alone or before a mixing of the channels: fewer weights than a whole convolution has.

Read before: `windows.py`, `convolutional.py`.
"""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .. import activations
from ..checks import whole
from .windows import CONVOLVE, Windows, turned


class _ByChannel(Windows):
    """What both kinds have in common: the kernel of each channel, (*kernel_size, channels, depth_multiplier)."""

    depth_multiplier: int

    def _shape(self, channels: int) -> tuple[int, ...]:
        return (*self.kernel_size, channels, self.depth_multiplier)

    def _each(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """Each channel convolved for itself: channel c gives the channels c·depth_multiplier and following."""
        space = tuple(range(self.rank))
        each = kernel.permute_dims((self.rank, self.rank + 1, *space)).reshape((-1, 1, *self.kernel_size))
        return self._slide(x, each, bias, x.shape[1])


class _Depthwise(_ByChannel):
    """y[n, p, c·m + i] = g(bias[c·m + i] + Σ over k of kernel[k, c, i] · x[n, p·stride + k·dilation, c]), m = depth_multiplier.

    p and k are numbers in sequences, pairs in images.

    kernel_size       the window, a number or one for each axis
    strides           by how much it moves
    padding           "valid", none; or "same", zeros around it so that y has ⌈size / stride⌉ positions
    depth_multiplier  how many channels become of one
    data_format       "channels_last": x is (batch, ..., channels); or "channels_first"
    dilation_rate     the distance of what is seen
    The other options are those of `Dense`, of which those of the kernel are called `depthwise_...`.
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self.depth_multiplier, self.use_bias = whole("depth_multiplier", depth_multiplier), use_bias
        self._see(kernel_size, strides, padding, data_format, dilation_rate, causal=False)
        self.activation = activations.get(activation)
        self._options_of("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._options_of("bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.kernel = self._weight("kernel", self._shape(channels), "depthwise")
        self.bias = self._weight("bias", (channels * self.depth_multiplier,)) if self.use_bias else None

    def _convolve(self, x: Tensor) -> Tensor:
        return self._each(x, self.kernel, self.bias)


class DepthwiseConv1D(_Depthwise):
    rank = 1


class DepthwiseConv2D(_Depthwise):
    rank = 2


class _Separable(_ByChannel):
    """`DepthwiseConv1D` or 2D without bias, and then y[n, p, o] = g(bias[o] + Σ over c of pointwise_kernel[0, c, o] · x[n, p, c]).

    filters           how many channels y has
    kernel_size, strides, padding, depth_multiplier, data_format, dilation_rate   as in `DepthwiseConv1D`
    The other options are those of `Dense`, of which those of the kernels are called `depthwise_...` and `pointwise_...`. The
    pointwise kernel is (1, channels·depth_multiplier, filters), of images (1, 1, ...).

    Source: F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions" (2017).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self.filters, self.use_bias = whole("filters", filters), use_bias
        self.depth_multiplier = whole("depth_multiplier", depth_multiplier)
        self._see(kernel_size, strides, padding, data_format, dilation_rate, causal=False)
        self.activation = activations.get(activation)
        self._options_of("depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        self._options_of("pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        self._options_of("bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        mixing = (*[1] * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = self._weight("depthwise_kernel", self._shape(channels), "depthwise")
        self.pointwise_kernel = self._weight("pointwise_kernel", mixing, "pointwise")
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None

    def _convolve(self, x: Tensor) -> Tensor:
        each = self._each(x, self.depthwise_kernel, None)
        return CONVOLVE[self.rank - 1](each, turned(self.pointwise_kernel), self.bias)


class SeparableConv1D(_Separable):
    rank = 1


class SeparableConv2D(_Separable):
    rank = 2


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
