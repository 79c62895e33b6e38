"""The data loader: batches of a data set, in an order that a seed decides.

The order of epoch `e` is a permutation drawn from the pair `(seed, e)`. So it is the same on every device, new
in each epoch, and can be found again from two numbers: that is what a resumed training needs.

Read next: `dataset.py` for what `gather` does, and `vision.py` for data to load.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy

from ..errors import DataError, DTypeError, OptionError, ShapeError
from ..functional import tensor
from ..functional.manipulation import stack
from ..spellings import Speller
from ..tensor import Tensor
from .dataset import Dataset, Gathering, Subset
from .seeds import base_seed


@runtime_checkable
class Parts(Protocol):
    """A sampler by which several processes share each batch.

    divide  whether `batch_size` is that of all of them together, and not of each
    seed    of the orders
    """

    divide: bool
    seed: int | None

    @property
    def ranks(self) -> int:
        """How many processes share a batch."""
        ...

    def order(self, epoch: int) -> numpy.ndarray:
        """The sample numbers of an epoch, of all processes."""
        ...

    def part(self, numbers: Any) -> Any:
        """What this process has of the numbers of a batch."""
        ...

    def first_seed(self) -> int | None:
        """The seed, drawn now if it was not yet."""
        ...


class DataLoader(Speller):
    """Iterate over a data set in batches; each `for` loop over it is one epoch::

        loader = DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True)
        for x_batch, y_batch in loader:
            ...

    A data set that offers `gather` (`TensorDataset`, `Text`, the image data sets, and a `Subset` of one) gives a batch
    by one indexing operation a tensor, on the device where its tensors live. Of any other, the samples are
    fetched one by one and put together by `collate_fn`.

    dataset     anything with `len(dataset)` and `dataset[i]`
    batch_size  samples in a batch
    shuffle     a new order in each epoch; without it, samples come in their own order
    collate_fn  makes a batch of a list of samples; the default is `default_collate`
    drop_last   leave out the last batch if it is smaller than the others
    seed        the same seed gives the same orders. None draws one from the library's generator when the first epoch
                begins, so that `manual_seed` rules it.
    sampler     decides on the order, in the place of `shuffle` and `seed`: sample numbers, iterated anew in each epoch; or
                `tg.distributed.Sampler`, by which each of several processes gets its part of every batch, up to
                `batch_size` samples

    Raises `OptionError`: `batch_size` is no positive integer, `dataset` has no length, or two things decide on the order.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        collate_fn: Callable[[list], Any] | None = None,
        drop_last: bool = False,
        seed: int | None = None,
        sampler: Iterable[int] | Parts | None = None,
    ):
        if sampler is not None and (shuffle or seed is not None):
            raise OptionError("DataLoader was given a sampler, which decides on the order: give it shuffle and seed")
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, numpy.integer)) or batch_size < 1:
            raise OptionError(f"DataLoader was given batch_size={batch_size!r}; it must be an integer of 1 or more")
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise OptionError(
                f"DataLoader was given a {type(dataset).__name__}; it needs a data set with __len__ and __getitem__"
            )
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.collate_fn = collate_fn
        self.sampler = sampler
        self.drop_last = drop_last or getattr(sampler, "drop_last", False)
        self._parts = sampler if isinstance(sampler, Parts) else None
        each = 1 if self._parts is None or self._parts.divide else self._parts.ranks
        self._whole = self.batch_size * each  # samples of all processes
        self._seed = None if seed is None else base_seed(seed)
        # Where we are: epochs that have begun, and samples of the latest one that were handed out.
        self._epoch = 0
        self._position = 0
        self._resuming = False

    def __len__(self) -> int:
        """Batches in an epoch."""
        return math.ceil(self._samples() / self._whole)

    def _samples(self) -> int:
        """Samples that an epoch hands out, to all processes together."""
        samples = len(self.dataset)
        if self.sampler is not None and self._parts is None:
            samples = len(self.sampler)  # pyright: ignore[reportArgumentType] as the number of batches depends on it
        return samples - samples % self._whole if self.drop_last else samples

    @property
    def position(self) -> int:
        """How many samples of the epoch under way were handed out, to all processes together."""
        return self._position

    def __iter__(self) -> Iterator[Any]:
        source, order = self._begin_epoch()
        if self.collate_fn is None and isinstance(source, Gathering):
            return self._batches(source.gather, order, self._position)
        collate = self.collate_fn or default_collate
        return self._batches(lambda indices: collate([source[int(i)] for i in indices]), order, self._position)

    @property
    def resident(self) -> Any:
        """The data set whose `gather` makes the batches of what is on the device, if that is all there is to a batch; else None.

        Such are `TensorDataset` and `Text`.

        Where there is one, `for i in loader.indices(): loader.resident.gather(i)` is a loop over the loader. So a
        compiled step can gather its batch itself.
        """
        source = self.dataset
        while type(source) is Subset:
            source = source.dataset
        gathers = getattr(getattr(source, "gather", None), "recordable", False)
        return source if gathers and self.collate_fn is None else None

    def indices(self) -> Iterator[Any]:
        """One epoch, as a loop over the loader is: of each batch the row numbers in `resident`, on its device."""
        _, order = self._begin_epoch()
        return self._batches(lambda indices: indices, order, self._position)

    def _begin_epoch(self) -> tuple[Dataset, Any]:
        """The data set behind all subsets, and the numbers of its samples in the order of this epoch."""
        if self._resuming:
            self._resuming = False
        else:
            self._epoch += 1
            self._position = 0
        source, order = self.dataset, self._order()
        while type(source) is Subset:  # a derived class may have its own idea of a sample
            source, order = source.dataset, source.indices[order]
        device = getattr(source, "device", None)
        if self.collate_fn is None and isinstance(source, Gathering) and device is not None:
            # One upload an epoch: from then on a batch's indices are a slice of what is on the device already.
            order = tensor(order, device=device)
        return source, order

    def _order(self) -> numpy.ndarray:
        """The sample numbers of this epoch, int64, in the order in which they are handed out."""
        samples = len(self.dataset)
        if self._parts is not None:
            return self._parts.order(self._epoch)
        if self.sampler is not None:
            return numpy.array([*self.sampler], numpy.int64)  # pyright: ignore[reportGeneralTypeIssues] which is iterable
        if not self.shuffle:
            return numpy.arange(samples)
        self._seed = base_seed(self._seed)
        return numpy.random.default_rng([self._seed, self._epoch]).permutation(samples)

    def _batches(self, fetch: Callable[[Any], Any], order: Any, start: int) -> Iterator[Any]:
        end = self._samples()
        for position in range(start, end, self._whole):
            numbers = order[position : min(position + self._whole, end)]
            batch = fetch(numbers if self._parts is None else self._parts.part(numbers))
            self._position = min(position + self._whole, end)
            yield batch

    def state_dict(self) -> dict[str, int | None]:
        """Where the loader is, in plain numbers: load it into an equal loader to go on from here.

        Taken between epochs, the next epoch has the order that it would have had; taken in the middle of one,
        the next loop hands out the rest of that epoch. A batch counts as done once it was handed out.
        """
        if self.shuffle:
            self._seed = base_seed(self._seed)  # draw it now if no epoch has begun
        return {
            "seed": self._seed if self._parts is None else self._parts.first_seed(),
            "epoch": self._epoch,
            "position": self._position,
            "samples": len(self.dataset),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state_dict()` was taken.

        Raises `DataError`: the state belongs to a data set of another length.
        """
        if state["samples"] != len(self.dataset):
            raise DataError(
                f"the loader's state belongs to a data set of {state['samples']} samples, this one has "
                f"{len(self.dataset)}; resume with the data that the training began with"
            )
        self._seed, self._epoch, self._position = state["seed"], state["epoch"], state["position"]
        if self._parts is not None:
            self._parts.seed = state["seed"]
        self._resuming = 0 < self._position < self._samples()


def default_collate(samples: list) -> Any:
    """A batch from a list of samples: like parts are stacked along a new first dimension.

    Tensors, arrays and numbers become one tensor; in tuples, lists and dictionaries each entry is put together by
    itself; strings stay a list.

    Raises `ShapeError`: the samples have different shapes. `DataError`: they have different numbers of parts.
    `DTypeError`: they are of a kind that cannot be stacked.
    """
    first = samples[0]
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in samples]) for key in first}
    if isinstance(first, (tuple, list)):
        if len({len(sample) for sample in samples}) > 1:
            raise DataError("the samples of a batch have different numbers of parts; pass a collate_fn that copes")
        parts = [default_collate(list(column)) for column in zip(*samples, strict=True)]
        return tuple(parts) if isinstance(first, tuple) else parts
    if isinstance(first, str):
        return samples
    if isinstance(first, (Tensor, numpy.ndarray)) and len({tuple(sample.shape) for sample in samples}) > 1:
        shapes = ", ".join(sorted({str(tuple(sample.shape)) for sample in samples}))
        raise ShapeError(
            f"the samples of a batch have shapes {shapes}; make them equal, or pass a collate_fn that does"
        )
    if isinstance(first, Tensor):
        return stack(samples).detach()
    if isinstance(first, (numpy.ndarray, numpy.generic)):
        return tensor(numpy.stack(samples))
    if isinstance(first, (bool, int, float)):
        return tensor(samples)
    raise DTypeError(f"default_collate cannot put {type(first).__name__} objects together; pass a collate_fn that can")
