"""Layers that act in training only: dropout and noise."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from ... import random
from ...backend import random as streams
from ...nn import functional as F
from ...tensor import as_tensor
from ..naming import accepts_old
from .base import Layer


class _Seeded(Layer):
    """Draws from the library's stream; with a seed, from one of its own."""

    def __init__(self, seed: int | None, **options: Any):
        super().__init__(**options)
        self.seed = seed
        self.streams = None if seed is None else streams.Streams(seed)

    def stream(self):
        """The context in which a call draws."""
        return nullcontext() if self.streams is None else streams.drawing_from(self.streams)


class Dropout(_Seeded):
    """y = x · m / (1 - rate) in training, each element of m being 0 with probability `rate`, else 1; y = x otherwise.

    Source: N. Srivastava et al., "Dropout" (2014).
    """

    @accepts_old(p="rate")
    def __init__(self, rate: float, noise_shape: tuple | None = None, seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        F.dropout([0.0], rate)  # which knows what rates there are
        self.rate, self.noise_shape = rate, noise_shape

    def call(self, inputs, training=False):
        if not training or not self.rate:
            return inputs
        with self.stream():
            if self.noise_shape is None:
                return F.dropout(inputs, self.rate, training)
            sizes = zip(self.noise_shape, inputs.shape, strict=True)
            mask = F.dropout(
                as_tensor(inputs)._like(1.0).broadcast_to([n if m is None else m for m, n in sizes]), self.rate
            )
            return inputs * mask


class SpatialDropout2D(_Seeded):
    """Dropout of whole channels of images (batch, height, width, channels)."""

    @accepts_old(p="rate")
    def __init__(self, rate: float, seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        self.rate = rate

    def call(self, inputs, training=False):
        if not training:
            return inputs
        with self.stream():
            return F.dropout2d(as_tensor(inputs).permute_dims((0, 3, 1, 2)), self.rate).permute_dims((0, 2, 3, 1))


class GaussianNoise(_Seeded):
    """y = x + normal noise of deviation `stddev` in training; y = x otherwise."""

    @accepts_old(sigma="stddev")
    def __init__(self, stddev: float, seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        self.stddev = stddev

    def call(self, inputs, training=False):
        if not training:
            return inputs
        with self.stream():
            return inputs + random.normal(0, self.stddev, inputs.shape, device=inputs.device)


class ActivityRegularization(Layer):
    """y = x, with the penalty l1 · Σ |x| + l2 · Σ x², divided by the size of the batch."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Any):
        from ..regularizers import L1L2

        super().__init__(activity_regularizer=L1L2(l1, l2), **options)

    def call(self, inputs):
        return inputs
