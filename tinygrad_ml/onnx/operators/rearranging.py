"""Channels made of pixels, and pixels of channels. Read before: `../table.py`."""

from __future__ import annotations

from ...tensor import Tensor
from ..table import operator


@operator("DepthToSpace", versions=(1, 11, 13, 28))
def depth_to_space(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    """Channels laid out as blocks of pixels: (N, C, H, W) becomes (N, C / b², H·b, W·b)."""
    n, channels, height, width = x.shape
    b, depth = blocksize, channels // blocksize**2
    if mode == "DCR":
        y = x.reshape((n, b, b, depth, height, width)).permute_dims((0, 3, 4, 1, 5, 2))
    else:
        y = x.reshape((n, depth, b, b, height, width)).permute_dims((0, 1, 4, 2, 5, 3))
    return y.reshape((n, depth, height * b, width * b))


@operator("SpaceToDepth", versions=(1, 13, 28))
def space_to_depth(x: Tensor, *, blocksize: int, mode: str = "DCR") -> Tensor:
    """Blocks of pixels laid out as channels: (N, C, H, W) becomes (N, C·b², H / b, W / b)."""
    n, channels, height, width = x.shape
    b = blocksize
    blocks = x.reshape((n, channels, height // b, b, width // b, b))
    y = blocks.permute_dims((0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4))
    return y.reshape((n, channels * b * b, height // b, width // b))
