"""The mean of all gradients over the ranks, on its way while the walk back goes on.

Gradients travel in buckets, because a message costs time however short it is. A bucket holds those that the walk back
finishes one after the other, and sets out as soon as its last one is there: while the gradients of the earlier layers are
computed, those of the later ones are under way. At the end of `backward` what is left is waited for, and `.grad` is the mean:

    walk back   layer 3   layer 2   layer 1
    travelling            3 → → →   2 → → →   1 → → →

Which parameters share a bucket is settled in the first backward pass, by the order in which rank 0 finishes them. It has no
influence on the numbers: each element is added up by itself, in the order of the ranks.

In a function that `tg.compile` records all is the same, but for the time: bucket by bucket is written down, to be begun and
waited for, and the schedule of the compiled step begins each as soon as its last gradient is computed.

Read before: `share.py`. Read next: `data_parallel.py`.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any
from weakref import ref

import numpy

from ..errors import GradientError, OptionError
from ..hooks import after_backward
from ..modes import each_time, modes, no_grad, rely_on
from ..tensor import Tensor
from .share import RankShare

DEFAULT_BUCKET_MB = 1.0
"""Megabytes of a bucket: long enough that its time is that of its bytes (half a millisecond between two processes of one machine),
short enough that little is left for the end, when nothing hides it."""


@dataclass
class Bucket:
    """Gradients that travel together.

    places   which parameters they are of
    dtype    of all of them
    what     is done with it, in words
    missing  how many have not come yet in this walk
    ticket   of the mean that was begun; None before
    """

    places: list[int]
    dtype: numpy.dtype
    what: str = ""
    missing: int = 0
    ticket: Tensor | None = None


class Departure:
    """The hook of a parameter: its gradient is complete and may leave.

    buckets  a reference to what it leaves with, which is None when nobody needs these any more
    """

    def __init__(self, buckets: Buckets, place: int):
        self.buckets, self._place = ref(buckets), place

    def __call__(self, gradient: Tensor) -> None:
        buckets = self.buckets()
        if buckets is not None and modes.endings is not None:  # and not for `tg.grad`
            buckets.arrives(self._place, gradient)


def is_averaged(parameter: Tensor) -> bool:
    """Whether the gradient of a parameter is averaged over ranks already, and must not be once more."""
    return any(hook.buckets() is not None for hook in parameter.node.hooks if isinstance(hook, Departure))


class Buckets:
    """Averages the gradients of some parameters over the ranks, whenever `backward` has computed them.

    parameters   [(name, tensor), ...], the same on all ranks
    share        what the own gradients weigh
    bucket_mb    megabytes of a bucket
    syncing      False while gradients are only added up in `.grad`
    """

    def __init__(
        self, parameters: Iterable[tuple[str, Tensor]], share: RankShare, bucket_mb: float = DEFAULT_BUCKET_MB
    ):
        given = dict(parameters)
        self.names, self.parameters = list(given), list(given.values())
        self.share, self.bucket_bytes, self.syncing = share, bucket_mb * 1e6, True
        self._order: list[int] | None = None  # in which rank 0 finishes the parameters
        self._used: frozenset[int] = frozenset()  # those that some rank has used
        self._unsent = False  # whether what is in `.grad` was never averaged
        self._begin()
        for place, parameter in enumerate(self.parameters):
            node = parameter.node
            others = [hook for hook in node.hooks if not isinstance(hook, Departure)]
            if is_averaged(parameter):
                raise OptionError(
                    f"the gradient of {self.names[place]!r} is averaged over the ranks already: wrap the model by DataParallel or "
                    f"its optimiser by distributed.Optimizer, not both, and once"
                )
            node.hooks = (*others, Departure(self, place))

    def _begin(self) -> None:
        """Be ready for a walk."""
        self._walk: Any = None  # the endings of the walk that is running
        self._had: list[Tensor | None] = []  # what was in `.grad` when it began
        self._arrived: dict[int, Tensor] = {}  # place -> what this rank contributes
        self._buckets: list[Bucket] = []
        self._bucket_of: dict[int, Bucket] = {}
        self._under_way = 0  # how many buckets have been begun

    def walks(self) -> None:
        """Note that a walk back is running, whichever parameters it will come to."""
        if self._walk is modes.endings or self.share.group.size == 1:
            return
        if self._walk is not None:  # one that an error has ended
            self.share.give_up()
        self._begin()
        self._walk, self._had = modes.endings, [p.grad for p in self.parameters]
        after_backward(self._finish if self.syncing else self._keep)
        if self.syncing and self._order is not None:
            self._fill(self._order)

    def arrives(self, place: int, gradient: Tensor) -> None:
        """The gradient of a parameter is complete, on this rank."""
        if self.share.group.size == 1:
            return
        self.walks()
        if gradient.requires_grad:
            raise GradientError(
                "backward(create_graph=True) of a model over several ranks: what the others add to .grad has no graph here. Use "
                "tg.grad for the inner derivative, and call backward() without create_graph on what is computed of it"
            )
        if not self.syncing:
            return
        earlier = self._had[place] if self._unsent else None
        self._arrived[place] = gradient if earlier is None else earlier + gradient
        if modes.recorder is None and self._bucket_of:
            self._bucket_of[place].missing -= 1
            while self._under_way < len(self._buckets) and not self._buckets[self._under_way].missing:
                self._start(self._buckets[self._under_way])
            self.share.group.talk.carry_on()

    def _keep(self) -> None:
        """The end of a walk whose gradients stay here until a later one."""
        self._begin()
        each_time(lambda: vars(self).update(_unsent=True))

    def _finish(self) -> None:
        """Send what has not been sent, wait for all, and put the means in place."""
        for place, (p, had) in enumerate(zip(self.parameters, self._had, strict=True)):
            if place not in self._arrived and p.grad is not None and (self._unsent or p.grad is not had):
                self._arrived[place] = p.grad  # which nobody has seen yet, or a gradient of zeros
        if modes.recorder is not None:
            rely_on(self._relied_on)
        if self._order is None:
            self._settle()
        if not self._buckets:
            self._fill(self._order or [])
        for bucket in self._buckets[self._under_way :]:
            self._start(bucket)
        for bucket in self._buckets:
            self._put(bucket)
        self.share.forget()
        self._begin()
        each_time(lambda: vars(self).update(_unsent=False))

    def _settle(self) -> None:
        """Let all ranks know in which order rank 0 finishes the parameters, and which of them any rank uses."""
        told = self.share.group.all_gather_object((list(self._arrived), self._digest()))
        orders, digests = zip(*told, strict=True)
        rest = set(range(len(self.parameters))) - set(orders[0])
        self._order = [*orders[0], *sorted(rest, reverse=True)]
        self._used = frozenset().union(*orders)
        if digests[0] and len(set(digests)) == 1 and self.share.group.rank == 0:
            warnings.warn(
                "in the first step all ranks have the same gradients, as when each goes through all samples. Each gets its part by "
                "DataLoader(..., sampler=distributed.Sampler(data, group))",
                stacklevel=2,
            )

    def _digest(self) -> str:
        """What two ranks have in common just if their own gradients have the same bits; nothing where these are not known yet."""
        if modes.recorder is not None or not self._arrived:
            return ""
        arrays = [gradient.numpy() for _, gradient in sorted(self._arrived.items())]
        if not any(array.any() for array in arrays):
            return ""
        return hashlib.sha1(b"".join(array.tobytes() for array in arrays)).hexdigest()

    def _relied_on(self) -> tuple:
        """What a compiled step takes for granted."""
        return self.syncing, self._unsent, self._order is not None, tuple(sorted(self._used))

    def _fill(self, order: Sequence[int]) -> None:
        """Make the buckets of this walk: trainable parameters in this order, as many in each as it has room for."""
        self._buckets = buckets = []
        room = 0.0
        for place in order:
            p = self.parameters[place]
            if not p.requires_grad:
                continue
            nbytes = p.size * p.dtype.itemsize
            if not buckets or buckets[-1].dtype != p.dtype or nbytes > room:
                buckets.append(Bucket([], p.dtype))
                room = self.bucket_bytes
            room -= nbytes
            buckets[-1].places.append(place)
            self._bucket_of[place] = buckets[-1]
        for bucket in buckets:
            first, last = (self.names[bucket.places[end]] for end in (0, -1))
            names = repr(first) if first == last else f"{first!r} to {last!r}"
            bucket.what, bucket.missing = f"average the gradients of {names}", len(bucket.places)

    def _start(self, bucket: Bucket) -> None:
        """Let a bucket set out."""
        given = [self._arrived.get(place) for place in bucket.places]
        parameters = [self.parameters[place] for place in bucket.places]
        weight, expected = self.share.weight(parameters[0]), []
        if modes.recorder is not None:
            expected = [place in self._used for place in bucket.places]
        bucket.ticket = self.share.operations.start(bucket.what, weight, given, parameters, expected)
        self._under_way += 1

    def _put(self, bucket: Bucket) -> None:
        """Wait for a bucket, and let `.grad` be what came of it."""
        operations, ticket = self.share.operations, bucket.ticket
        assert ticket is not None
        if modes.recorder is None:
            self._used |= set(compress(bucket.places, used := operations.used(ticket)))
        else:
            used = [place in self._used for place in bucket.places]
        for at, (place, by_anyone) in enumerate(zip(bucket.places, used, strict=True)):
            p, before = self.parameters[place], None if self._unsent else self._had[place]
            mean = operations.wait(ticket, at, p) if by_anyone else None
            with no_grad():
                p.grad = before if mean is None else mean if before is None else before + mean
