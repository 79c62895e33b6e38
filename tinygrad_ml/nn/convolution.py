"""Convolutional layers. What they compute is in `functional/convolution.py`."""

from ..errors import OptionError
from ..functional.convolution import padding_pairs, per_axis
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import DeviceLike, DTypeLike, PerAxis
from . import functional as F
from .init import reset_linear_
from .module import Module
from .parameter import new_parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSES = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


class _Convolution(Module):
    """What convolutions of every dimension, and their transposes, share.

    weight (out_channels, in_channels / groups, *kernel_size), for a transpose with in and out
    exchanged, and bias (out_channels,) start uniform on ±1/√fan_in.
    """

    dims: int
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis,
        padding: str | PerAxis,
        dilation: PerAxis,
        groups: int,
        bias: bool,
        device: DeviceLike | None,
        dtype: DTypeLike | None,
    ):
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise OptionError(
                f"{type(self).__name__}: {in_channels} channels in and {out_channels} out must both be divisible by groups={groups}"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_axis(kernel_size, self.dims, "kernel_size")
        self.stride = per_axis(stride, self.dims, "stride")
        self.padding = padding if isinstance(padding, str) else per_axis(padding, self.dims, "padding")
        self.dilation = per_axis(dilation, self.dims, "dilation")
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = new_parameter((first, second // groups, *self.kernel_size), device, dtype)
        self.bias = new_parameter((out_channels,), device, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        reset_linear_(self.weight, self.bias)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        usual = {"padding": (0,) * self.dims, "dilation": (1,) * self.dims, "groups": 1}
        parts += [f"{name}={getattr(self, name)!r}" for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join(parts if self.bias is not None else [*parts, "bias=False"])


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: str | PerAxis = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if padding_mode not in PADDING_MODES:
            raise OptionError(f"padding_mode={padding_mode!r} is not one of {', '.join(map(repr, PADDING_MODES))}")
        self.padding_mode = padding_mode
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            pairs = padding_pairs(padding, self.kernel_size, self.dilation, self.stride)
            input, padding = F.pad(input, [n for pair in reversed(pairs) for n in pair], self.padding_mode), 0
        convolve = CONVOLUTIONS[self.dims]
        return convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Conv):
    """y[n, o, p] = b[o] + Σ over c, k of w[o, c, k] · x[n, c, p·stride + k·dilation], of (batch, channels, length).

    in_channels, out_channels  how many channels x and y have
    kernel_size   how many elements are seen at once
    stride        by how much the kernel moves
    padding       a number of elements added on both sides, or "valid" (0), or "same"
    dilation      the distance of the elements that are seen
    groups        into how many parts the channels are cut, each of which is convolved for itself
    padding_mode  "zeros", "reflect", "replicate" or "circular"
    """

    dims = 1


class Conv2d(_Conv):
    """The convolution of images (batch, channels, height, width).

    The options are those of `Conv1d`; kernel_size, stride, padding and dilation are a number, or
    one for each axis.
    """

    dims = 2


class Conv3d(_Conv):
    """The convolution of volumes (batch, channels, depth, height, width), as `Conv2d` is that of images."""

    dims = 3


class _ConvTranspose(_Convolution):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: str | PerAxis = 0,
        output_padding: PerAxis = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: PerAxis = 1,
        padding_mode: str = "zeros",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ):
        if padding_mode != "zeros":
            raise OptionError(f"{type(self).__name__} has padding_mode='zeros' only, not {padding_mode!r}")
        self.output_padding = per_axis(output_padding, self.dims, "output_padding")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, device, dtype)

    def forward(self, input: TensorLike, output_size: PerAxis | None = None) -> Tensor:
        input = as_tensor(input)
        extra = self.output_padding if output_size is None else self._padding_for(input, output_size)
        spread = TRANSPOSES[self.dims]
        return spread(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def _padding_for(self, input: Tensor, output_size) -> tuple[int, ...]:
        """The output_padding with which the output has the size asked for."""
        wanted = (output_size,) * self.dims if isinstance(output_size, int) else tuple(output_size)[-self.dims :]
        space, cut = (
            input.shape[-self.dims :],
            padding_pairs(self.padding, self.kernel_size, self.dilation, self.stride),
        )
        least = [
            (n - 1) * s - sum(pair) + d * (k - 1) + 1
            for n, s, pair, d, k in zip(space, self.stride, cut, self.dilation, self.kernel_size, strict=True)
        ]
        most = [n + max(s, d) - 1 for n, s, d in zip(least, self.stride, self.dilation, strict=True)]
        if len(wanted) != self.dims or not all(a <= n <= b for a, n, b in zip(least, wanted, most, strict=True)):
            raise OptionError(
                f"{self}: of {input._described()} the output can have sizes from {tuple(least)} to {tuple(most)}, "
                f"and not output_size={output_size}"
            )
        return tuple(n - a for n, a in zip(wanted, least, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """The transpose of `Conv1d`: each element of x adds a weighted kernel to the output.

    padding         how many elements are cut off on both sides
    output_padding  how many are added at the end; `layer(x, output_size=...)` finds out how many
    An axis of size n becomes (n - 1)·stride - 2·padding + dilation·(kernel_size - 1) + output_padding + 1.
    """

    dims = 1


class ConvTranspose2d(_ConvTranspose):
    """The transpose of `Conv2d`, as `ConvTranspose1d` is that of `Conv1d`."""

    dims = 2


class ConvTranspose3d(_ConvTranspose):
    """The transpose of `Conv3d`, as `ConvTranspose1d` is that of `Conv1d`."""

    dims = 3
