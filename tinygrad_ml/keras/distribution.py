"""`keras.distribution`: one line, and `fit` trains on several ranks.

    keras.distribution.set_distribution(keras.distribution.DataParallel())

As in Keras every process is given the same data, and `batch_size` is that of all: each batch is divided among the ranks, and the
gradients are those of the whole batch, also with batch normalisation. Metrics and histories are those of all samples, on every
rank. The first one draws the bar, and writes what callbacks write.

Read next: `../distributed/share.py`, `models/training.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from ..backend import Device
from ..distributed import Group, init
from ..distributed.agreement import check_agreement
from ..distributed.exchange import equal_parts
from ..distributed.share import BatchPart, RankShare
from ..errors import OptionError
from ..functional import concat
from ..modes import each_time, modes
from ..nn.functional.normalization import affine
from ..structure import leaves, mapped
from ..tensor import Tensor, as_tensor
from .absent import rooms_not_offered as _rooms_not_offered

_current: list[DataParallel] = []


class DataParallel:
    """Every rank has the whole model, and a part of each batch.

    group  of the ranks (`tinygrad_ml.distributed.Group`)

    Keras's `device_mesh` and `devices` name the devices of one process; here each process has its own, so they stay None.
    """

    def __init__(self, device_mesh: Any = None, devices: Any = None, auto_shard_dataset: bool = True):
        if device_mesh is not None or devices is not None or not auto_shard_dataset:
            raise OptionError(
                "DataParallel() takes no devices here: a rank is a process, started by tinygrad-ml launch -n 2 program.py, and "
                "each gets its part of every batch"
            )
        self.group: Group = init()
        self._share = RankShare(self.group)
        self._samples = 1  # of this rank in the batch under way
        self._agreed: set[Tensor] = set()

    def part(self, batch: Any) -> Any:
        """What this rank has of a batch, as (x, y, sample_weight). A rank for which nothing is left gets a sample that counts
        for nothing."""
        count = len(next(leaf for leaf in leaves(batch) if leaf is not None))
        cuts = equal_parts(count, self.group.size)
        first, end = cuts[self.group.rank], cuts[self.group.rank + 1]
        self._samples = end - first
        rows = slice(first, end) if end > first else slice(0, 1)
        return mapped(lambda leaf: None if leaf is None else leaf[rows], batch)

    def stepping(self, step: Callable[[Any], Any], metrics: Callable[[], Iterable[Any]]) -> Callable[[Any], Any]:
        """A step whose metrics take in the own samples alone."""

        def run(batch: Any) -> Any:
            if self._samples:
                return step(batch)
            kept = [(variable, variable * 1) for metric in metrics() for variable in metric.variables]
            found = step(batch)
            for variable, before in kept:
                variable.assign(before)
            return found

        return run

    def add_up(self, metrics: Iterable[Any]) -> None:
        """Let metrics be those of all ranks' samples."""
        for variable in dict.fromkeys(variable for metric in metrics for variable in metric.variables):
            variable.assign(self.group.all_reduce(variable))

    def drawing(self) -> AbstractContextManager[None]:
        """Inside, what is drawn for samples is drawn for those of all ranks, and the own ones are taken of it."""
        part = BatchPart(self.group, max(self._samples, 1))
        each_time(part.forget)
        return part.drawing()

    def count(self) -> None:
        """Let what is walked back next weigh as much as the own samples."""
        each_time(lambda: self._share.count(self._samples))

    def average(self, weights: list[Tensor]) -> None:
        """Let the gradients be the means over all samples."""
        learning = [w for w in weights if w.grad is not None]
        if modes.recorder is None and not self._agreed.issuperset(learning):
            check_agreement(self.group, [(w.name or f"weight {place}", w) for place, w in enumerate(learning)])
            self._agreed.update(learning)
        for dtype in dict.fromkeys(w.dtype for w in learning):
            some = [w for w in learning if w.dtype == dtype]
            names = " to ".join(dict.fromkeys(repr(w.name) for w in (some[0], some[-1])))
            operations, weight = self._share.operations, self._share.weight(some[0])
            gradients = [w.grad for w in some]
            ticket = operations.start(f"average the gradients of {names}", weight, gradients, some, [True] * len(some))
            for place, w in enumerate(some):
                w.grad = operations.wait(ticket, place, w).to(w.device)
        self._share.forget()

    def moments(self, x: Tensor, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """(x - mean, mean, variance) of x (batch, channels, ...) over the samples of all ranks, for each channel."""
        axes, channels = (0, *range(2, x.ndim)), (1, -1) + (1,) * (x.ndim - 2)
        there = as_tensor(each_time(lambda: {"there": float(self._samples > 0)}, x)["there"])
        own = (there * (x.size // x.shape[1])).reshape(1).astype(x.dtype)
        sums = self._share.operations.sum(concat([x.sum(axes) * there, own]), f"what {name!r} takes the mean of")
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = x - mean.reshape(channels)
        squares = (centred * centred).sum(axes) * there
        return centred, mean, self._share.operations.sum(squares, f"the squares of {name!r}") / count

    def normalised(self, x: Tensor, gamma: Tensor | None, beta: Tensor | None, eps: float, name: str) -> tuple:
        """(x normalised by the moments of all ranks' samples, the mean, the variance)."""
        centred, mean, variance = self.moments(x, name)
        return affine(x, centred, variance.reshape((1, -1) + (1,) * (x.ndim - 2)), gamma, beta, eps), mean, variance


def set_distribution(value: DataParallel | None) -> None:
    """Train on the ranks of `value` from now on; None for this process alone."""
    if value is not None and not isinstance(value, DataParallel):
        raise OptionError(f"set_distribution() takes keras.distribution.DataParallel(), or None, and not {value!r}")
    _current[:] = [] if value is None else [value]


def distribution() -> DataParallel | None:
    """What `set_distribution` was given."""
    return _current[-1] if _current else None


def shared() -> DataParallel | None:
    """The distribution, if there is one, and more than one rank."""
    found = distribution()
    return found if found is not None and found.group.size > 1 else None


def averaged(weights: list[Tensor]) -> list[Tensor]:
    """Those that have a gradient, which is the mean over all ranks from here on."""
    if (ranks := shared()) is not None:
        ranks.average(weights)
    return [w for w in weights if w.grad is not None]


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Meet the other ranks, which MPI has started: `distributed.init(num_processes)`."""
    group = init(num_processes)
    if process_id not in (None, group.rank):
        raise OptionError(
            f"process_id={process_id} was given to rank {group.rank}: leave it out, MPI numbers the ranks"
        )


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of all ranks, in their order."""
    kinds = [str(Device(each)) for each in init().all_gather_object(str(init().device))]
    return [kind for kind in kinds if device_type is None or kind.startswith(device_type)]


def get_device_count(device_type: str | None = None) -> int:
    """How many devices all ranks have."""
    return len(list_devices(device_type))


_ONE_RANK_ONE_MODEL = "each rank has the whole model"
__getattr__ = _rooms_not_offered(
    "keras.distribution",
    dict.fromkeys(
        ("DeviceMesh", "LayoutMap", "ModelParallel", "TensorLayout", "distribute_tensor"), _ONE_RANK_ONE_MODEL
    ),
)
