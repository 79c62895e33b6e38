"""Preparing data inside of a model: scaling. Random changes of images are in `augmentation.py` and what it names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT
from ...errors import DataError, OptionError, ShapeError
from ...functional import maximum, sqrt
from ...tensor import Tensor, as_tensor
from .base import Layer


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
        self.variance.assign(data.var(axis=rest))

    def _option(self, name: str, default: Any) -> Any:
        return getattr(self, f"input_{name}", None) if name in ("mean", "variance") else super()._option(name, default)

    def call(self, inputs: Any) -> Tensor:
        inputs = as_tensor(inputs).astype(DEFAULT_FLOAT)
        mean, variance = (self.mean, self.variance) if self.given is None else map(inputs._like, self.given)
        if mean.size > 1:
            mean, variance = mean.reshape(self.shape), variance.reshape(self.shape)
        scale = maximum(sqrt(variance), 1e-7)
        return inputs * scale + mean if self.invert else (inputs - mean) / scale
