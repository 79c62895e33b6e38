"""Images with the channels last, as Keras has them, brought to `nn.functional`, where they come first; and padding.

The turned image is a view: no number is copied for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...errors import ShapeError
from ...tensor import Tensor, as_tensor
from ..checks import one_of

DATA_FORMATS = {None: "channels_last", "tf": "channels_last", "th": "channels_first"}


def checked_format(data_format: str | None) -> str:
    """ "channels_last", which is the default, or "channels_first"; old courses call them "tf" and "th"."""
    return one_of("data_format", DATA_FORMATS.get(data_format, data_format), ("channels_last", "channels_first"))


def channels_first(function: Callable[[Tensor], Tensor], inputs: Any, data_format: str) -> Tensor:
    """`function`, which takes channels on axis 1, of images in either format; the format stays."""
    inputs = as_tensor(inputs)
    if inputs.ndim != 4:
        raise ShapeError(
            f"an image layer needs (batch, height, width, channels), but got {inputs._described()}. Images without "
            f"channels become such by x.reshape(-1, height, width, 1)"
        )
    if data_format == "channels_first":
        return function(inputs)
    output = function(inputs.permute_dims((0, 3, 1, 2)))
    return output.permute_dims((0, 2, 3, 1)) if output.ndim == 4 else output


def channels_of(shape: tuple, data_format: str) -> int:
    """How many channels images of this shape have."""
    return shape[1 if data_format == "channels_first" else -1]


def checked_padding(padding: str) -> str:
    """ "valid" or "same", in any case."""
    return one_of("padding", padding.lower() if isinstance(padding, str) else padding, ("valid", "same"))


def padding_of(
    padding: str, space: Sequence[int], window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """(before, after) for each axis: with "same", as much as gives ⌈n / stride⌉ positions, the odd one after.

    That depends on the size n of the image, which is why PyTorch has no "same" with strides.
    """
    if padding == "valid":
        return [(0, 0)] * len(window)
    totals = [
        max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        for n, k, s, d in zip(space, window, stride, dilation, strict=True)
    ]
    return [(total // 2, total - total // 2) for total in totals]
