"""Pooling layers. What they compute is in `functional/pooling.py`.

A kind of pooling is stated once, with its options; a layer says of which space it is.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ..tensor import Tensor, TensorLike
from ..typing import Cells, PerAxis
from . import functional as F
from .module import Module


class _Pool(Module):
    pool: Callable[..., Any]

    def __init__(self, kernel_size: PerAxis, stride: PerAxis | None = None):
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride


class _MaxPool(_Pool):
    """
    kernel_size     the size of the window
    stride          by how much it moves; its size by default
    padding         a number of elements on both sides, which count as -∞
    dilation        the distance of the elements of a window
    return_indices  whether to return, beside them, where they are, for `MaxUnpool`
    ceil_mode       whether a last window that reaches over the edge counts too
    """

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        dilation: PerAxis = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        super().__init__(kernel_size, stride)
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: TensorLike) -> Any:  # a tensor, or two with return_indices
        return self.pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    __doc__ = f"The largest element of each window of (batch, channels, length).\n{_MaxPool.__doc__}"
    pool = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    __doc__ = f"The largest element of each window of (batch, channels, height, width).\n{_MaxPool.__doc__}"
    pool = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    __doc__ = f"The largest element of each window of (batch, channels, depth, height, width).\n{_MaxPool.__doc__}"
    pool = staticmethod(F.max_pool3d)


class _MaxUnpool(_Pool):
    """
    kernel_size  the size of the windows
    stride       by how much they moved; their size by default
    padding      how many elements were on both sides

    It is called with the elements and their indices, and may be told the space of the result, `output_size`, which by
    default is (n - 1)·stride - 2·padding + kernel_size.
    """

    def __init__(self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0):
        super().__init__(kernel_size, stride)
        self.padding = padding

    def forward(self, input: TensorLike, indices: TensorLike, output_size: Sequence[int] | None = None) -> Tensor:
        return self.pool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    __doc__ = f"What `MaxPool1d` has found, back in its place among zeros.\n{_MaxUnpool.__doc__}"
    pool = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    __doc__ = f"What `MaxPool2d` has found, back in its place among zeros.\n{_MaxUnpool.__doc__}"
    pool = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    __doc__ = f"What `MaxPool3d` has found, back in its place among zeros.\n{_MaxUnpool.__doc__}"
    pool = staticmethod(F.max_unpool3d)


class _AvgPool(_Pool):
    """
    kernel_size        the size of the window
    stride             by how much it moves; its size by default
    padding            a number of zeros on both sides
    ceil_mode          whether a last window that reaches over the edge counts too
    count_include_pad  whether padding counts
    """

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__(kernel_size, stride)
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad

    def forward(self, input: TensorLike) -> Tensor:
        return self.pool(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    __doc__ = f"The mean of each window of (batch, channels, length).\n{_AvgPool.__doc__}"
    pool = staticmethod(F.avg_pool1d)


class _AvgPoolByANumber(_AvgPool):
    __doc__ = f"""{(_AvgPool.__doc__ or "").rstrip()}
    divisor_override   by what the sum of a window is divided, in place of the number of its elements
    """

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PerAxis = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        self.divisor_override = divisor_override

    def forward(self, input: TensorLike) -> Tensor:
        return self.pool(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPoolByANumber):
    __doc__ = f"The mean of each window of (batch, channels, height, width).\n{_AvgPoolByANumber.__doc__}"
    pool = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolByANumber):
    __doc__ = f"The mean of each window of (batch, channels, depth, height, width).\n{_AvgPoolByANumber.__doc__}"
    pool = staticmethod(F.avg_pool3d)


class _LPPool(_Pool):
    """
    norm_type    p
    kernel_size  the size of the window
    stride       by how much it moves; its size by default
    ceil_mode    whether a last window that reaches over the edge counts too
    """

    def __init__(self, norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False):
        super().__init__(kernel_size, stride)
        self.norm_type, self.ceil_mode = norm_type, ceil_mode

    def forward(self, input: TensorLike) -> Tensor:
        return self.pool(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    __doc__ = f"(Σ xᵖ)^(1/p) over each window of (batch, channels, length).\n{_LPPool.__doc__}"
    pool = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    __doc__ = f"(Σ xᵖ)^(1/p) over each window of (batch, channels, height, width).\n{_LPPool.__doc__}"
    pool = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    __doc__ = f"(Σ xᵖ)^(1/p) over each window of (batch, channels, depth, height, width).\n{_LPPool.__doc__}"
    pool = staticmethod(F.lp_pool3d)


class _AdaptivePool(Module):
    pool: Callable[..., Any]

    def __init__(self, output_size: Cells):
        self.output_size = output_size

    def forward(self, input: TensorLike) -> Tensor:
        return self.pool(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The means of `output_size` stretches of the sequence, whatever its length."""

    pool = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The means of the cells of a grid of `output_size`, whatever the size of the image."""

    pool = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptivePool):
    """The means of the cells of a grid of `output_size`, whatever the size of the volume."""

    pool = staticmethod(F.adaptive_avg_pool3d)


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Cells, return_indices: bool = False):
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: TensorLike) -> Any:  # a tensor, or two with return_indices
        return self.pool(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest elements of `output_size` stretches of the sequence, whatever its length."""

    pool = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest elements of the cells of a grid of `output_size`, whatever the size of the image."""

    pool = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest elements of the cells of a grid of `output_size`, whatever the size of the volume."""

    pool = staticmethod(F.adaptive_max_pool3d)
