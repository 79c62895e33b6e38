"""What weights are made to satisfy again after each update: `kernel_constraint=`."""

from __future__ import annotations

from typing import Any

from ..functional import clip, maximum, sqrt, square
from ..functional import sum as total
from ..tensor import Tensor, as_tensor
from .config import epsilon
from .serialization import Configurable, by_name
from .serialization import deserialize as deserialize
from .serialization import serialize as serialize


class Constraint(Configurable):
    """The base: `constraint(weight)` is the weight as it shall be; here, as it is."""

    def __call__(self, w: Tensor) -> Tensor:
        return as_tensor(w)


def _norms(w: Tensor, axis: Any) -> Tensor:
    return sqrt(total(square(w), axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=True))


class MaxNorm(Constraint):
    """Each vector along `axis` has a norm of at most `max_value`. With axis 0, the weights into one unit."""

    def __init__(self, max_value: float = 2, axis: Any = 0):
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        return w * (clip(norms, 0, self.max_value) / (norms + epsilon()))


class NonNeg(Constraint):
    """No weight is below 0."""

    def __call__(self, w: Tensor) -> Tensor:
        return maximum(w, 0)


class UnitNorm(Constraint):
    """Each vector along `axis` has norm 1."""

    def __init__(self, axis: Any = 0):
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        return w / (_norms(w, self.axis) + epsilon())


class MinMaxNorm(Constraint):
    """Norms along `axis` move into [min_value, max_value], by `rate` of the way at each update."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Tensor) -> Tensor:
        norms = _norms(w, self.axis)
        wanted = clip(norms, self.min_value, self.max_value) * self.rate + norms * (1 - self.rate)
        return w * (wanted / (norms + epsilon()))


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm


def get(identifier: Any) -> Any:
    """The constraint of a name; objects are themselves."""
    names = {"max_norm": MaxNorm, "maxnorm": MaxNorm, "nonneg": NonNeg, "unitnorm": UnitNorm}
    return by_name("constraint", identifier, Constraint, names)
