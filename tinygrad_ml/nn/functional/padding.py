"""Padding: more elements around a tensor, given as PyTorch gives them, from the last axis backwards."""

import operator
from collections.abc import Sequence

from ...errors import OptionError, ShapeError
from ...functional import pad as pad_axes
from ...functional.composed import composed
from ...tensor import Tensor, TensorLike, as_tensor

PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""PyTorch's names, and NumPy's, which `tg.pad` has."""


@composed
def pad(input: TensorLike, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """x with more elements around it.

    pad    (before, after) of the last axis, then of the one before it, and so on: (left, right, top, bottom) for
           images. Negative numbers cut elements off
    mode   "constant" (`value`, 0 by default), "reflect" (mirrored at the edge, which does not occur twice),
           "replicate" (the edge itself) or "circular" (from the other end)

    Raises `OptionError` for another mode, or a value without "constant"; `ShapeError` for a `pad` that does not fit
    the axes, or that asks for more than there is to reflect or to wrap.
    """
    input = as_tensor(input)
    try:
        numbers = tuple(operator.index(n) for n in pad)
    except TypeError:  # of what is no sequence, or not of integers
        numbers = (0,)
    if len(numbers) % 2 or len(numbers) > 2 * input.ndim:
        raise ShapeError(
            f"pad needs integers, (before, after) for each of the last axes, but got {pad} for {input._described()}"
        )
    if mode not in PAD_MODES:
        raise OptionError(f"pad: mode={mode!r} is not one of {', '.join(map(repr, PAD_MODES))}")
    if value is not None and mode != "constant":
        raise OptionError(f"pad: value={value} is for mode='constant'; mode={mode!r} takes what it adds from the input")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))[::-1]
    pairs = [(0, 0)] * (input.ndim - len(pairs)) + pairs
    if any(n + min(before, 0) + min(after, 0) < 0 for n, (before, after) in zip(input.shape, pairs, strict=True)):
        raise ShapeError(f"pad: {pad} cuts off more elements than there are in {input._described()}")
    if any(n < 0 for n in numbers):
        input = input[
            tuple(
                slice(max(-before, 0), n - max(-after, 0))
                for n, (before, after) in zip(input.shape, pairs, strict=True)
            )
        ]
    pairs = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if mode in ("reflect", "circular"):
        for n, pair in zip(input.shape, pairs, strict=True):
            if max(pair) > max(n - (mode == "reflect"), 0):
                raise ShapeError(
                    f"pad: mode={mode!r} adds at most {max(n - (mode == 'reflect'), 0)} elements at each end of an axis of "
                    f"size {n}, and not {max(pair)}, in {input._described()}"
                )
    if not any(map(any, pairs)):
        return input
    return pad_axes(input, pairs, PAD_MODES[mode], 0 if value is None else value)
