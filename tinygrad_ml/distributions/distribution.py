"""What all distributions have, and several that are independent, taken for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ..backend import dtypes
from ..errors import OptionError, RangeError, ShapeError
from ..functional import broadcast_arrays, sqrt
from ..functional.indexing import look
from ..modes import no_grad
from ..ops.shapes import broadcast
from ..tensor import Tensor, TensorLike, as_tensor, beside

Shape = tuple[int, ...]


class Distribution:
    """Of random numbers: one for each element of `batch_shape`, and each of `event_shape`.

    A draw has shape sample_shape + batch_shape + event_shape.
    """

    batch_shape: Shape = ()
    event_shape: Shape = ()

    @property
    def mean(self) -> Tensor:
        """What draws are in the mean."""
        raise self._without("mean")

    @property
    def variance(self) -> Tensor:
        """The mean of (draw - mean)²."""
        raise self._without("variance")

    @property
    def mode(self) -> Tensor:
        """The likeliest outcome."""
        raise self._without("mode")

    @property
    def stddev(self) -> Tensor:
        """The root of the variance."""
        return sqrt(self.variance)

    def sample(self, sample_shape: int | Shape = ()) -> Tensor:
        """Draws, of shape sample_shape + batch_shape + event_shape. No gradient goes through them."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: int | Shape = ()) -> Tensor:
        """Draws that are functions of the parameters and of random numbers without parameters, so that gradients go
        through them. Source: D. Kingma, M. Welling, "Auto-Encoding Variational Bayes" (2014)."""
        raise OptionError(
            f"{type(self).__name__} cannot be drawn as a function of its parameters: use sample(), and log_prob() for a gradient"
        )

    def log_prob(self, value: TensorLike) -> Tensor:
        """The logarithm of the density, or of the probability, at `value`: of batch_shape, broadcast with the value's."""
        raise self._without("log_prob")

    def entropy(self) -> Tensor:
        """The mean of -log_prob, in nats: of batch_shape."""
        raise self._without("entropy")

    def cdf(self, value: TensorLike) -> Tensor:
        """The probability of outcomes up to `value`."""
        raise self._without("cdf")

    def _without(self, name: str) -> OptionError:
        return OptionError(f"{type(self).__name__} has no {name}")

    def _sizes(self, sample_shape: int | Shape) -> Shape:
        """The shape of draws."""
        asked = (sample_shape,) if isinstance(sample_shape, (int, numpy.integer)) else tuple(sample_shape)
        return (*asked, *self.batch_shape, *self.event_shape)

    def __repr__(self) -> str:
        of = f", event_shape={self.event_shape}" if self.event_shape else ""
        return f"{type(self).__name__}(batch_shape={self.batch_shape}{of})"


def parameters(**given: TensorLike) -> list[Tensor]:
    """Parameters as tensors of one shape and one floating dtype, where the first tensor among them is."""
    like = next((value for value in given.values() if isinstance(value, Tensor)), None)
    tensors = [as_tensor(value) if like is None else beside(value, like) for value in given.values()]
    tensors = [t if dtypes.is_float(t.dtype) else t.astype(dtypes.DEFAULT_FLOAT) for t in tensors]
    try:
        return list(broadcast_arrays(*tensors))
    except ShapeError as error:
        described = ", ".join(f"{name} {t.shape}" for name, t in zip(given, tensors, strict=True))
        raise ShapeError(f"parameters that do not broadcast: {described}") from error


def check(tensor: Tensor, holds: Callable[[Any], Any], what: str) -> None:
    """`RangeError` with `what`, and a number for which it is not so, unless all numbers fulfil `holds`."""

    def checked(array: Any) -> None:
        fulfilled = numpy.asarray(holds(array))
        if not fulfilled.all():
            raise RangeError(f"{what}, but one is {numpy.asarray(array)[~fulfilled].flat[0]}")

    look(checked, tensor)


def outcome(value: TensorLike, like: Tensor, shape: Shape) -> Tensor:
    """A value whose probability is asked for, beside the parameters; `ShapeError` if it does not broadcast with `shape`."""
    found = beside(value, like)
    try:
        broadcast(found.shape, shape)
    except ShapeError:
        raise ShapeError(f"a value of shape {found.shape} does not broadcast with the distribution's {shape}") from None
    return found


class Independent(Distribution):
    """The last axes of a batch taken for one event: probabilities are multiplied over them.

    base                         a distribution
    reinterpreted_batch_ndims    how many of its batch axes become axes of the event
    """

    def __init__(self, base: Distribution, reinterpreted_batch_ndims: int):
        axes, kept = reinterpreted_batch_ndims, len(base.batch_shape) - reinterpreted_batch_ndims
        if axes < 0 or kept < 0:
            raise OptionError(f"Independent: {base} has no {axes} batch axes")
        self.base, self.axes = base, axes
        self.batch_shape, self.event_shape = base.batch_shape[:kept], (*base.batch_shape[kept:], *base.event_shape)

    @property
    def mean(self) -> Tensor:
        return self.base.mean

    @property
    def variance(self) -> Tensor:
        return self.base.variance

    @property
    def mode(self) -> Tensor:
        return self.base.mode

    def sample(self, sample_shape: int | Shape = ()) -> Tensor:
        return self.base.sample(sample_shape)

    def rsample(self, sample_shape: int | Shape = ()) -> Tensor:
        return self.base.rsample(sample_shape)

    def log_prob(self, value: TensorLike) -> Tensor:
        return self.over_the_event(self.base.log_prob(value))

    def entropy(self) -> Tensor:
        return self.over_the_event(self.base.entropy())

    def over_the_event(self, each: Tensor) -> Tensor:
        """What the base has for each element, summed over the axes of the event."""
        return each.sum(tuple(range(-self.axes, 0))) if self.axes else each

    def __repr__(self) -> str:
        return f"Independent({self.base}, {self.axes})"
