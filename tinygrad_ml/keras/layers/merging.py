"""Layers of several inputs: their sum, mean, product, extremes, and one behind the other."""

from __future__ import annotations

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
        """What becomes of the inputs, which have been checked."""
        return sum(inputs[1:], inputs[0])


class Subtract(_Merge):
    """y = x₁ - x₂."""

    count = 2

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """What becomes of the inputs, which have been checked."""
        first, second = inputs
        return first - second


class Average(Add):
    """y = (x₁ + … + xₙ) / n."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """What becomes of the inputs, which have been checked."""
        return super().merge(inputs) / len(inputs)


class Multiply(_Merge):
    """y = x₁ · x₂ · …, elementwise."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """What becomes of the inputs, which have been checked."""
        return reduce(lambda a, b: a * b, inputs)


class Maximum(_Merge):
    """The largest of x₁, x₂, …, elementwise."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """What becomes of the inputs, which have been checked."""
        return reduce(functional.maximum, inputs)


class Minimum(_Merge):
    """The smallest of x₁, x₂, …, elementwise."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """What becomes of the inputs, which have been checked."""
        return reduce(functional.minimum, inputs)


class Concatenate(_Merge):
    """The inputs behind one another along `axis`."""

    def __init__(self, axis: int = -1, **options: Any):
        super().__init__(**options)
        self.axis = axis

    def merge(self, inputs: list[Tensor]) -> Tensor:
        """What becomes of the inputs, which have been checked."""
        return functional.concat(inputs, axis=self.axis)


def add(inputs: Any, **options: Any) -> Tensor:
    """`Add()(inputs)`."""
    return Add(**options)(inputs)


def subtract(inputs: Any, **options: Any) -> Tensor:
    """`Subtract()(inputs)`."""
    return Subtract(**options)(inputs)


def average(inputs: Any, **options: Any) -> Tensor:
    """`Average()(inputs)`."""
    return Average(**options)(inputs)


def maximum(inputs: Any, **options: Any) -> Tensor:
    """`Maximum()(inputs)`."""
    return Maximum(**options)(inputs)


def minimum(inputs: Any, **options: Any) -> Tensor:
    """`Minimum()(inputs)`."""
    return Minimum(**options)(inputs)


def multiply(inputs: Any, **options: Any) -> Tensor:
    """`Multiply()(inputs)`."""
    return Multiply(**options)(inputs)


def concatenate(inputs: Any, axis: int = -1, **options: Any) -> Tensor:
    """`Concatenate(axis)(inputs)`."""
    return Concatenate(axis, **options)(inputs)


offer(
    "layers",
    {function.__name__: function for function in (add, average, concatenate, maximum, minimum, multiply, subtract)},
)
