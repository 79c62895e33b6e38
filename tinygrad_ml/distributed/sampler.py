"""`Sampler`: which samples of an epoch are a rank's, so that each sample is some rank's, once.

All ranks have one order, drawn from the pair (seed, epoch) as by one process, and epochs are counted here: nobody has to be
told that a new one begins. A loader cuts the order into batches for all ranks, and each batch into parts, one behind the
other:

    order          7 2 9 4 1 8 | 0 3 6 5         10 samples, 3 ranks, batch_size=2
    rank 0, 1, 2   7 2  9 4  1 8 | 0 3  6  5     the last batch is divided as equally as can be

So the parts of a batch together are the batch that one process would have with `batch_size=6`.

Read before: `group.py`. Read next: `data_parallel.py`, which gives a part the weight of its samples.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sized
from typing import Any

import numpy

from ..data.seeds import base_seed
from ..errors import OptionError
from .exchange import equal_parts
from .group import Group, init


class Sampler:
    """The sample numbers of each epoch, of which every rank gets its part: `DataLoader(data, 32, sampler=Sampler(data))`.

    data       what has a length, or a number of samples
    group      of the ranks; all of them by default
    shuffle    a new order in each epoch
    seed       of the orders. None lets rank 0 draw one, from the library's generator
    divide     whether the loader's `batch_size` is that of all ranks together, and not of each: a training is then the same
               with any number of them
    drop_last  leave out what is too little for a whole batch of all ranks. Otherwise some ranks may get fewer samples in the
               last batch, or none: a batch of no samples then, so that all ranks go through equally many

    By itself it is an iterable: the numbers of this rank, one epoch for each loop, dealt out one by one.

    Raises `OptionError`: `data` has no length, or `seed` is no whole number of 0 or more.
    """

    def __init__(
        self,
        data: Sized | int,
        group: Group | None = None,
        *,
        shuffle: bool = False,
        seed: int | None = None,
        divide: bool = False,
        drop_last: bool = False,
    ):
        if not isinstance(data, Sized):
            try:
                operator.index(data)
            except TypeError:
                raise OptionError(f"Sampler was given a {type(data).__name__}, which has no length") from None
        self.samples = len(data) if isinstance(data, Sized) else operator.index(data)
        self.group = init() if group is None else group
        self.shuffle, self.divide, self.drop_last = shuffle, divide, drop_last
        self.seed = None if seed is None else base_seed(seed)
        self.epoch = 0

    @property
    def ranks(self) -> int:
        """How many processes share a batch."""
        return self.group.size

    def __len__(self) -> int:
        """Samples of this rank in an epoch, as they are dealt out one by one."""
        return len(range(self.group.rank, self._dealt(), self.group.size))

    def __iter__(self) -> Iterator[int]:
        order = self.order(self.epoch + 1)
        return iter(order[self.group.rank : self._dealt() : self.group.size].tolist())

    def order(self, epoch: int) -> numpy.ndarray:
        """The numbers of all samples, in the order of that epoch (1, 2, ...), which is the current one from now on."""
        self.epoch = epoch
        if not self.shuffle:
            return numpy.arange(self.samples)
        return numpy.random.default_rng([self.first_seed(), epoch]).permutation(self.samples)

    def part(self, numbers: Any) -> Any:
        """What this rank has of the numbers of a batch."""
        cuts = equal_parts(len(numbers), self.group.size)
        return numbers[cuts[self.group.rank] : cuts[self.group.rank + 1]]

    def first_seed(self) -> int:
        """The seed of the orders, drawn by rank 0 if there is none yet."""
        if self.seed is None:
            self.seed = self.group.broadcast_object(base_seed(None))
        return self.seed

    def _dealt(self) -> int:
        return self.samples - self.samples % self.group.size if self.drop_last else self.samples
