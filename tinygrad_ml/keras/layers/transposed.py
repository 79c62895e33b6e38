"""Transposed convolution, which makes images larger: each pixel adds a weighted kernel to the result.

Read before: `windows.py`, `convolutional.py`.
"""

from __future__ import annotations

from typing import Any

from ...errors import OptionError
from ...functional.convolution import per_axis
from ...nn import functional as F
from ...tensor import Tensor
from .. import activations
from ..checks import whole
from .windows import Windows, turned


class _Deconvolution(Windows):
    """y[n, p, o] = g(bias[o] + Σ over all q and k with q·stride + k·dilation = p, and c, of kernel[k, o, c] · x[n, q, c]).

    p, q and k are numbers in sequences, pairs in images, triples in volumes.

    filters         how many channels y has
    kernel_size     the window, a number or one for each axis
    strides         by how much it moves in y from one pixel of x to the next
    padding         "valid": y is all that windows reach; "same": size · stride, cut out of that
    output_padding  how many positions y has beyond (size - 1) · stride and the window (with "same": and 1 for a window of odd size),
                    less than the stride; by default as many as make y what `padding` says
    data_format     "channels_last": x is (batch, ..., channels); or "channels_first"
    dilation_rate   the distance of what is written
    The other options are those of `Dense`. The kernel is (*kernel_size, filters, channels).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **options: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self.filters, self.use_bias = whole("filters", filters), use_bias
        self._see(kernel_size, strides, padding, data_format, dilation_rate, causal=False)
        self.output_padding = None if output_padding is None else per_axis(output_padding, self.rank, "output_padding")
        if any(more >= stride for more, stride in zip(self.output_padding or (), self.strides, strict=False)):
            raise OptionError(f"output_padding={output_padding} must be smaller than strides={strides}, on each axis")
        self.activation = activations.get(activation)
        self._options_of("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._options_of("bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        self.kernel = self._weight("kernel", (*self.kernel_size, self.filters, self._channels(input_shape)))
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None

    def _convolve(self, x: Tensor) -> Tensor:
        transpose = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.rank - 1]
        cuts = [self._cut(axis) for axis in range(self.rank)]
        return transpose(
            x,
            turned(self.kernel),
            self.bias,
            self.strides,
            [(before, max(after, 0)) for before, after in cuts],
            tuple(max(-after, 0) for _, after in cuts),
            dilation=self.dilation_rate,
        )

    def _cut(self, axis: int) -> tuple[int, int]:
        """(before, after): how much is cut off what all windows reach; below 0, how much is added."""
        stride, more = self.strides[axis], None if self.output_padding is None else self.output_padding[axis]
        reach = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        if self.padding == "valid":
            return 0, -(max(stride - reach, 0) if more is None else more)
        kept = stride + reach - 2 if more is None else reach + reach % 2 - 2 + more
        before = max(reach - 1 - (kept + 1) // 2, 0)
        return before, 2 * (reach - 1) - kept - before


class Conv1DTranspose(_Deconvolution):
    rank = 1


class Conv2DTranspose(_Deconvolution):
    rank = 2


class Conv3DTranspose(_Deconvolution):
    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        **options: Any,
    ):
        super().__init__(filters, kernel_size, strides, padding, output_padding, data_format, **options)


Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
