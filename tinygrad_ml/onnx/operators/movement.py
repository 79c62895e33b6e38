"""Operators that rearrange: shapes, order of axes, joining and cutting, padding. What they move may be anything.

Sizes and axes were attributes, and became inputs, of which a row needs to know the numbers: rows of both kinds call one function.

Read next: `indexing.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...functional.axes import axes_of
from ...ops.shapes import broadcast
from ...tensor import Tensor
from ..table import NodeCall, Numbers, operator

LATEST = (21, 23, 24, 25)
"""Versions in which only data types were added, of many operators."""


@operator("Identity", (1, 13, 14, 16, 19, *LATEST))
def identity(x: Any) -> Any:
    return x


@operator("Reshape", (5, 13, 14, 19, *LATEST))
def reshape(x: Tensor, shape: Numbers, *, allowzero: int = 0) -> Tensor:
    """x in a shape in which 0 stands for the size that x has there, unless `allowzero`, and -1 for what is left."""
    sizes = [int(size) for size in shape]
    if not allowzero:
        sizes = [size or x.shape[axis] for axis, size in enumerate(sizes)]
    return x.reshape(tuple(sizes))


@operator("Reshape", (1,))
def reshape_by_attribute(x: Tensor, *, shape: Sequence[int] = (), consumed_inputs: Any = None) -> Tensor:
    return reshape(x, shape)  # type: ignore[arg-type]


@operator("Flatten", (1, 9, 11, 13, *LATEST))
def flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    """A matrix: the axes before `axis` as one, and the others as one."""
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@operator("Squeeze", (1, 11))
def squeeze(x: Tensor, *, axes: Sequence[int] | None = None) -> Tensor:
    return tg.squeeze(x, tuple(axes) if axes is not None else None)


@operator("Squeeze", (13, *LATEST))
def squeeze_by_input(x: Tensor, axes: Numbers | None = None) -> Tensor:
    return squeeze(x, axes=None if axes is None else axes.reshape(-1).tolist())


@operator("Unsqueeze", (1, 11))
def unsqueeze(x: Tensor, *, axes: Sequence[int]) -> Tensor:
    return tg.expand_dims(x, tuple(axes))


@operator("Unsqueeze", (13, *LATEST))
def unsqueeze_by_input(x: Tensor, axes: Numbers) -> Tensor:
    return unsqueeze(x, axes=axes.reshape(-1).tolist())


@operator("Expand", (8, 13))
def expand(x: Tensor, shape: Numbers) -> Tensor:
    return tg.broadcast_to(x, broadcast(x.shape, tuple(int(size) for size in shape)))


@operator("Transpose", (1, 13, *LATEST))
def transpose(x: Tensor, *, perm: Sequence[int] | None = None) -> Tensor:
    return tg.transpose(x, perm)


@operator("Concat", (4, 11, 13))
def concat(*xs: Tensor, axis: int) -> Tensor:
    return tg.concat(xs, axis)


@operator("Concat", (1,))
def concat_channels(*xs: Tensor, axis: int = 1) -> Tensor:
    return tg.concat(xs, axis)


def _cut(x: Tensor, axis: int, sizes: Sequence[int] | None, call: NodeCall) -> tuple[Tensor, ...]:
    """x in pieces of the given sizes, or for each output one of the same size, of which the last may be smaller."""
    extent, pieces = x.shape[axis], len(call.outputs)
    size = -(-extent // pieces)
    equal = [max(0, min(size, extent - size * i)) for i in range(pieces)]
    return tuple(tg.split(x, equal if sizes is None else sizes, axis))


@operator("Split", (2, 11))
def split(x: Tensor, *, axis: int = 0, split: Sequence[int] | None = None, call: NodeCall) -> tuple[Tensor, ...]:
    return _cut(x, axis, split, call)


@operator("Split", (1,))
def split_by_either(
    x: Tensor, sizes: Numbers | None = None, *, axis: int = 0, split: Sequence[int] | None = None, call: NodeCall
) -> tuple[Tensor, ...]:
    return _cut(x, axis, split if sizes is None else sizes.tolist(), call)


@operator("Split", (13, 18))
def split_by_input(
    x: Tensor, split: Numbers | None = None, *, axis: int = 0, num_outputs: int | None = None, call: NodeCall
) -> tuple[Tensor, ...]:
    return _cut(x, axis, None if split is None else split.tolist(), call)


@operator("Tile", (6, 13))
def tile(x: Tensor, repeats: Numbers) -> Tensor:
    return tg.tile(x, repeats.tolist())


@operator("Tile", (1,))
def tile_axis(x: Tensor, tiles: Numbers, axis: Numbers) -> Tensor:
    return tg.concat([x] * int(tiles.item()), int(axis.item()))


@operator("Slice", (10, 11, 13))
def slices(
    x: Tensor, starts: Numbers, ends: Numbers, axes: Numbers | None = None, steps: Numbers | None = None
) -> Tensor:
    """x[start:end:step] along some axes, where a number beyond an end means that end, as in Python."""
    index = [slice(None)] * x.ndim
    along = range(len(starts)) if axes is None else axes.tolist()
    every = [1] * len(starts) if steps is None else steps.tolist()
    for axis, *part in zip(along, starts.tolist(), ends.tolist(), every, strict=True):
        index[axis] = slice(*part)
    return x[tuple(index)]


@operator("Slice", (1,))
def slices_by_attributes(
    x: Tensor, *, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int] | None = None
) -> Tensor:
    index = [slice(None)] * x.ndim
    for axis, start, end in zip(range(len(starts)) if axes is None else axes, starts, ends, strict=True):
        index[axis] = slice(start, end)
    return x[tuple(index)]


@operator("Trilu", (14,))
def trilu(x: Tensor, k: Numbers | None = None, *, upper: int = 1) -> Tensor:
    """The upper or the lower triangle of each matrix; 0 elsewhere."""
    offset = 0 if k is None else int(k.item())
    return (tg.triu if upper else tg.tril)(x, offset).astype(x.dtype)


@operator("ReverseSequence", (10, 28))
def reverse_sequence(x: Tensor, sequence_lens: Tensor, *, batch_axis: int = 1, time_axis: int = 0) -> Tensor:
    """The first elements of each sequence in reverse order, as many as it is long, and the others where they were."""
    places = tg.arange(x.shape[time_axis], device=x.device).reshape(
        [-1 if i == time_axis else 1 for i in range(x.ndim)]
    )
    lengths = sequence_lens.reshape([-1 if i == batch_axis else 1 for i in range(x.ndim)])
    return tg.take_along_axis(x, tg.where(places < lengths, lengths - 1 - places, places), time_axis)


def padded(x: Tensor, pads: Sequence[int], axes: Sequence[int] | None, mode: str, value: float) -> Tensor:
    """x with more elements around it, or fewer, where a number is negative: all beginnings come first, then all ends."""
    along = axes_of(None if axes is None else tuple(axes), x.ndim)
    if len(pads) != 2 * len(along):
        raise ShapeError(f"Pad of {len(along)} axes needs two numbers for each, not {list(pads)}")
    widths = dict.fromkeys(range(x.ndim), (0, 0)) | dict(
        zip(along, zip(pads[: len(along)], pads[len(along) :], strict=True), strict=True)
    )
    pairs = [widths[axis] for axis in range(x.ndim)]
    inside = tuple(
        slice(max(0, -before), extent - max(0, -after)) for extent, (before, after) in zip(x.shape, pairs, strict=True)
    )
    more = [(max(0, before), max(0, after)) for before, after in pairs]
    return tg.pad(x[inside], more, mode, value).astype(x.dtype)


@operator("Pad", (11, 13, 18, 19, *LATEST))
def pad(
    x: Tensor,
    pads: Numbers,
    constant_value: Numbers | None = None,
    axes: Numbers | None = None,
    *,
    mode: str = "constant",
) -> Tensor:
    value = 0 if constant_value is None else constant_value.item()
    return padded(x, pads.tolist(), None if axes is None else axes.tolist(), mode, value)


@operator("Pad", (2,))
def pad_by_attributes(x: Tensor, *, pads: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    return padded(x, pads, None, mode, value)


@operator("Pad", (1,))
def pad_by_paddings(x: Tensor, *, paddings: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    return padded(x, paddings, None, mode, value)


@operator("CenterCropPad", (18,))
def center_crop_pad(x: Tensor, shape: Numbers, *, axes: Sequence[int] | None = None) -> Tensor:
    """The middle of x in another size along some axes, with 0 around it where x is smaller."""
    along = axes_of(None if axes is None else tuple(axes), x.ndim)
    if len(along) != len(shape):
        raise OptionError(f"CenterCropPad of {len(along)} axes needs as many sizes, not {shape.tolist()}")
    more = [int(size) - x.shape[axis] for axis, size in zip(along, shape, strict=True)]
    before = [n // 2 if n > 0 else -(-n // 2) for n in more]
    return padded(x, [*before, *(n - b for n, b in zip(more, before, strict=True))], along, "constant", 0)
