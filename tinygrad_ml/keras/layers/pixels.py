"""The colours of pixels: gray, and hue, saturation and value. Images are (..., 3), channels last."""

from __future__ import annotations

from ...errors import ShapeError
from ...functional import clip, finfo, stack, where
from ...tensor import Tensor

SHARES = (0.2989, 0.587, 0.114)
"""How much of each of red, green and blue is in gray (ITU-R BT.601)."""


def gray_of(images: Tensor) -> Tensor:
    """Images as one channel, 0.2989·red + 0.587·green + 0.114·blue; those of one channel as they are."""
    if images.shape[-1] not in (1, 3):
        raise ShapeError(f"gray is made of red, green and blue, 3 channels, and not of {images._described()}")
    if images.shape[-1] == 1:
        return images
    red, green, blue = (images[..., i : i + 1] * share for i, share in enumerate(SHARES))
    return red + green + blue


def hsv_of(images: Tensor) -> Tensor:
    """Hue and saturation, from 0 to 1, and value, the largest, of red, green and blue."""
    if images.shape[-1] != 3:
        raise ShapeError(f"colours are red, green and blue, 3 channels, and not those of {images._described()}")
    images = where(abs(images) < finfo(images.dtype).eps, 0.0, images)
    red, green, blue = (images[..., i] for i in range(3))
    value = images.max(axis=-1)
    spread = value - images.min(axis=-1)
    gray, black = spread <= 0, value <= 0
    sixth = 1 / (where(gray, 1.0, spread) * 6)
    hue = where(value == green, (blue - red) * sixth + 2 / 6, (red - green) * sixth + 4 / 6)
    hue = where(value == red, (green - blue) * sixth, hue)
    hue = where(gray, 0.0, where(hue < 0, hue + 1, hue))
    return stack([hue, where(black, 0.0, spread / where(black, 1.0, value)), value], axis=-1)


def rgb_of(images: Tensor) -> Tensor:
    """Red, green and blue of hue, saturation and value."""
    hue, saturation, value = (images[..., i] for i in range(3))
    turn = hue % 1.0 * 6
    red = clip(abs(turn - 3) - 1, 0, 1)
    green, blue = (clip(2 - abs(turn - middle), 0, 1) for middle in (2, 4))
    return stack([value * (1 - saturation + saturation * one) for one in (red, green, blue)], axis=-1)
