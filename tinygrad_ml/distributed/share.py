"""What a rank has of a batch: how many samples, which of them, and so what its share of the mean weighs.

One process that computes the loss of a batch takes the mean over its samples. If the batch is cut into parts, the mean of the
parts' means is another number, unless they are equal: a part of 3 samples would count as much as one of 5. So each rank's
gradient is given the weight of its samples, and the mean is the mean.

Random numbers are part of it, too. One process draws a mask of dropout for the whole batch: here each rank draws for the
whole batch as well, from a stream that is the same on all, and takes the rows of its samples.

Read before: `operations.py`. Read next: `buckets.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..backend import Device
from ..functional.reductions import widened
from ..modes import each_time, modes
from ..random.streams import copied, generator
from ..tensor import Tensor, TensorLike, as_tensor
from .group import Group
from .operations import Operations


class RankShare:
    """What this rank's share of the next mean weighs: the samples of all batches that were walked back since the last one.

    group       of the ranks
    operations  of the group, whose gradients take this weight
    """

    def __init__(self, group: Group):
        self.group, self.operations = group, Operations(group, self.weight)
        self._samples: float | None = None
        self._told: Tensor | None = None

    def count(self, samples: float) -> None:
        """Note that so many samples have been walked back."""
        self._samples = samples if self._samples is None else self._samples + samples

    def tell(self, weight: TensorLike) -> None:
        """Let the share weigh this, and not as much as its samples."""
        if self.group.size == 1:
            return
        weight = as_tensor(weight).detach()
        self._told = weight if self._told is None else self._told + weight

    def weight(self, beside: Tensor) -> Tensor:
        """What it weighs in this step, as a tensor of one number; 1 if nobody has said anything."""
        if self._told is not None:
            return self._told
        now = each_time(lambda: {"samples": 1.0 if self._samples is None else float(self._samples)}, widened(beside))
        return as_tensor(now["samples"])

    def forget(self) -> None:
        """Begin to count anew: what was counted has been averaged."""
        self._told = None
        each_time(self._forget)

    def give_up(self) -> None:
        """Forget what was counted, and what is on its way."""
        self._samples = self._told = None
        self.operations.give_up()

    def _forget(self) -> None:
        self._samples = None


class BatchPart:
    """The part of a batch for which a model is called once.

    samples  how many of them this rank has
    """

    def __init__(self, group: Group, samples: int):
        self.group, self.samples = group, samples
        self._counts: list[int] | None = None

    def counts(self) -> list[int]:
        """How many samples each rank has, which they tell each other when it is first asked."""
        if self._counts is None:
            what = "say how many samples each has"
            counts: list[int] = self.group.finish(self.group.begin(what, self.group.talk.meeting(what, self.samples)))
            self._counts = counts
        return self._counts

    def forget(self) -> None:
        """It is the part of another batch from now on."""
        self._counts = None

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Inside, what is drawn for samples is drawn for those of all ranks, and the own ones are taken of it."""
        if self.group.size == 1:
            yield
            return
        outer = modes.stream
        modes.stream = lambda device: PartStream(self, generator(device) if outer is None else outer(device))
        try:
            yield
        finally:
            modes.stream = outer


class PartStream:
    """Stands for the random stream of a device, of which a part of a batch takes its rows.

    What has as many rows as the part has samples, along its first axis or else its second one, is drawn for all samples.
    All else is drawn as it is, and so is the same on all ranks.

    part   whose rows they are
    whole  the stream, or what writes the draws of a compiled step down
    """

    def __init__(self, part: BatchPart, whole: Any):
        self._part, self._whole = part, whole

    def random(self, size: Any, dtype: Any) -> Any:
        """Uniform on [0, 1)."""
        return self._draw(lambda stream, size: stream.random(size=size, dtype=dtype), size, dtype)

    def standard_normal(self, size: Any, dtype: Any) -> Any:
        """Normal, with mean 0 and standard deviation 1."""
        return self._draw(lambda stream, size: stream.standard_normal(size=size, dtype=dtype), size, dtype)

    def integers(self, low: int, high: int, size: Any) -> Any:
        """Integers from low to high - 1."""
        return self._draw(lambda stream, size: stream.integers(low, high, size=size), size, "int64")

    def permutation(self, x: int) -> Any:
        """The numbers 0 ... x - 1 in random order: one order for all ranks."""
        return self._whole.permutation(x)

    def choice(self, a: int, size: Any, replace: bool) -> Any:
        """Numbers from 0 ... a - 1, picked at random: the same on all ranks."""
        return self._whole.choice(a, size=size, replace=replace)

    def copied(self, device: Device) -> PartStream:
        """One that goes on from where this one is, for the same samples, and leaves it there."""
        return PartStream(self._part, copied(self._whole, device))

    def _draw(self, draw: Callable[[Any, Any], Any], size: Any, dtype: Any) -> Any:
        shape = (size,) if isinstance(size, int) else tuple(size or ())
        axis = next((axis for axis, length in enumerate(shape[:2]) if length == self._part.samples), None)
        if axis is None:
            return draw(self._whole, size)

        def rows(stream: Any) -> Any:
            counts, rank = self._part.counts(), self._part.group.rank
            first = sum(counts[:rank])
            drawn = draw(stream, (*shape[:axis], sum(counts), *shape[axis + 1 :]))
            return drawn[(slice(None),) * axis + (slice(first, first + counts[rank]),)]

        later = getattr(self._whole, "later", None)
        return rows(self._whole) if later is None else later(rows, shape, dtype)
