"""Preparing data inside of a model: scaling, and random changes of images, which do not act where a model is used.

Called by themselves, random layers act unless they are told `training=False`.

Images are (batch, height, width, channels). The geometry is in `affine.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy

from ... import random
from ...backend import DEFAULT_FLOAT
from ...errors import DataError, OptionError, ShapeError
from ...functional import clip, flip, maximum, sqrt, where
from ...tensor import Tensor, as_tensor
from ..checks import number, one_of
from .affine import FILL_MODES, transform
from .base import Layer
from .channels import channels_first, checked_format
from .regularization import Seeded


class Rescaling(Layer):
    """y = x · scale + offset, as Rescaling(1 / 255) for the bytes of an image."""

    supports_masking = True

    def __init__(self, scale: float, offset: float = 0.0, **options: Any):
        super().__init__(**options)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Any) -> Tensor:
        inputs = as_tensor(inputs).astype(DEFAULT_FLOAT)
        scale, offset = (inputs._like(numpy.asarray(one, "float32")) for one in (self.scale, self.offset))
        return inputs * scale + offset


class Normalization(Layer):
    """y = (x - mean) / √variance, with the moments of data that it has seen in `adapt(data)`, or given ones.

    axis            along which there is a mean for each entry; None for one of all numbers
    mean, variance  numbers, or arrays for the entries of `axis`
    invert          compute x · √variance + mean instead
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **options: Any):
        super().__init__(**options)
        if (mean is None) != (variance is None):
            raise OptionError("Normalization: both `mean` and `variance` must be set, or neither and then adapt(data)")
        axes = () if axis is None else axis if isinstance(axis, (list, tuple)) else (axis,)
        if not all(isinstance(one, int) for one in axes):
            raise OptionError(f"axis={axis!r} must be an integer, a list of integers, or None")
        self.axis, self.invert, self.input_mean, self.input_variance = tuple(axes), invert, mean, variance
        self.given = None if mean is None else (numpy.asarray(mean, "float32"), numpy.asarray(variance, "float32"))

    def _kept_axes(self, ndim: int) -> list[int]:
        return [axis % ndim for axis in self.axis]

    def build(self, input_shape: Any) -> None:
        if any(not -len(input_shape) <= axis < len(input_shape) for axis in self.axis):
            raise ShapeError(f"Normalization: axis={self.axis} is not in an input of shape {input_shape}")
        kept = self._kept_axes(len(input_shape))
        if any(input_shape[axis] is None for axis in kept):
            raise ShapeError(f"Normalization: the sizes of axes {kept} must be known, and the input is {input_shape}")
        self.shape = tuple(size if axis in kept else 1 for axis, size in enumerate(input_shape))
        sizes = tuple(input_shape[axis] for axis in kept)
        if self.given is not None:
            self.mean, self.variance = (
                as_tensor(numpy.broadcast_to(one, sizes).reshape(self.shape)) for one in self.given
            )
        else:
            self.mean = self.add_weight(sizes, "zeros", trainable=False, name="mean")
            self.variance = self.add_weight(sizes, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", "int32", trainable=False, name="count")  # which Keras keeps, too

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Take over the mean and the variance of `data`, an array of samples, or what yields batches of such."""
        if self.given is not None:
            raise OptionError("Normalization was given its mean and variance, so there is nothing to adapt")
        if not hasattr(data, "shape") and isinstance(data, Iterable):
            batches = [numpy.asarray(batch[0] if isinstance(batch, tuple) else batch, "float32") for batch in data]
            if not batches:
                raise DataError("adapt(data) got no data: a generator is used up after one pass")
            if any(batch.shape[1:] != batches[0].shape[1:] for batch in batches):
                raise ShapeError(
                    f"adapt(data) got batches of incompatible shapes: {[batch.shape for batch in batches]}"
                )
            data = numpy.concatenate(batches) if batches[0].ndim else numpy.stack(batches)
        data = numpy.asarray(data, "float32")
        if data.ndim == 1:
            data = data[:, None]
        if not self.built:
            self._build(as_tensor(data))
        rest = tuple(axis for axis in range(data.ndim) if axis not in self._kept_axes(data.ndim))
        if data.mean(rest).shape != self.mean.shape:
            raise ShapeError(f"adapt(data) got data of shape {data.shape}, and the layer was built for {self.shape}")
        self.mean.assign(data.mean(rest))
        self.variance.assign(data.var(rest))

    def _option(self, name: str, default: Any) -> Any:
        return getattr(self, f"input_{name}", None) if name in ("mean", "variance") else super()._option(name, default)

    def call(self, inputs: Any) -> Tensor:
        inputs = as_tensor(inputs).astype(DEFAULT_FLOAT)
        mean, variance = (self.mean, self.variance) if self.given is None else map(inputs._like, self.given)
        if mean.size > 1:
            mean, variance = mean.reshape(self.shape), variance.reshape(self.shape)
        scale = maximum(sqrt(variance), 1e-7)
        return inputs * scale + mean if self.invert else (inputs - mean) / scale


def _between(factor: Any, what: str, least: float = -1) -> tuple[float, float]:
    """(lowest, highest) of a factor that is a pair, or a number: then in both directions, as far as `least` lets it."""
    pair = (max(-abs(factor), least), abs(factor)) if isinstance(factor, (int, float)) else factor
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise OptionError(f"{what}={factor!r} must be a number, or a pair (lowest, highest)")
    low, high = sorted(float(number(what, one, least, 1)) for one in pair)
    return low, high


class _RandomLayer(Seeded):
    def __init__(self, seed: int | None = None, data_format: str | None = None, **options: Any):
        super().__init__(seed, **options)
        self.data_format = checked_format(data_format)

    def call(self, inputs: Any, training: bool = True) -> Tensor:
        inputs = as_tensor(inputs).astype(DEFAULT_FLOAT)
        if not training:
            return inputs
        with self.stream():
            if inputs.ndim == 3:
                return self.change(inputs.expand_dims(0)).squeeze(0)
            return channels_first(self._change_channels_last, inputs, self.data_format)

    def _change_channels_last(self, x: Tensor) -> Tensor:
        return self.change(x.permute_dims((0, 2, 3, 1))).permute_dims((0, 3, 1, 2))

    def change(self, images: Tensor) -> Tensor:
        """Images (batch, height, width, channels) as training sees them."""
        raise NotImplementedError

    def draw(self, low: float, high: float, images: Tensor) -> Tensor:
        """A random number for each image."""
        return random.uniform(low, high, (images.shape[0],), device=images.device)


class _Geometric(_RandomLayer):
    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: int | None,
        fill_value: float,
        data_format: str | None,
        **options: Any,
    ):
        super().__init__(seed, data_format, **options)
        self.fill_mode = one_of("fill_mode", fill_mode, FILL_MODES)
        self.interpolation = one_of("interpolation", interpolation, ("bilinear", "nearest"))
        self.fill_value = fill_value
        self.how = {"fill_mode": fill_mode, "interpolation": interpolation, "fill_value": fill_value}


class RandomTranslation(_Geometric):
    """Each image moved by a random part of its height and width.

    height_factor, width_factor  the largest part, in both directions; or (lowest, highest)
    fill_mode      what comes in: "reflect" (dcba|abcd|dcba), "wrap" (abcd|abcd|abcd), "nearest" (aaaa|abcd|dddd),
                   or "constant", `fill_value`
    interpolation  "bilinear" or "nearest"
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height, self.width = _between(height_factor, "height_factor"), _between(width_factor, "width_factor")

    def change(self, images: Tensor) -> Tensor:
        down = self.draw(*self.height, images) * images.shape[1]
        right = self.draw(*self.width, images) * images.shape[2]
        one, zero = down * 0 + 1, down * 0
        return transform(images, ((one, zero, -down), (zero, one, -right)), **self.how)


class RandomRotation(_Geometric):
    """Each image turned around its middle by a random part of a full turn.

    factor  the largest part of 2π, in both directions; or (lowest, highest), above 0 being anticlockwise. The rest is as in `RandomTranslation`
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.factor = self.part = _between(factor, "factor")

    def change(self, images: Tensor) -> Tensor:
        angle = self.draw(*self.part, images) * (2 * math.pi)
        cos, sin = angle.cos(), angle.sin()
        return transform(images, ((cos, sin, None), (-sin, cos, None)), **self.how)


class RandomZoom(_Geometric):
    """Each image made smaller or larger by a random part: positive factors zoom out, negative ones in.

    height_factor  the largest part, in both directions; or (lowest, highest)
    width_factor   likewise; None keeps the proportions. The rest is as in `RandomTranslation`
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height = _between(height_factor, "height_factor")
        self.width = None if width_factor is None else _between(width_factor, "width_factor")

    def change(self, images: Tensor) -> Tensor:
        tall = self.draw(*self.height, images) + 1
        wide = tall if self.width is None else self.draw(*self.width, images) + 1
        return transform(images, ((tall, tall * 0, None), (wide * 0, wide, None)), **self.how)


class RandomContrast(_RandomLayer):
    """y = (x - mean) · c + mean, with the mean of each channel of each image and a random c.

    factor       a pair of numbers from 0 to 1: c lies between 1 - lower and 1 + upper; a number is (0, upper)
    value_range  what the result is limited to
    """

    def __init__(
        self, factor: Any, value_range: tuple[float, float] = (0, 255), seed: int | None = None, **options: Any
    ):
        super().__init__(seed, **options)
        self.factor = _between(factor, "factor", least=0)
        self.value_range = value_range

    def change(self, images: Tensor) -> Tensor:
        lower, upper = self.factor
        contrast = self.draw(1 - lower, 1 + upper, images).reshape((-1, 1, 1, 1))
        mean = images.mean((1, 2), keepdims=True)
        return clip((images - mean) * contrast + mean, *self.value_range)


class RandomFlip(_RandomLayer):
    """Each image mirrored or not. mode: "horizontal", "vertical" or "horizontal_and_vertical"."""

    def __init__(self, mode: str = "horizontal_and_vertical", seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        axes = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (2, 1)}
        self.mode, self.axes = one_of("mode", mode, axes), axes[mode]

    def change(self, images: Tensor) -> Tensor:
        for axis in self.axes:
            tossed = (self.draw(0, 1, images) < 0.5).reshape((-1, 1, 1, 1))
            images = where(tossed, flip(images, axis), images)
        return images
