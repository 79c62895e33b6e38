"""Upsampling layers. What they compute is in `functional/interpolation.py`."""

from collections.abc import Sequence

from ..tensor import Tensor, TensorLike
from ..typing import PerAxis
from . import functional as F
from .module import Module


class Upsample(Module):
    """x at another size: (batch, channels, *space) becomes (batch, channels, *size).

    size           the new size, a number or one for each axis; or
    scale_factor   by what the size is multiplied
    mode           "nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear" or "area"
    align_corners  whether the middles of the corner pixels stay where they are, or (by default) their outer corners
    recompute_scale_factor  whether positions are computed from the size that was rounded down
    """

    def __init__(
        self,
        size: PerAxis | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ):
        self.size, self.scale_factor, self.mode = size, scale_factor, mode
        self.align_corners, self.recompute_scale_factor = align_corners, recompute_scale_factor

    def forward(self, input: TensorLike) -> Tensor:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` of images by "nearest"."""

    def __init__(self, size: PerAxis | None = None, scale_factor: float | Sequence[float] | None = None):
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` of images by "bilinear", with `align_corners`."""

    def __init__(self, size: PerAxis | None = None, scale_factor: float | Sequence[float] | None = None):
        super().__init__(size, scale_factor, "bilinear", align_corners=True)
