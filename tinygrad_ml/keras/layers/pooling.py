"""Pooling of images: the largest, or the mean, of each window. The mathematics is in `nn.functional`."""

from __future__ import annotations

from typing import Any

from ...functional.convolution import per_axis
from ...functional.pooling import avg_pool, max_pool
from ...tensor import Tensor, as_tensor
from ..arguments import accepts_old
from .base import Layer
from .channels import channels_first, checked_format, checked_padding, padding_of


class _Pooling2D(Layer):
    """Options of both poolings.

    pool_size    the window, a number or (height, width)
    strides      by how much it moves; by default windows touch
    padding      "valid": what does not fill a window is left out; or "same": it is padded
    data_format  "channels_last" or "channels_first"
    """

    @accepts_old(border_mode="padding", dim_ordering="data_format")
    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.pool_size = per_axis(pool_size, 2, "pool_size")
        self.strides = self.pool_size if strides is None else per_axis(strides, 2, "strides")
        self.padding, self.data_format = checked_padding(padding), checked_format(data_format)

    def call(self, inputs: Any) -> Tensor:
        return channels_first(self._pool, inputs, self.data_format)

    def _pool(self, x: Tensor) -> Any:
        raise NotImplementedError

    def _pairs(self, x: Tensor) -> list[tuple[int, int]]:
        return padding_of(self.padding, x.shape[2:], self.pool_size, self.strides, (1, 1))


class MaxPooling2D(_Pooling2D):
    __doc__ = f"The largest number in each window; padding never counts.\n{_Pooling2D.__doc__}"

    def _pool(self, x: Tensor) -> Any:
        return max_pool(x, self.pool_size, self.strides, self._pairs(x))


class AveragePooling2D(_Pooling2D):
    __doc__ = f"The mean of each window; padding never counts.\n{_Pooling2D.__doc__}"

    def _pool(self, x: Tensor) -> Any:
        return avg_pool(x, self.pool_size, self.strides, self._pairs(x), count_include_pad=False)


class _GlobalPooling2D(Layer):
    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Any):
        super().__init__(**options)
        self.data_format, self.keepdims = checked_format(data_format), keepdims
        self.axes = (2, 3) if self.data_format == "channels_first" else (1, 2)


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of each channel: (batch, height, width, channels) -> (batch, channels)."""

    def call(self, inputs: Any) -> Tensor:
        return as_tensor(inputs).mean(self.axes, keepdims=self.keepdims)


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The largest number of each channel: (batch, height, width, channels) -> (batch, channels)."""

    def call(self, inputs: Any) -> Tensor:
        return as_tensor(inputs).max(self.axes, keepdims=self.keepdims)


MaxPool2D, AvgPool2D, GlobalAvgPool2D, GlobalMaxPool2D = (
    MaxPooling2D,
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
)
