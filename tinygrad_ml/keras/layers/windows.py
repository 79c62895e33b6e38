"""Layers that move a window over images: what convolutions of all kinds have in common.

Read next: `convolutional.py`.
"""

from __future__ import annotations

from typing import Any

from ...errors import OptionError
from ...functional.convolution import per_axis
from ...nn import functional as F
from ...tensor import Tensor
from .base import Layer
from .channels import channels_first, channels_of, checked_format, checked_padding, padding_of
from .input_spec import InputSpec

CONVOLVE = (F.conv1d, F.conv2d, F.conv3d)


class Windows(Layer):
    """What all that move a window over their inputs have in common. A subclass has `rank`, the number of axes in space."""

    rank: int
    activation: Any = None

    def _see(
        self, kernel_size: Any, strides: Any, padding: str, data_format: str | None, dilation_rate: Any, causal: bool
    ) -> None:
        """Keep what the constructor was told of the window."""
        self.kernel_size = per_axis(kernel_size, self.rank, "kernel_size")
        self.strides = per_axis(strides, self.rank, "strides")
        self.dilation_rate = per_axis(dilation_rate, self.rank, "dilation_rate")
        self.padding, self.data_format = checked_padding(padding, causal), checked_format(data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise OptionError(f"strides={strides} and dilation_rate={dilation_rate} cannot both be above 1")

    def _channels(self, input_shape: Any) -> int:
        """How many channels inputs of this shape have, which all others must have, too."""
        channels = channels_of(input_shape, self.data_format)
        axis = 1 if self.data_format == "channels_first" else -1
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return channels

    def call(self, inputs: Any) -> Tensor:
        y = channels_first(self._convolve, inputs, self.data_format, self.rank)
        return y if self.activation is None else self.activation(y)

    def _convolve(self, x: Tensor) -> Tensor:
        """What becomes of images, whose channels come first."""
        raise NotImplementedError

    def _slide(self, x: Tensor, kernel: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """The convolution with a kernel (out, in / groups, *space)."""
        padding = padding_of(self.padding, x.shape[2:], self.kernel_size, self.strides, self.dilation_rate)
        return CONVOLVE[self.rank - 1](x, kernel, bias, self.strides, padding, self.dilation_rate, groups)


def turned(kernel: Tensor) -> Tensor:
    """A kernel of Keras's, (*space, a, b), as `nn.functional` has them, (b, a, *space)."""
    rank = kernel.ndim - 2
    return kernel.permute_dims((rank + 1, rank, *range(rank)))
