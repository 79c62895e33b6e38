"""Distributions of real numbers, which are drawn by moving and scaling numbers without parameters."""

import math

from .. import functional as tg
from .. import random
from ..tensor import Tensor, TensorLike
from .distribution import Distribution, Shape, check, outcome, parameters


class Normal(Distribution):
    """Density exp(-½ ((x - μ) / σ)²) / (σ √(2π)).

    loc    μ, the mean
    scale  σ > 0, the standard deviation
    """

    def __init__(self, loc: TensorLike, scale: TensorLike):
        self.loc, self.scale = parameters(loc=loc, scale=scale)
        check(self.scale, lambda s: s > 0, "Normal needs scale > 0")
        self.batch_shape = self.loc.shape

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return tg.square(self.scale)

    @property
    def stddev(self) -> Tensor:
        return self.scale

    def rsample(self, sample_shape: int | Shape = ()) -> Tensor:
        drawn = random.standard_normal(self._sizes(sample_shape), self.loc.dtype, self.loc.device)
        return self.loc + drawn * self.scale

    def log_prob(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.loc, self.batch_shape)
        return -0.5 * tg.square((x - self.loc) / self.scale) - tg.log(self.scale) - 0.5 * math.log(2 * math.pi)

    def entropy(self) -> Tensor:
        return tg.log(self.scale) + 0.5 * (1 + math.log(2 * math.pi))

    def cdf(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.loc, self.batch_shape)
        return 0.5 * (1 + tg.erf((x - self.loc) / (self.scale * math.sqrt(2))))


class Laplace(Distribution):
    """Density exp(-|x - μ| / b) / (2 b).

    loc    μ, the mean
    scale  b > 0
    """

    def __init__(self, loc: TensorLike, scale: TensorLike):
        self.loc, self.scale = parameters(loc=loc, scale=scale)
        check(self.scale, lambda b: b > 0, "Laplace needs scale > 0")
        self.batch_shape = self.loc.shape

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2 * tg.square(self.scale)

    def rsample(self, sample_shape: int | Shape = ()) -> Tensor:
        u = random.random(self._sizes(sample_shape), self.loc.dtype, self.loc.device) - 0.5
        # On [-½, ½) the logarithm is of 1 - 2|u|, which is 0 at the lower end.
        tiny = tg.finfo(self.loc.dtype).smallest_normal
        return self.loc - self.scale * tg.sign(u) * tg.log(tg.clip(1 - 2 * tg.abs(u), min=tiny))

    def log_prob(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.loc, self.batch_shape)
        return -tg.abs(x - self.loc) / self.scale - tg.log(2 * self.scale)

    def entropy(self) -> Tensor:
        return 1 + tg.log(2 * self.scale)

    def cdf(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.loc, self.batch_shape) - self.loc
        return 0.5 - 0.5 * tg.sign(x) * tg.expm1(-tg.abs(x) / self.scale)


class Exponential(Distribution):
    """Density λ exp(-λ x) at x ≥ 0.

    rate  λ > 0
    """

    def __init__(self, rate: TensorLike):
        (self.rate,) = parameters(rate=rate)
        check(self.rate, lambda r: r > 0, "Exponential needs rate > 0")
        self.batch_shape = self.rate.shape

    @property
    def mean(self) -> Tensor:
        return 1 / self.rate

    @property
    def mode(self) -> Tensor:
        return tg.zeros_like(self.rate)

    @property
    def variance(self) -> Tensor:
        return 1 / tg.square(self.rate)

    def rsample(self, sample_shape: int | Shape = ()) -> Tensor:
        u = random.random(self._sizes(sample_shape), self.rate.dtype, self.rate.device)
        return -tg.log1p(-u) / self.rate

    def log_prob(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.rate, self.batch_shape)
        return tg.where(x >= 0, tg.log(self.rate) - self.rate * x, -tg.inf)

    def entropy(self) -> Tensor:
        return 1 - tg.log(self.rate)

    def cdf(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.rate, self.batch_shape)
        return -tg.expm1(-self.rate * tg.clip(x, min=0))


class Uniform(Distribution):
    """Density 1 / (high - low) on [low, high).

    low, high  the ends, low < high
    """

    def __init__(self, low: TensorLike, high: TensorLike):
        self.low, self.high = parameters(low=low, high=high)
        check(self.high - self.low, lambda width: width > 0, "Uniform needs low < high, so that high - low > 0")
        self.batch_shape = self.low.shape

    @property
    def mean(self) -> Tensor:
        return (self.low + self.high) / 2

    @property
    def variance(self) -> Tensor:
        return tg.square(self.high - self.low) / 12

    def rsample(self, sample_shape: int | Shape = ()) -> Tensor:
        u = random.random(self._sizes(sample_shape), self.low.dtype, self.low.device)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.low, self.batch_shape)
        return tg.where((x >= self.low) & (x < self.high), -tg.log(self.high - self.low), -tg.inf)

    def entropy(self) -> Tensor:
        return tg.log(self.high - self.low)

    def cdf(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.low, self.batch_shape)
        return tg.clip((x - self.low) / (self.high - self.low), 0, 1)
