"""Layers that compute nothing, and change the shape."""

from __future__ import annotations

from typing import Any

from ...functional import flatten, pad, permute_dims, repeat, reshape
from ...functional.convolution import per_axis
from ...tensor import as_tensor
from .base import Layer


class Flatten(Layer):
    """Each sample as one axis.

    data_format  "channels_first" flattens an image (channels, height, width) as if channels came last
    """

    def __init__(self, data_format: str | None = None, **options: Any):
        super().__init__(**options)
        self.data_format = data_format

    def call(self, inputs):
        inputs = as_tensor(inputs)
        if inputs.ndim == 1:
            return inputs.expand_dims(-1)
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = permute_dims(inputs, (0, *range(2, inputs.ndim), 1))
        return flatten(inputs, 1)


class Reshape(Layer):
    """Each sample in the shape `target_shape`; one size may be -1, to be found out."""

    def __init__(self, target_shape: tuple[int, ...], **options: Any):
        super().__init__(**options)
        self.target_shape = tuple(target_shape)

    def call(self, inputs):
        return reshape(inputs, (inputs.shape[0], *self.target_shape))


class Permute(Layer):
    """The axes of each sample in another order, counted from 1: Permute((2, 1)) transposes matrices."""

    def __init__(self, dims: tuple[int, ...], **options: Any):
        super().__init__(**options)
        self.dims = tuple(dims)

    def call(self, inputs):
        return permute_dims(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """(batch, features) -> (batch, n, features)."""

    def __init__(self, n: int, **options: Any):
        super().__init__(**options)
        self.n = n

    def call(self, inputs):
        return repeat(as_tensor(inputs).expand_dims(1), self.n, axis=1)


class ZeroPadding2D(Layer):
    """Zeros around images (batch, height, width, channels).

    padding  a number for all sides; (vertical, horizontal); or ((top, bottom), (left, right))
    """

    def __init__(self, padding: Any = 1, **options: Any):
        super().__init__(**options)
        if isinstance(padding, (list, tuple)) and isinstance(padding[0], (list, tuple)):
            self.padding = [tuple(pair) for pair in padding]
        else:
            self.padding = [(size, size) for size in per_axis(padding, 2, "padding")]

    def call(self, inputs):
        return pad(inputs, [(0, 0), *self.padding, (0, 0)])
