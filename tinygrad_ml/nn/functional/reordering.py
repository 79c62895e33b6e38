"""Functions that compute nothing: they move numbers between channels and space, or among channels."""

from ...errors import ShapeError
from ...functional.composed import composed
from ...tensor import Tensor, TensorLike, as_tensor


@composed
def pixel_shuffle(input: TensorLike, upscale_factor: int) -> Tensor:
    """r² channels laid out as r · r pixels: (..., C·r², H, W) becomes (..., C, H·r, W·r), r being `upscale_factor`.

    Source: W. Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
    Convolutional Neural Network" (2016).
    """
    input, r = as_tensor(input), upscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-3] % (r * r):
        raise ShapeError(
            f"pixel_shuffle by {r} needs an input (..., channels, height, width) with channels divisible by {r * r}, "
            f"but got {input._described()}"
        )
    *lead, channels, height, width = input.shape
    n = len(lead)
    parts = input.reshape((*lead, channels // (r * r), r, r, height, width))
    parts = parts.permute_dims((*range(n + 1), n + 3, n + 1, n + 4, n + 2))
    return parts.reshape((*lead, channels // (r * r), height * r, width * r))


@composed
def pixel_unshuffle(input: TensorLike, downscale_factor: int) -> Tensor:
    """The way back from `pixel_shuffle`: (..., C, H·r, W·r) becomes (..., C·r², H, W)."""
    input, r = as_tensor(input), downscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-2] % r or input.shape[-1] % r:
        raise ShapeError(
            f"pixel_unshuffle by {r} needs an input (..., channels, height, width) with height and width divisible by "
            f"{r}, but got {input._described()}"
        )
    *lead, channels, height, width = input.shape
    n = len(lead)
    parts = input.reshape((*lead, channels, height // r, r, width // r, r))
    parts = parts.permute_dims((*range(n + 1), n + 2, n + 4, n + 1, n + 3))
    return parts.reshape((*lead, channels * r * r, height // r, width // r))


@composed
def channel_shuffle(input: TensorLike, groups: int) -> Tensor:
    """The channels (axis 1) of several groups, dealt out in turn: the first of each group, then the second, ...

    Source: X. Zhang et al., "ShuffleNet" (2018).
    """
    input = as_tensor(input)
    if input.ndim < 3 or groups < 1 or input.shape[1] % groups:
        raise ShapeError(
            f"channel_shuffle needs an input (batch, channels, *space) with channels divisible into {groups} groups, "
            f"but got {input._described()}"
        )
    batch, channels, *space = input.shape
    return input.reshape((batch, groups, channels // groups, *space)).swapaxes(1, 2).reshape(input.shape)
