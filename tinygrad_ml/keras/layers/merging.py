"""Layers of several inputs: their sum, mean, product, extremes, and one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from ... import functional
from ...errors import ShapeError
from ...tensor import Tensor
from ..serialization import offer
from .base import Layer


class _Merge(Layer):
    count: int | None = None  # of inputs, if they are not any number

    def call(self, inputs: Any) -> Tensor:
        if not isinstance(inputs, (list, tuple)) or not inputs or len(inputs) != (self.count or len(inputs)):
            raise ShapeError(
                f"{type(self).__name__} needs a list of {self.count or 'some'} tensors, as in {type(self).__name__}()([a, b])"
            )
        return self.merge(list(inputs))

    def merge(self, inputs: list) -> Tensor:
        """What becomes of the inputs, which have been checked."""
        raise NotImplementedError


class Add(_Merge):
    """y = x₁ + x₂ + …"""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return sum(inputs[1:], inputs[0])


class Subtract(_Merge):
    """y = x₁ - x₂."""

    count = 2

    def merge(self, inputs: list[Tensor]) -> Tensor:
        first, second = inputs
        return first - second


class Average(Add):
    """y = (x₁ + … + xₙ) / n."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return super().merge(inputs) / len(inputs)


class Multiply(_Merge):
    """y = x₁ · x₂ · …, elementwise."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return reduce(lambda a, b: a * b, inputs)


class Maximum(_Merge):
    """The largest of x₁, x₂, …, elementwise."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return reduce(functional.maximum, inputs)


class Minimum(_Merge):
    """The smallest of x₁, x₂, …, elementwise."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return reduce(functional.minimum, inputs)


class Concatenate(_Merge):
    """The inputs one after another along `axis`."""

    def __init__(self, axis: int = -1, **options: Any):
        super().__init__(**options)
        self.axis = axis

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return functional.concat(inputs, axis=self.axis)


def _as_function(layer: type[_Merge]) -> Callable[..., Tensor]:
    """A layer without weights as a function of its inputs, under its name in small letters."""

    def merged(inputs: Any, **options: Any) -> Tensor:
        return layer(**options)(inputs)

    merged.__name__ = merged.__qualname__ = layer.__name__.lower()
    merged.__doc__ = f"`{layer.__name__}()(inputs)`: {layer.__doc__}"
    return merged


add, subtract, multiply = _as_function(Add), _as_function(Subtract), _as_function(Multiply)
average, maximum, minimum = _as_function(Average), _as_function(Maximum), _as_function(Minimum)


def concatenate(inputs: Any, axis: int = -1, **options: Any) -> Tensor:
    """`Concatenate(axis)(inputs)`."""
    return Concatenate(axis, **options)(inputs)


offer(
    "layers",
    {function.__name__: function for function in (add, average, concatenate, maximum, minimum, multiply, subtract)},
)
