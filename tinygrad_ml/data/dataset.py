"""Data sets: something with a length whose samples are numbered.

A data set may also offer `gather(indices)`, which returns a whole batch at once. That one method is why an
epoch here costs no Python loop over samples: see `TensorDataset.gather`, and its use in `loader.py`.

Read next: `loader.py`, which walks a data set in shuffled batches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy

from ..backend import Device
from ..errors import DeviceError, OptionError, RangeError, ShapeError
from ..functional import tensor
from ..tensor import Tensor
from .seeds import base_seed


class Dataset:
    """Base of the data sets. A subclass defines `__getitem__(index)` and `__len__()`."""

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index)")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define __len__()")


@runtime_checkable
class Gathering(Protocol):
    """A data set that returns a whole batch at once."""

    def gather(self, indices: Any) -> Any:
        """The samples `indices`, put together."""
        ...


def recordable(gather: Callable) -> Callable:
    """Marks a `gather` that computes its batch from tensors by tensor operations: a compiled step can do it as a part of itself.

    It is the function that is marked. A derived class that gathers in its own way is not meant.
    """
    gather.recordable = True  # type: ignore[attr-defined]
    return gather


class TensorDataset(Dataset):
    """Samples that are rows of tensors: sample `i` is `(tensors[0][i], tensors[1][i], ...)`.

    *tensors  tensors (or arrays) of the same length and on the same device, where they stay

    Raises `OptionError`: no tensor was given. `ShapeError`: the lengths differ. `DeviceError`: the devices differ.

    >>> data = TensorDataset(tensor([[1.0], [2.0], [3.0]]), tensor([0, 1, 0]))
    >>> len(data)
    3
    """

    def __init__(self, *tensors: Tensor | numpy.ndarray):
        if not tensors:
            raise OptionError("TensorDataset was given nothing; pass at least one tensor, as TensorDataset(x, y)")
        self.tensors = tuple(t if isinstance(t, Tensor) else tensor(t) for t in tensors)
        shapes = [tuple(t.shape) for t in self.tensors]
        if () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ShapeError(
                f"TensorDataset was given tensors of shapes {', '.join(map(str, shapes))}; "
                "the first dimension counts the samples and must be the same in all of them"
            )
        if len({str(t.device) for t in self.tensors}) > 1:
            raise DeviceError(
                f"TensorDataset was given tensors on {', '.join(str(t.device) for t in self.tensors)}; "
                "move them to one device with .to(device)"
            )

    @property
    def device(self) -> Device:
        """Where the tensors live, and the batches are made."""
        return self.tensors[0].device

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        return self.gather(index)

    @recordable
    def gather(self, indices: Tensor | numpy.ndarray | slice | int) -> tuple[Tensor, ...]:
        """The rows `indices` of every tensor, by one indexing operation each, on their own device.

        The rows are cut from the graph: a batch is where a computation starts, not a part of it.
        """
        return tuple(t[indices].detach() for t in self.tensors)


class Subset(Dataset):
    """The samples `indices` of another data set, in that order.

    dataset  the data set to choose from
    indices  1-D integers in `[0, len(dataset))`; an index may stand more than once

    Raises `RangeError`: an index is outside of the data set.
    """

    def __init__(self, dataset: Dataset, indices: Sequence[int] | numpy.ndarray):
        self.dataset = dataset
        self.indices = numpy.asarray(indices, dtype=numpy.int64)
        outside = self.indices[(self.indices < 0) | (self.indices >= len(dataset))]
        if outside.size:
            raise RangeError(f"Subset was given index {outside[0]}; the data set has samples 0 to {len(dataset) - 1}")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]


def random_split(dataset: Dataset, lengths: Sequence[int | float], seed: int | None = None) -> list[Subset]:
    """Split a data set at random into parts that share no sample.

    dataset  what to split
    lengths  the number of samples of each part, adding up to `len(dataset)`; or fractions adding up to 1, each rounded
             down, and what is left over dealt to the parts in turn, one sample each
    seed     the same seed gives the same split; None draws one from the library's generator

    Returns one `Subset` for each length.

    Raises `OptionError`: the lengths are negative, or do not add up.
    """
    total = len(dataset)
    counts = list(lengths)
    if math.isclose(sum(counts), 1.0):
        counts = [math.floor(total * fraction) for fraction in lengths]
        for part in itertools.islice(itertools.cycle(range(len(counts))), total - sum(counts)):
            counts[part] += 1
    if sum(counts) != total or any(count < 0 or count != int(count) for count in counts):
        raise OptionError(
            f"random_split was given lengths {list(lengths)}; they must be counts that add up to "
            f"{total} samples, or fractions that add up to 1"
        )
    order = numpy.random.default_rng(base_seed(seed)).permutation(total)
    return [Subset(dataset, part) for part in numpy.split(order, numpy.cumsum(counts[:-1], dtype=numpy.int64))]
