"""Layers that compute nothing, and change the shape."""

from collections.abc import Sequence

from ..functional import reshape
from ..functional.axes import one_axis
from ..tensor import Tensor, TensorLike, as_tensor
from . import functional as F
from .module import Module


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` as one; by default all but the first, the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: TensorLike) -> Tensor:
        return as_tensor(input).flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis `dim` cut into several, of sizes `unflattened_size`."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]):
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input: TensorLike) -> Tensor:
        input = as_tensor(input)
        dim = one_axis(self.dim, input.ndim)
        return reshape(input, (*input.shape[:dim], *self.unflattened_size, *input.shape[dim + 1 :]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class PixelShuffle(Module):
    """r² channels laid out as r · r pixels: (..., C·r², H, W) becomes (..., C, H·r, W·r), r being `upscale_factor`."""

    def __init__(self, upscale_factor: int):
        self.upscale_factor = upscale_factor

    def forward(self, input: TensorLike) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """The way back from `PixelShuffle`: (..., C, H·r, W·r) becomes (..., C·r², H, W)."""

    def __init__(self, downscale_factor: int):
        self.downscale_factor = downscale_factor

    def forward(self, input: TensorLike) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels (axis 1) of several groups, dealt out in turn."""

    def __init__(self, groups: int):
        self.groups = groups

    def forward(self, input: TensorLike) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
