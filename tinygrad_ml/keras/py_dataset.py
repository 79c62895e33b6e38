"""`PyDataset`, also called `Sequence`: a data set whose items are whole batches, fetched by threads while the model trains."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy

from ..data.seeds import base_seed
from .checks import truth, whole


class PyDataset:
    """Batches by their numbers. A subclass writes `__getitem__(index)`, which returns a batch, and `__len__`, how many there
    are; it may write `on_epoch_begin` and `on_epoch_end`.

    workers              how many threads fetch batches
    use_multiprocessing  is accepted: workers are threads
    max_queue_size       how many batches may wait for the model

    Where there is no `__len__`, or `num_batches` is None, there is no end, and `fit` needs `steps_per_epoch`.
    """

    workers, use_multiprocessing, max_queue_size = 1, False, 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers = whole("workers", workers, 0)
        self.use_multiprocessing = truth("use_multiprocessing", use_multiprocessing)
        self.max_queue_size = whole("max_queue_size", max_queue_size)

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(index), which returns a whole batch")

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None if there is no end to them."""
        return len(self) if hasattr(self, "__len__") else None  # type: ignore[arg-type]

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called behind each epoch."""

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in self._numbers())

    def _numbers(self) -> Iterable[int]:
        count = self.num_batches
        return itertools.count() if count is None else range(count)


class Epochs:
    """The epochs of a `PyDataset`, as `fit` goes through them: each loop over it is one.

    shuffle  whether the batches of each epoch come in another order
    """

    def __init__(self, data: PyDataset, shuffle: bool = False):
        self.data, self.shuffle = data, shuffle
        self._seed = base_seed(None)
        self._epoch = 0

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has; None if there is no end to it."""
        return self.data.num_batches

    def __iter__(self) -> Iterator[Any]:
        self.data.on_epoch_begin()
        yield from self._fetched(self._order())
        self.data.on_epoch_end()

    def _order(self) -> Iterable[int]:
        if not self.shuffle or self.num_batches is None:
            return self.data._numbers()
        self._epoch += 1
        return numpy.random.default_rng([self._seed, self._epoch]).permutation(self.num_batches).tolist()

    def _fetched(self, numbers: Iterable[int]) -> Iterator[Any]:
        """The batches in this order; where there are threads, they are fetched ahead."""
        if self.data.workers < 2:
            yield from (self.data[i] for i in numbers)
            return
        waiting: deque[Future] = deque()
        rest = iter(numbers)
        with ThreadPoolExecutor(self.data.workers) as pool:
            try:
                for i in itertools.islice(rest, self.data.max_queue_size):
                    waiting.append(pool.submit(self.data.__getitem__, i))
                while waiting:
                    batch = waiting.popleft().result()
                    waiting.extend(pool.submit(self.data.__getitem__, i) for i in itertools.islice(rest, 1))
                    yield batch
            finally:
                for one in waiting:
                    one.cancel()
