"""Pooling of sequences, images and volumes: the largest, or the mean, of each window. The mathematics is in `nn.functional`."""

from __future__ import annotations

from typing import Any

from ...functional.convolution import per_axis
from ...nn import functional as F
from ...tensor import Tensor, as_tensor
from ..arguments import accepts_old
from .base import Layer
from .channels import channels_first, checked_format, checked_padding, of_ranks, padding_of
from .input_spec import InputSpec


class _Pooling(Layer):
    rank: int

    @accepts_old(border_mode="padding", dim_ordering="data_format")
    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.pool_size = per_axis(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else per_axis(strides, self.rank, "strides")
        self.padding, self.data_format = checked_padding(padding), checked_format(data_format)

    def call(self, inputs: Any) -> Tensor:
        return channels_first(self._pool, inputs, self.data_format, self.rank)

    def _pool(self, x: Tensor) -> Any:
        raise NotImplementedError

    def _pairs(self, x: Tensor) -> list[tuple[int, int]]:
        return padding_of(self.padding, x.shape[2:], self.pool_size, self.strides, (1,) * self.rank)


class _Max(_Pooling):
    """The largest number in each window.

    pool_size    the window, a number or one for each axis
    strides      by how much it moves; by default windows touch
    padding      "valid": what does not fill a window is left out; or "same": it is padded, which never counts
    data_format  "channels_last" or "channels_first"
    """

    def _pool(self, x: Tensor) -> Any:
        return (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.rank - 1](
            x, self.pool_size, self.strides, self._pairs(x)
        )


class _Average(_Pooling):
    """The mean of each window. Options as of `MaxPooling1D`."""

    def _pool(self, x: Tensor) -> Any:
        return (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[self.rank - 1](
            x, self.pool_size, self.strides, self._pairs(x), count_include_pad=False
        )


class _GlobalPooling(Layer):
    rank: int

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **options: Any):
        super().__init__(**options)
        self.data_format, self.keepdims = checked_format(data_format), keepdims
        first = 2 if self.data_format == "channels_first" else 1
        self.axes = tuple(range(first, first + self.rank))
        self.input_spec = InputSpec(ndim=self.rank + 2)


class _GlobalAverage(_GlobalPooling):
    """The mean of each channel.

    data_format  "channels_last": (batch, ..., channels) -> (batch, channels); or "channels_first"
    keepdims     whether the axes in space stay, with size 1
    """

    def call(self, inputs: Any) -> Tensor:
        return as_tensor(inputs).mean(self.axes, keepdims=self.keepdims)


class _GlobalMax(_GlobalPooling):
    """The largest number of each channel. Options as of `GlobalAveragePooling2D`."""

    def call(self, inputs: Any) -> Tensor:
        return as_tensor(inputs).max(axis=self.axes, keepdims=self.keepdims)


class _Adaptive(Layer):
    rank: int

    def __init__(self, output_size: Any, data_format: str | None = None, **options: Any):
        super().__init__(**options)
        self.output_size = per_axis(output_size, self.rank, "output_size")
        self.data_format = checked_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Tensor:
        return channels_first(self._pool, inputs, self.data_format, self.rank)

    def _pool(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class _AdaptiveAverage(_Adaptive):
    """The mean of each cell of a grid over the input.

    output_size  how many cells there are, a number or one for each axis; their sizes differ by 1 at most
    data_format  "channels_last" or "channels_first"
    """

    def _pool(self, x: Tensor) -> Tensor:
        return (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[self.rank - 1](x, self.output_size)


class _AdaptiveMax(_Adaptive):
    """The largest number of each cell of a grid over the input.

    output_size  how many cells there are, a number or one for each axis; their sizes differ by 1 at most
    data_format  "channels_last" or "channels_first"
    """

    def _pool(self, x: Tensor) -> Any:
        return (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)[self.rank - 1](x, self.output_size)


MaxPooling1D, MaxPooling2D, MaxPooling3D = of_ranks(_Max, "MaxPooling")
AveragePooling1D, AveragePooling2D, AveragePooling3D = of_ranks(_Average, "AveragePooling")
GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D = of_ranks(_GlobalMax, "GlobalMaxPooling")


class GlobalAveragePooling1D(_GlobalAverage):
    """The mean of each channel, over the steps that a mask lets count. The options are those of `GlobalAveragePooling2D`."""

    rank = 1
    supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        counts = as_tensor(mask).astype("bool").expand_dims(2 if self.data_format == "channels_last" else 1)
        total = counts.where(inputs, 0.0).sum(self.axes, keepdims=self.keepdims)
        return total / counts.astype(total.dtype).sum(self.axes, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: there are no steps any more."""


GlobalAveragePooling2D, GlobalAveragePooling3D = of_ranks(_GlobalAverage, "GlobalAveragePooling", (2, 3))
AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D = of_ranks(
    _AdaptiveAverage, "AdaptiveAveragePooling"
)
AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D = of_ranks(_AdaptiveMax, "AdaptiveMaxPooling")


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
