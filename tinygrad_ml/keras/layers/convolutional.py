"""Convolution of sequences, images and volumes. The mathematics is in `nn.functional`; here are Keras's layout, padding and
options.

Read before: `windows.py`. Read next: `depthwise.py` and `transposed.py`.
"""

from __future__ import annotations

import warnings
from typing import Any

from ...errors import OptionError
from ...tensor import Tensor
from .. import activations
from ..arguments import accepts_old, old_spelling
from ..checks import whole
from .core import OLD_KERNEL
from .depthwise import SeparableConv1D, SeparableConv2D  # noqa: F401  where old courses import them from, and those below
from .pooling import AveragePooling2D, MaxPooling2D  # noqa: F401
from .reshaping import Cropping2D, UpSampling2D, ZeroPadding2D  # noqa: F401
from .transposed import Conv2DTranspose  # noqa: F401
from .windows import Windows, turned


class _Convolving(Windows):
    """y[n, p, o] = g(bias[o] + Σ over k, c of kernel[k, c, o] · x[n, p·stride + k·dilation, c]).

    p and k are numbers in sequences, pairs in images, triples in volumes.

    filters        how many channels y has
    kernel_size    the window, a number or one for each axis
    strides        by how much it moves
    padding        "valid", none; "same", zeros around it so that y has ⌈size / stride⌉ positions; or, of sequences, "causal":
                   zeros before it, so that y[t] depends on nothing behind t
    data_format    "channels_last": x is (batch, ..., channels); or "channels_first"
    dilation_rate  the distance of what is seen
    groups         into how many parts the channels are cut, each of which is convolved for itself
    The other options are those of `Dense`. The kernel is (*kernel_size, channels / groups, filters).
    """

    @accepts_old(
        nb_filter="filters", border_mode="padding", subsample="strides", dim_ordering="data_format", **OLD_KERNEL
    )
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
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
        self.filters, self.groups, self.use_bias = whole("filters", filters), whole("groups", groups), use_bias
        self._see(kernel_size, strides, padding, data_format, dilation_rate, causal=self.rank == 1)
        if self.filters % self.groups:
            raise OptionError(f"filters={filters} must be divisible by groups={groups}")
        self.activation = activations.get(activation)
        self._options_of("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._options_of("bias", bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            raise OptionError(f"{self.name}: {channels} channels must be divisible by groups={self.groups}")
        self.kernel = self._weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self._weight("bias", (self.filters,)) if self.use_bias else None

    def _convolve(self, x: Tensor) -> Tensor:
        return self._slide(x, turned(self.kernel), self.bias, self.groups)


class Conv1D(_Convolving):
    rank = 1


class Conv2D(_Convolving):
    rank = 2


class Conv3D(_Convolving):
    rank = 3


Convolution1D, Convolution3D = Conv1D, Conv3D


def Convolution2D(filters: int, *kernel_size: Any, **options: Any) -> Conv2D:
    """`Conv2D` as Keras's first version wrote it: Convolution2D(filters, rows, columns)."""
    old_spelling("Convolution2D", "Convolution2D(filters, rows, columns)", "Conv2D(filters, (rows, columns))")
    if "nb_row" in options:
        kernel_size = (options.pop("nb_row"), options.pop("nb_col"))
    elif "kernel_size" in options:
        kernel_size = (options.pop("kernel_size"),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # one is enough
        return Conv2D(filters, kernel_size[0] if len(kernel_size) == 1 else kernel_size, **options)
