"""Where windows lie: what the attributes of convolutions and poolings say about padding, steps and sizes.

Read next: `convolutions.py`, `pooling.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...errors import OptionError

Pairs = list[tuple[int, int]]
"""(before, after) for each spatial axis."""


class WindowLayout(NamedTuple):
    """Size, step and dilation of windows, and the padding, for each spatial axis."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pairs: Pairs


def layout(
    space: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int] | None,
    dilations: Sequence[int] | None,
    pads: Sequence[int] | None,
    auto_pad: str = "NOTSET",
) -> WindowLayout:
    """The layout of windows over axes of sizes `space`. By SAME_UPPER and SAME_LOWER there are ⌈n / stride⌉ along each."""
    dims = len(kernel)
    strides, dilations = tuple(strides or (1,) * dims), tuple(dilations or (1,) * dims)
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        pairs = []
        for n, k, s, d in zip(space, kernel, strides, dilations, strict=True):
            total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
            pairs.append(shared(total, auto_pad))
    elif auto_pad == "VALID" or pads is None:
        pairs = [(0, 0)] * dims
    elif auto_pad in ("NOTSET", ""):
        pairs = list(zip(pads[:dims], pads[dims:], strict=True))
    else:
        raise OptionError(f"auto_pad={auto_pad!r} is not one of NOTSET, SAME_UPPER, SAME_LOWER and VALID")
    return WindowLayout(tuple(kernel), strides, dilations, pairs)


def shared(total: int, auto_pad: str) -> tuple[int, int]:
    """Padding shared between both ends; the odd one goes to the end, and by SAME_LOWER to the beginning."""
    half = total // 2
    return (total - half, half) if auto_pad == "SAME_LOWER" else (half, total - half)
