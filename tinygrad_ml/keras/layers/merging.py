"""Layers of several inputs: their sum, mean, product, extremes, and one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from ... import functional
from ...errors import OptionError, ShapeError
from ...nn import functional as F
from ...tensor import Tensor, as_tensor
from ..masks import mask_of
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

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """A step counts that counts in one of the inputs, if each has a mask."""
        masks: list[Any] = [None] if mask is None else list(mask)
        return None if any(one is None for one in masks) else reduce(lambda a, b: a | b, map(_truths, masks))


def _truths(mask: Any) -> Tensor:
    """A mask as bools; it may come as numbers, which count unless they are 0."""
    return as_tensor(mask).astype("bool")


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
        # What does not count in one of the inputs is the product of the others, and 0 if it counts in none.
        masks = [mask_of(x) for x in inputs]
        product = reduce(lambda a, b: a * b, [_where(mask, x, 1.0) for mask, x in zip(masks, inputs, strict=True)])
        return _where(self.compute_mask(inputs, masks), product, 0.0)


class Maximum(_Merge):
    """The largest of x₁, x₂, …, elementwise."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return _extreme(functional.maximum, inputs)


class Minimum(_Merge):
    """The smallest of x₁, x₂, …, elementwise."""

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return _extreme(functional.minimum, inputs)


class Concatenate(_Merge):
    """The inputs one after another along `axis`."""

    def __init__(self, axis: int = -1, **options: Any):
        super().__init__(**options)
        self.axis = axis

    def merge(self, inputs: list[Tensor]) -> Tensor:
        return functional.concat(inputs, axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks, one after another as the inputs are; where features are, a step counts if it does in one of them."""
        if mask is None or all(one is None for one in mask):
            return None
        whole = [
            functional.ones_like(x, dtype="bool") if one is None else _truths(one).expand_dims(-1).broadcast_to(x.shape)
            for x, one in zip(inputs, mask, strict=True)
        ]
        return functional.concat(whole, axis=self.axis).any(axis=-1)


class Dot(_Merge):
    """y = Σ over an axis of x₁ · x₂, for each sample: products of matrices, of vectors, or of what has more axes.

    axes       the axis that is summed, or a pair, one for each input; the batch is none
    normalize  whether the inputs are divided by their lengths along these: y is the cosine of the angle between them

    The other axes of x₁ stand before those of x₂. Two vectors give (batch, 1).
    """

    count = 2

    def __init__(self, axes: Any, normalize: bool = False, **options: Any):
        super().__init__(**options)
        pair = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        if len(pair) != 2 or not all(isinstance(axis, int) and not isinstance(axis, bool) for axis in pair):
            raise OptionError(f"axes={axes!r} must be an integer, or two, one for each input")
        self.axes, self.normalize = axes, normalize

    def merge(self, inputs: list[Tensor]) -> Tensor:
        pair = self.axes if isinstance(self.axes, (list, tuple)) else (self.axes, self.axes)
        summed = [axis % x.ndim for axis, x in zip(pair, inputs, strict=True)]
        sizes = [x.shape[axis] for axis, x in zip(summed, inputs, strict=True)]
        if 0 in summed or sizes[0] != sizes[1] or inputs[0].shape[0] != inputs[1].shape[0]:
            raise ShapeError(
                f"{self.name}: axes={self.axes} of {inputs[0]._described()} and {inputs[1]._described()} must be of one size, "
                "and not the batch, which is as large in both"
            )
        if self.normalize:
            inputs = [F.normalize(x, dim=axis, eps=1e-7) for x, axis in zip(inputs, summed, strict=True)]
        x, y = (functional.moveaxis(x, axis, end) for x, axis, end in zip(inputs, summed, (-1, 1), strict=True))
        product = x.reshape((x.shape[0], -1, sizes[0])) @ y.reshape((y.shape[0], sizes[0], -1))
        return product.reshape((x.shape[0], *(x.shape[1:-1] + y.shape[2:] or (1,))))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the steps are summed, or stand for pairs."""


def _where(mask: Tensor | None, x: Tensor, other: Any) -> Tensor:
    """x at the steps that count, `other` at the rest."""
    return x if mask is None else mask.expand_dims(-1).where(x, other)


def _extreme(larger: Callable[[Tensor, Tensor], Tensor], inputs: list[Tensor]) -> Tensor:
    """The largest, or the smallest, of what counts."""
    output, counts = inputs[0], mask_of(inputs[0])
    for x in inputs[1:]:
        mask = mask_of(x)
        x = _where(mask, x, output)
        output = larger(_where(counts, output, x), x)
        counts = None if mask is None or counts is None else counts | mask
    return output


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


def dot(inputs: Any, axes: Any = -1, **options: Any) -> Tensor:
    """`Dot(axes)(inputs)`."""
    return Dot(axes, **options)(inputs)


_FUNCTIONS = (add, average, concatenate, dot, maximum, minimum, multiply, subtract)
offer("layers", {function.__name__: function for function in _FUNCTIONS})
