"""Layers that compute nothing, and change the shape."""

from __future__ import annotations

from typing import Any

from ...errors import OptionError
from ...functional import flatten, pad, permute_dims, repeat, reshape
from ...functional.convolution import per_axis
from ...tensor import Tensor, as_tensor
from ..checks import whole
from .base import Layer
from .channels import checked_format
from .input_spec import InputSpec


class Flatten(Layer):
    """Each sample as one axis.

    data_format  "channels_first" flattens an image (channels, height, width) as if channels came last
    """

    def __init__(self, data_format: str | None = None, **options: Any):
        super().__init__(**options)
        self.data_format = checked_format(data_format)

    def call(self, inputs: Any) -> Tensor:
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
        if any(isinstance(size, bool) or not isinstance(size, int) or size < -1 for size in self.target_shape):
            raise OptionError(f"target_shape={target_shape} must be made of integers of 0 or more, or one -1")
        if self.target_shape.count(-1) > 1:
            raise OptionError(f"target_shape={target_shape} has several -1: only one size can be found out")

    def call(self, inputs: Any) -> Tensor:
        return reshape(inputs, (inputs.shape[0], *self.target_shape))


class Permute(Layer):
    """The axes of each sample in another order, counted from 1: Permute((2, 1)) transposes matrices."""

    def __init__(self, dims: tuple[int, ...], **options: Any):
        super().__init__(**options)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise OptionError(f"dims={dims} must be 1, 2, ... in some order: the batch, axis 0, stays where it is")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Tensor:
        return permute_dims(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """(batch, features) -> (batch, n, features)."""

    def __init__(self, n: int, **options: Any):
        super().__init__(**options)
        self.n = whole("n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Tensor:
        return repeat(as_tensor(inputs).expand_dims(1), self.n, axis=1)


class ZeroPadding2D(Layer):
    """Zeros around images (batch, height, width, channels).

    padding      a number for all sides; (vertical, horizontal); or ((top, bottom), (left, right))
    data_format  "channels_last" or "channels_first"
    """

    def __init__(self, padding: Any = 1, data_format: str | None = None, **options: Any):
        super().__init__(**options)
        self.data_format = checked_format(data_format)
        if isinstance(padding, (list, tuple)) and isinstance(padding[0], (list, tuple)):
            sides = tuple(tuple(pair) for pair in padding)
            if [len(pair) for pair in sides] != [2, 2]:
                raise OptionError(f"padding={padding} must be ((top, bottom), (left, right))")
            self.padding = tuple(tuple(whole("padding", size, 0) for size in pair) for pair in sides)
        else:
            self.padding = tuple((size, size) for size in per_axis(padding, 2, "padding"))
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Tensor:
        around = [(0, 0), (0, 0)]
        return pad(
            inputs,
            [*around, *self.padding] if self.data_format == "channels_first" else [around[0], *self.padding, around[1]],
        )
