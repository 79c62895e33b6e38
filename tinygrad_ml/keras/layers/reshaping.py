"""Layers that compute nothing, and change the shape."""

from __future__ import annotations

from typing import Any

from ...errors import OptionError, ShapeError
from ...functional import flatten, pad, permute_dims, repeat, reshape
from ...functional.convolution import per_axis
from ...nn import functional as F
from ...tensor import Tensor, as_tensor
from ..checks import one_of, whole
from .base import Layer
from .channels import channels_first, checked_format, in_space, of_ranks, sides
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


class _ZeroPadding(Layer):
    """Zeros around sequences, images or volumes.

    padding      a number for all sides; one for each axis; or a pair (before, after) for each. For sequences a pair is (before,
                 after)
    data_format  "channels_last" or "channels_first"
    """

    rank: int

    def __init__(self, padding: Any = 1, data_format: str | None = None, **options: Any):
        super().__init__(**options)
        self.data_format = checked_format(data_format)
        self._pairs = sides("padding", padding, self.rank)
        self.padding = self._pairs[0] if self.rank == 1 else self._pairs
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Tensor:
        return pad(inputs, in_space(self._pairs, self.data_format, (0, 0)))


class _Cropping(Layer):
    """Sequences, images or volumes without what is cut off their sides.

    cropping     how much, as `padding` of the padding layers
    data_format  "channels_last" or "channels_first"
    """

    rank: int
    data_format = "channels_last"

    def __init__(self, cropping: Any, **options: Any):
        super().__init__(**options)
        self._pairs = sides("cropping", cropping, self.rank)
        self.cropping = self._pairs[0] if self.rank == 1 else self._pairs
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Tensor:
        x = as_tensor(inputs)
        cut = in_space(self._pairs, self.data_format, (0, 0))
        if any(before + after >= size for (before, after), size in zip(cut, x.shape, strict=True) if before + after):
            raise ShapeError(f"{self.name}: cropping={self.cropping} leaves nothing of {x._described()}")
        return x[tuple(slice(before, size - after) for (before, after), size in zip(cut, x.shape, strict=True))]


class _UpSampling(Layer):
    """Each number `size` times, along each axis in space.

    size         a number, or one for each axis
    data_format  "channels_last" or "channels_first"
    """

    rank: int
    data_format = "channels_last"

    def __init__(self, size: Any = 2, **options: Any):
        super().__init__(**options)
        self._sizes = per_axis(size, self.rank, "size")
        self.size: Any = self._sizes[0] if self.rank == 1 else self._sizes
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Tensor:
        x = as_tensor(inputs)
        for axis, size in enumerate(in_space(self._sizes, self.data_format, 1)):
            x = repeat(x, size, axis=axis) if size > 1 else x
        return x


ZeroPadding1D, ZeroPadding2D, ZeroPadding3D = of_ranks(_ZeroPadding, "ZeroPadding")


class Cropping1D(_Cropping):
    rank = 1

    def __init__(self, cropping: Any = (1, 1), **options: Any):
        super().__init__(cropping, **options)


class Cropping2D(_Cropping):
    rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **options: Any):
        super().__init__(cropping, **options)
        self.data_format = checked_format(data_format)


class Cropping3D(_Cropping):
    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **options: Any):
        super().__init__(cropping, **options)
        self.data_format = checked_format(data_format)


class UpSampling1D(_UpSampling):
    rank = 1


class UpSampling2D(_UpSampling):
    __doc__ = f"""{_UpSampling.__doc__}interpolation  "nearest", "bilinear" or "bicubic"
    """
    rank = 2

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **options: Any
    ):
        super().__init__(size, **options)
        self.data_format = checked_format(data_format)
        self.interpolation = one_of("interpolation", interpolation, ("nearest", "bilinear", "bicubic"))

    def call(self, inputs: Any) -> Tensor:
        if self.interpolation == "nearest":
            return super().call(inputs)
        enlarged = lambda x: F.interpolate(x, scale_factor=self._sizes, mode=self.interpolation)  # noqa: E731
        return channels_first(enlarged, inputs, self.data_format)


class UpSampling3D(_UpSampling):
    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **options: Any):
        super().__init__(size, **options)
        self.data_format = checked_format(data_format)
