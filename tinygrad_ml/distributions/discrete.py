"""Distributions of 0 and 1, and of the numbers of classes."""

import math

from .. import functional as tg
from .. import random
from ..backend import dtypes
from ..errors import OptionError, ShapeError
from ..modes import no_grad
from ..ops.shapes import broadcast
from ..tensor import Tensor, TensorLike, as_tensor
from .distribution import Distribution, Shape, check, outcome, parameters
from .multinomial import multinomial


def _away_from_zero(probs: Tensor) -> Tensor:
    """Probabilities kept ε away from 0, so that their logarithm is finite."""
    return tg.clip(probs, min=tg.finfo(probs.dtype).eps)


def _one_of(kind: str, probs: TensorLike | None, logits: TensorLike | None) -> None:
    if (probs is None) == (logits is None):
        raise OptionError(f"{kind} needs either probs or logits, not {'neither' if probs is None else 'both'}")


class Bernoulli(Distribution):
    """1 with probability p, else 0.

    probs   p, from 0 to 1; or
    logits  ln(p / (1 - p))
    """

    def __init__(self, probs: TensorLike | None = None, logits: TensorLike | None = None):
        _one_of("Bernoulli", probs, logits)
        if probs is not None:
            (self.probs,) = parameters(probs=probs)
            check(self.probs, lambda p: (p >= 0) & (p <= 1), "Bernoulli needs probabilities from 0 to 1")
            self.logits = tg.log(_away_from_zero(self.probs)) - tg.log(_away_from_zero(1 - self.probs))
        else:
            (self.logits,) = parameters(logits=logits)  # type: ignore[arg-type]
            self.probs = tg.sigmoid(self.logits)
        self.batch_shape = self.logits.shape

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return (self.probs > 0.5).astype(self.probs.dtype)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: int | Shape = ()) -> Tensor:
        with no_grad():
            u = random.random(self._sizes(sample_shape), self.probs.dtype, self.probs.device)
            return (u < self.probs).astype(self.probs.dtype)

    def log_prob(self, value: TensorLike) -> Tensor:
        x = outcome(value, self.logits, self.batch_shape).astype(self.logits.dtype)
        check(x, lambda x: (x == 0) | (x == 1), "outcomes of Bernoulli are 0 and 1")
        return x * self.logits - tg.logaddexp(self.logits, 0)

    def entropy(self) -> Tensor:
        return tg.logaddexp(self.logits, 0) - self.probs * self.logits


class Categorical(Distribution):
    """The number of a class, from 0 to n - 1.

    probs   weights of the classes on the last axis, at least 0, which are divided by their sum; or
    logits  their logarithms, up to a number that is added to all
    """

    def __init__(self, probs: TensorLike | None = None, logits: TensorLike | None = None):
        _one_of("Categorical", probs, logits)
        (given,) = parameters(given=logits if probs is None else probs)  # type: ignore[arg-type]
        if not given.ndim or not given.shape[-1]:
            raise ShapeError(f"Categorical needs its classes on the last axis, but got {given._described()}")
        if probs is None:
            self.logits = tg.log_softmax(given, -1)
            self.probs = tg.exp(self.logits)
        else:
            check(given, lambda p: p >= 0, "Categorical needs probabilities of at least 0")
            total = given.sum(-1, keepdims=True)
            check(total, lambda total: total > 0, "Categorical needs a probability above 0 in each row, and sums")
            self.probs = given / total
            self.logits = tg.log(_away_from_zero(self.probs))
        self.batch_shape, self.classes = given.shape[:-1], given.shape[-1]

    @property
    def mode(self) -> Tensor:
        return tg.argmax(self.probs, -1)

    def sample(self, sample_shape: int | Shape = ()) -> Tensor:
        shape = self._sizes(sample_shape)
        count = math.prod(shape) // max(math.prod(self.batch_shape), 1)
        if not math.prod(shape):
            return tg.zeros(shape, dtype=dtypes.int64, device=self.probs.device)
        drawn = multinomial(self.probs.reshape(-1, self.classes), count, replacement=True)
        return drawn.T.reshape(shape)

    def log_prob(self, value: TensorLike) -> Tensor:
        numbers = outcome(as_tensor(value, device=self.logits.device), self.logits, self.batch_shape)
        check(
            numbers,
            lambda n: (n >= 0) & (n < self.classes) & (n % 1 == 0),
            f"there are classes 0 to {self.classes - 1}",
        )
        shape = broadcast(numbers.shape, self.batch_shape)
        places = numbers.astype(dtypes.int64).broadcast_to(shape).expand_dims(-1)
        return tg.take_along_axis(self.logits.broadcast_to((*shape, self.classes)), places, -1).squeeze(-1)

    def entropy(self) -> Tensor:
        return -(self.probs * self.logits).sum(-1)
