"""Shapes as Keras tells them: tuples whose first entry, the batch, is None; nested as the tensors are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy

from ...functional import symbol
from ...structure import mapped
from ...tensor import Tensor
from .symbols import UNKNOWN, partial_shape, sized


def shapes_of(tensors: Any) -> Any:
    """The shapes in a structure of tensors, None standing for the batch and for what is unknown."""
    return mapped(lambda t: partial_shape(t) if isinstance(t, Tensor) else None, tensors)


def map_shapes(function: Callable, shapes: Any) -> Any:
    """A structure of shapes (tuples of numbers), with `function` of each shape."""
    if shapes is None:
        return None
    if isinstance(shapes, Mapping):
        return {key: map_shapes(function, shape) for key, shape in shapes.items()}
    if all(size is None or isinstance(size, (int, numpy.integer)) for size in shapes):
        return function(tuple(shapes))
    return [map_shapes(function, shape) for shape in shapes]


def flatten_shapes(shapes: Any) -> list[tuple]:
    """The shapes in a structure of shapes."""
    found: list[tuple] = []
    map_shapes(found.append, shapes)
    return found


def symbols_of(shapes: Any, unknown: int = UNKNOWN) -> Any:
    """A structure of shapes, with a symbol for each, whose batch is 1; `unknown` is the size of what is not known."""
    return map_shapes(lambda shape: symbol(sized(shape, unknown)), shapes)


def arguments_of(shapes: Any, named: Mapping[str, Any], unknown: int = UNKNOWN) -> tuple[list, dict[str, Any]]:
    """Symbols of these shapes, and {a: symbol} for {"a_shape": shape}: what `call` is tried out on."""
    by_name = {name.removesuffix("_shape"): symbols_of(shape, unknown) for name, shape in named.items()}
    return [symbols_of(shape, unknown) for shape in shapes], by_name
