"""Images seen through a small window that is the same everywhere: a blur, and what makes edges sharper."""

from __future__ import annotations

from typing import Any

from ...functional import arange, exp, moveaxis
from ...nn import functional as F
from ...tensor import Tensor


def filtered(images: Tensor, kernel: Tensor, beside: int | None = None) -> Tensor:
    """Each channel of images (batch, height, width, channels) convolved with a kernel (rows, columns).

    beside  how many zeros stand beyond each side; by default as many as leave images as large as they are
    """
    channels, (rows, columns) = images.shape[-1], kernel.shape
    each = kernel.reshape((1, 1, rows, columns)).broadcast_to((channels, 1, rows, columns))
    same = [((rows - 1) // 2, rows // 2), ((columns - 1) // 2, columns // 2)]
    zeros = same if beside is None else beside
    return moveaxis(F.conv2d(moveaxis(images, -1, 1), each, padding=zeros, groups=channels), 1, -1)


def blurred(images: Tensor, window: tuple[int, int], *sigma: Any) -> Tensor:
    """Images under a bell, cut to a window; `sigma` is its width along rows and columns, in pixels."""
    bells = []
    for size, width in zip(window, sigma, strict=True):
        places = arange(size, dtype="float32", device=images.device) - (size - 1) / 2
        bell = exp(-0.5 * (places / width) ** 2)
        bells.append(bell / bell.sum())
    return filtered(images, bells[0].expand_dims(1) * bells[1])
