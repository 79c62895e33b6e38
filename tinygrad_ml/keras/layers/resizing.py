"""Images of another size, in training and in use alike."""

from __future__ import annotations

from typing import Any

from ...errors import OptionError
from ...functional import moveaxis, pad
from ...nn import functional as F
from ...tensor import Tensor
from ..checks import one_of, whole
from .augmentation import Movement, Transformation

INTERPOLATE_AS = {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic"}


def resized(
    images: Tensor, height: int, width: int, interpolation: str = "bilinear", antialias: bool = False
) -> Tensor:
    """Images (batch, height, width, channels) at another size."""
    mode = INTERPOLATE_AS[interpolation]
    smooth = {"antialias": antialias} if mode != "nearest-exact" else {}
    return moveaxis(F.interpolate(moveaxis(images, -1, 1), (height, width), mode=mode, **smooth), 1, -1)


def fitting_crop(images: Tensor, height: int, width: int) -> Tensor:
    """The largest part in the middle of images that is as wide for its height as an image of this size."""
    tall, wide = images.shape[1:3]
    rows, columns = (max(min(tall, wide * height // width), 1), max(min(wide, tall * width // height), 1))
    top, left = (tall - rows) // 2, (wide - columns) // 2
    return images[:, top : top + rows, left : left + columns]


def fitting_pad(images: Tensor, height: int, width: int, fill_value: float = 0.0) -> Tensor:
    """Images with `fill_value` beside them, which are as wide for their height as an image of this size."""
    tall, wide = images.shape[1:3]
    rows, columns = max(tall, wide * height // width), max(wide, tall * width // height)
    beside = [(0, 0), ((rows - tall) // 2,) * 2, ((columns - wide) // 2,) * 2, (0, 0)]
    return pad(images, beside, constant_values=fill_value)


class Resizing(Movement):
    """Images at the size (height, width).

    interpolation         "bilinear", "nearest" or "bicubic"
    crop_to_aspect_ratio  whether the sides are cut off first, so that nothing is stretched
    pad_to_aspect_ratio   whether there is `fill_value` beside them instead; `fill_mode` is "constant"
    antialias             whether pixels that would be left out count, where images become smaller
    data_format           "channels_last" or "channels_first"
    """

    always = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(None, data_format, **options)
        self.height, self.width = whole("height", height), whole("width", width)
        self.interpolation = one_of("interpolation", interpolation, INTERPOLATE_AS)
        self.fill_mode = one_of("fill_mode", fill_mode, ("constant",))
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise OptionError("Resizing: crop_to_aspect_ratio and pad_to_aspect_ratio cannot both be True")
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_value, self.antialias = fill_value, bool(antialias)

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        if self.crop_to_aspect_ratio:
            images = fitting_crop(images, self.height, self.width)
        elif self.pad_to_aspect_ratio:
            images = fitting_pad(images, self.height, self.width, self.fill_value)
        return resized(images, self.height, self.width, interpolation, self.antialias)


class CenterCrop(Movement):
    """The middle of images, of the size (height, width); of smaller images the largest part in the middle that has these
    proportions, at that size."""

    always = True

    def __init__(self, height: int, width: int, data_format: str | None = None, **options: Any):
        super().__init__(None, data_format, **options)
        self.height, self.width = whole("height", height), whole("width", width)

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        top, left = images.shape[1] - self.height, images.shape[2] - self.width
        if top < 0 or left < 0:
            return resized(fitting_crop(images, self.height, self.width), self.height, self.width)
        return images[:, top // 2 : top // 2 + self.height, left // 2 : left // 2 + self.width]
