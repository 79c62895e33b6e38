"""`split_dataset`: a data set cut in two."""

from __future__ import annotations

from typing import Any

import numpy

from ...data import Dataset, Subset, TensorDataset
from ...errors import OptionError
from ...structure import leaves
from ...tensor import as_tensor
from .. import checks


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Subset, Subset]:
    """Two data sets of the samples of one.

    dataset    a `Dataset`, an array, or a list or tuple of arrays of the same length
    left_size  how many samples the first one has, or which part of them, as a number below 1; `right_size` of the second
    shuffle    draw them, instead of cutting the data in two; `seed` rules the order
    preferred_backend  is accepted, and changes nothing
    """
    if not isinstance(dataset, Dataset):
        parts = dataset if isinstance(dataset, (list, tuple)) else (dataset,)
        if not parts or not all(hasattr(part, "__len__") for part in leaves(list(parts))):
            raise OptionError(f"split_dataset takes a Dataset or arrays, and not {type(dataset).__name__}")
        dataset = TensorDataset(*map(as_tensor, parts))
    samples = len(dataset)
    left, right = _count("left_size", left_size, samples), _count("right_size", right_size, samples)
    if left is None and right is None:
        raise OptionError("split_dataset needs left_size or right_size")
    left = samples - right if left is None and right is not None else left
    right = samples - left if right is None and left is not None else right
    assert left is not None and right is not None
    if left + right > samples or left < 1 or right < 1:
        raise OptionError(f"split_dataset: {samples} samples cannot be cut into {left} and {right}")
    order = numpy.arange(samples)
    if shuffle:
        order = numpy.random.default_rng(checks.seed(seed)).permutation(samples)
    return Subset(dataset, order[:left].tolist()), Subset(dataset, order[left : left + right].tolist())


def _count(name: str, size: Any, samples: int) -> int | None:
    if isinstance(size, float) and 0 < size < 1:
        return round(size * samples)
    return None if size is None else checks.whole(name, size)
