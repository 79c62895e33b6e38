"""Shapes and pieces, under the names of Keras's first versions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...tensor import Tensor
from .. import ops
from ..layers.channels import checked_format


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Tensor:
    """start, start + step, ... before stop."""
    return ops.arange(start, stop, step, dtype)


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Tensor:
    """The tensors one after the other along an axis, by default the last."""
    return ops.concatenate(tensors, axis)


def flatten(x: Any) -> Tensor:
    """x with one axis."""
    return ops.reshape(x, (-1,))


def batch_flatten(x: Any) -> Tensor:
    """x (batch, ...) as (batch, features)."""
    return ops.reshape(x, (-1, math.prod(ops.convert_to_tensor(x).shape[1:])))


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Tensor:
    """x with its axes in another order."""
    return ops.transpose(x, tuple(pattern))


def repeat(x: Any, n: int) -> Tensor:
    """(batch, features) as (batch, n, features)."""
    return ops.repeat(ops.expand_dims(x, 1), n, 1)


def repeat_elements(x: Any, rep: int, axis: int) -> Tensor:
    """Each slice `rep` times in a row along an axis."""
    return ops.repeat(x, rep, axis)


def reverse(x: Any, axes: Any) -> Tensor:
    """x in reverse along axes."""
    return ops.flip(x, tuple(axes) if isinstance(axes, list) else axes)


def gather(reference: Any, indices: Any) -> Tensor:
    """The slices of `reference` along axis 0 at these places."""
    return ops.take(reference, indices, 0)


def temporal_padding(x: Any, padding: tuple[int, int] = (1, 1)) -> Tensor:
    """Sequences (batch, steps, features) with zeros before and behind."""
    return ops.pad(x, ((0, 0), tuple(padding), (0, 0)))


def _space_padding(x: Any, padding: Any, data_format: str | None) -> Tensor:
    pairs = [tuple(pair) for pair in padding]
    first = checked_format(data_format) == "channels_first"
    return ops.pad(x, [(0, 0), (0, 0), *pairs] if first else [(0, 0), *pairs, (0, 0)])


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Tensor:
    """Images with zeros around them."""
    return _space_padding(x, padding, data_format)


def spatial_3d_padding(x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Tensor:
    """Volumes with zeros around them."""
    return _space_padding(x, padding, data_format)


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest"
) -> Tensor:
    """Images so many times as high and wide."""
    axis = 2 if checked_format(data_format) == "channels_first" else 1
    height, width = ops.convert_to_tensor(x).shape[axis : axis + 2]
    size = (height * height_factor, width * width_factor)
    return ops.image.resize(x, size, interpolation, data_format=data_format)


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Tensor:
    """Volumes with each element so many times along the axes."""
    axis = 2 if checked_format(data_format) == "channels_first" else 1
    for number, factor in enumerate((depth_factor, height_factor, width_factor)):
        x = ops.repeat(x, factor, axis + number)
    return x
