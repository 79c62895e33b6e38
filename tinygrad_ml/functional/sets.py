"""The different elements of a tensor. How many there are is in the numbers, and so is the shape of what comes out.

So symbolic tensors, and functions that `tg.compile` records, have none: that is an error that says so.
"""

from typing import NamedTuple

import numpy

from ..backend import of
from ..kernels import sorting
from ..tensor import Tensor, TensorLike, as_tensor
from .indexing import need_numbers


class UniqueAll(NamedTuple):
    """What `unique_all` finds: the elements, where each stands first, which of them stands where, and how often each does."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` finds: the elements, and how often each stands there."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` finds: the elements, and which of them stands where."""

    values: Tensor
    inverse_indices: Tensor


def unique_all(x: TensorLike) -> UniqueAll:
    """The different elements of x, ascending; each one's first place in the flattened x; in the shape of x, which of
    them stands where; how often each occurs. All but the values are int64.

    Each nan is an element of its own. The gradient of a value goes to its first place.
    """
    x = as_tensor(x)
    need_numbers(x, "the different elements", "how many there are")
    flat = x.reshape(-1)
    if isinstance(flat._data, numpy.ndarray):
        first, inverse, counts = sorting.different(flat._data)
    else:
        _, first, inverse, counts = of(x._data).unique(
            flat._data, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
        )
    return UniqueAll(flat[Tensor(first)], Tensor(first), Tensor(inverse.reshape(x.shape)), Tensor(counts))


def unique_counts(x: TensorLike) -> UniqueCounts:
    """The different elements of x, ascending, and how often each occurs; see `unique_all`."""
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


def unique_inverse(x: TensorLike) -> UniqueInverse:
    """The different elements of x, ascending, and in the shape of x, which of them stands where; see `unique_all`."""
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


def unique_values(x: TensorLike) -> Tensor:
    """The different elements of x, ascending; see `unique_all`."""
    return unique_all(x).values
