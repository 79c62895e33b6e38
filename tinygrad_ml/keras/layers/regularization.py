"""Layers that act in training only: dropout and noise."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy

from ... import random
from ...errors import OptionError
from ...nn import functional as F
from ...nn.functional.dropout import saturated
from ...random import streams
from ...tensor import Tensor, as_tensor
from .. import checks
from ..arguments import accepts_old
from ..checks import number, whole
from ..regularizers import L1L2
from .base import Layer
from .channels import channels_first, checked_format, of_ranks
from .input_spec import InputSpec


class Seeded(Layer):
    """Draws from the library's stream; with a seed, from one of its own."""

    supports_masking = True

    def __init__(self, seed: int | None, **options: Any):
        super().__init__(**options)
        self.seed = checks.seed(seed)
        self.streams = None if seed is None else streams.Streams(seed)

    def stream(self) -> AbstractContextManager:
        """The context in which a call draws."""
        return nullcontext() if self.streams is None else streams.drawing_from(self.streams)


class _Noise(Seeded):
    """Acts in training only, unless its rate is 0."""

    rate: float

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        if not training or not self.rate:
            return inputs
        with self.stream():
            return self._noisy(as_tensor(inputs))

    def _noisy(self, x: Tensor) -> Tensor:
        """What training sees of x; it draws from the stream."""
        raise NotImplementedError


class Dropout(_Noise):
    """y = x · m / (1 - rate) in training, each element of m being 0 with probability `rate`, else 1; y = x otherwise.

    Source: N. Srivastava et al., "Dropout" (2014).
    """

    @accepts_old(p="rate")
    def __init__(self, rate: float, noise_shape: tuple | None = None, seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        F.dropout([0.0], rate)  # which knows what rates there are
        self.rate, self.noise_shape = rate, _checked_noise(noise_shape)

    def _noisy(self, x: Tensor) -> Tensor:
        if self.noise_shape is None:
            return F.dropout(x, self.rate)
        ones = x._like(numpy.ones(())).broadcast_to(_sizes(self.noise_shape, x.shape))
        return x * F.dropout(ones, self.rate)


def _checked_noise(shape: Any) -> tuple[int | None, ...] | None:
    """Sizes of what is drawn, None for those of the input; or None, if these are all."""
    if shape is None:
        return None
    if isinstance(shape, str) or not isinstance(shape, Iterable):
        raise OptionError(f"noise_shape={shape!r} must be a list of sizes, None for those of the input")
    return tuple(None if size is None else whole("noise_shape", size) for size in shape)


def _sizes(noise_shape: tuple[int | None, ...] | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what is drawn for an input of this shape."""
    if noise_shape is None:
        return shape
    return tuple(n if m is None else m for m, n in zip(noise_shape, shape, strict=True))


class AlphaDropout(_Noise):
    """y = a · (x where m, else α′) + b in training, each m being 0 with probability `rate`; y = x otherwise.

    α′ is where SELU saturates; a and b keep mean 0 and variance 1. noise_shape is that of m, None for sizes of the input.
    Source: G. Klambauer et al., "Self-Normalizing Neural Networks" (2017).
    """

    def __init__(self, rate: float, noise_shape: tuple | None = None, seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        self.rate, self.noise_shape = number("rate", rate, 0, 1), _checked_noise(noise_shape)

    def _noisy(self, x: Tensor) -> Tensor:
        drawn = random.uniform(0, 1, _sizes(self.noise_shape, x.shape), device=x.device)
        return saturated(x, drawn >= self.rate, self.rate)


class GaussianDropout(_Noise):
    """y = x · n in training, each n being normal with mean 1 and variance rate / (1 - rate); y = x otherwise.

    Source: N. Srivastava et al., "Dropout" (2014), section 10.
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        self.rate = number("rate", rate, 0, 1)

    def _noisy(self, x: Tensor) -> Tensor:
        return x * random.normal(1, (self.rate / (1 - self.rate)) ** 0.5, x.shape, device=x.device)


class _SpatialDropout(_Noise):
    """Dropout of whole channels of sequences, images or volumes.

    data_format  "channels_last": (batch, ..., channels); or "channels_first"
    """

    rank: int

    @accepts_old(p="rate")
    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        self.rate, self.data_format = number("rate", rate, 0, 1), checked_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _noisy(self, x: Tensor) -> Tensor:
        drop = (F.dropout1d, F.dropout2d, F.dropout3d)[self.rank - 1]
        return channels_first(lambda x: drop(x, self.rate), x, self.data_format, self.rank)


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of sequences (batch, steps, channels)."""

    rank = 1

    @accepts_old(p="rate")
    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None):
        super().__init__(rate, None, seed, name=name, dtype=dtype)


SpatialDropout2D, SpatialDropout3D = of_ranks(_SpatialDropout, "SpatialDropout", (2, 3))


class GaussianNoise(Seeded):
    """y = x + normal noise of deviation `stddev` in training; y = x otherwise."""

    @accepts_old(sigma="stddev")
    def __init__(self, stddev: float, seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        self.stddev = number("stddev", stddev, 0, 1)

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        if not training:
            return inputs
        with self.stream():
            return inputs + random.normal(0, self.stddev, inputs.shape, device=inputs.device)


class ActivityRegularization(Layer):
    """y = x, with the penalty l1 · Σ |x| + l2 · Σ x², divided by the size of the batch."""

    supports_masking = True
    _unwritten = ("activity_regularizer",)

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Any):
        super().__init__(activity_regularizer=L1L2(l1, l2), **options)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Any) -> Tensor:
        return inputs
