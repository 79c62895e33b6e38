"""Indexing, and its transpose.

`getitem` reads the elements that an index names; `scatter_add` adds numbers at those places into zeros. Each is the other's
gradient, so both have all derivatives, duplicates included. `take`, `pad`, `roll`, `sort`, one-hot gradients, embeddings and
losses are composed of these two.

An index is a tuple of integers, slices, None and integer arrays. The arrays are inputs of the operation (so that a recorded
step can be given others); the parameter `index` holds `ARRAY` in their places.
"""

from collections.abc import Iterable

import numpy

from ..backend import Array
from ..errors import RangeError, ShapeError
from ..totals import accumulator
from .primitive import Primitive, View, zero
from .shapes import Shape, broadcast, size


class _Array:
    """Stands in an index for the next integer array among the inputs."""

    def __repr__(self) -> str:
        return "array"


ARRAY = _Array()


def fill(index: tuple, arrays: Iterable) -> tuple:
    """`index` with the arrays put in their places."""
    places = iter(arrays)
    return tuple([next(places) if part is ARRAY else part for part in index]) if arrays else index


def getitem_shape(x: Shape, *arrays: Shape, index: tuple) -> Shape:
    """NumPy's own answer, asked of an array that takes no memory."""
    if arrays:
        broadcast(*arrays)
    one = numpy.ndarray(x, bool, bytes(8), 0, (0,) * len(x))
    places = [numpy.ndarray(shape, numpy.int64, bytes(8), 0, (0,) * len(shape)) for shape in arrays]
    try:
        return one[fill(index, places)].shape
    except IndexError as error:  # a place that is not there, or too many of them
        raise RangeError(f"index {index} of shape {x}: {error}") from None
    except ValueError as error:  # a slice whose step is 0
        raise ShapeError(f"index {index}: {error}") from None


def _getitem_value(xp, x, *arrays, index):
    alone = len(index) == len(arrays) == 1 and arrays[0].dtype == numpy.int64
    if alone and type(x) is numpy.ndarray and x.flags.c_contiguous:
        return x.take(arrays[0], 0)  # which takes a third of the time
    return x[fill(index, arrays)]


def _scatter_add_value(xp, x, *arrays, index, shape):
    total = xp.zeros(shape, dtype=x.dtype)
    if arrays:
        xp.scatter_add(total, fill(index, arrays), x)
    else:
        total[index] = x  # a basic index names no place twice
    return total


getitem = Primitive(
    "getitem",
    _getitem_value,
    getitem_shape,
    (lambda g, like, indices, index: scatter_add(g, *indices, index=index, shape=like.shape), zero),
    inputs=("x", "indices*"),
    view=View(  # an index of arrays copies, and an element by its indices is a number
        "part",
        take=lambda x, index: x[index if Ellipsis in index else (*index, ...)],
        when=lambda shape, /, index: ARRAY not in index and (bool(shape) or Ellipsis in index),
    ),
    formula="x[{index}]",
    local=("1 at the places read",),
)

scatter_add = Primitive(
    "scatter_add",
    _scatter_add_value,
    lambda x, *arrays, index, shape: shape,
    (lambda g, indices, index: getitem(g, *indices, index=index), zero),
    inputs=("x", "indices*"),
    formula="zeros of {shape}, with x added at [{index}]",
    local=("1 at the places written",),
    flops=lambda y, x, *_: size(x),
)


def _assemble(xp, *parts, indices, shape):
    total = xp.zeros(shape, dtype=accumulator(parts[0].dtype))
    assemble_into(total, parts, indices)
    return total.astype(parts[0].dtype, copy=False)


def assemble_into(total: Array, parts: Iterable[Array], indices: Iterable[tuple]) -> None:
    """Add each part where its index says."""
    for part, index in zip(parts, indices, strict=True):
        total[index] += part


assemble = Primitive(
    "assemble",
    _assemble,
    lambda *parts, indices, shape: shape,
    (lambda g, position, indices: getitem(g, index=indices[position]),),
    inputs=("parts*",),
    formula="zeros of {shape}, with each part added where its index says",
    local=("1 at the places written",),
    flops=lambda y, *parts: sum(map(size, parts)),
)
"""What n operations of `scatter_add` of basic indices add up to, in memory and time of one result, not of n."""
