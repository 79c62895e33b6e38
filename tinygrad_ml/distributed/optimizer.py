"""`Optimizer`: the other way to say it. The optimiser is told that there are several ranks, and the model stays as it is.

    optimizer = distributed.Optimizer(optim.Adam(model.parameters()))

For parameters that are no module's, for loops that are not to know more than that. What the optimiser cannot see, `DataParallel`
does besides: how many samples a part has, batch norm over all ranks, dropout as for the whole batch.

Read before: `buckets.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..errors import OptionError
from ..optim.optimizer import Optimizer as OneProcess
from ..tensor import Tensor, TensorLike
from .agreement import check_agreement
from .buckets import DEFAULT_BUCKET_MB, Buckets, is_averaged
from .group import Group, init
from .sharding import Shards
from .share import RankShare


class Optimizer:
    """An optimiser of one process, whose parameters get the mean of the ranks' gradients in each `backward`.

    optimizer      it, with all its parameters; its methods and attributes are to be had here, too
    group          of the ranks; all of them by default
    bucket_cap_mb  megabytes of gradients that travel together; has no influence on numbers
    shard          whether each rank keeps and updates 1/N of the state (`sharding.py`); has no influence on numbers either

    The parts of a batch are taken to be equal unless `weigh` says otherwise. Raises `RankError` if parameters differ.
    """

    def __init__(
        self,
        optimizer: OneProcess,
        group: Group | None = None,
        bucket_cap_mb: float = DEFAULT_BUCKET_MB,
        shard: bool = False,
    ):
        if not isinstance(optimizer, OneProcess):
            raise OptionError(
                f"distributed.Optimizer takes an optimiser, such as optim.SGD(...), and not {optimizer!r}"
            )
        self.optimizer, self.group = optimizer, init() if group is None else group
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        named = [(p.name if p.name else f"parameter {place}", p) for place, p in enumerate(parameters)]
        if len({name for name, _ in named}) < len(named):  # of two models
            named = [(f"{name} ({place})", p) for place, (name, p) in enumerate(named)]
        check_agreement(self.group, named)
        self._share = RankShare(self.group)
        # With shards, those of a `DataParallel` are averaged by it.
        rest = [(name, p) for name, p in named if not (shard and is_averaged(p))]
        self._averages = Buckets(rest, self._share, bucket_cap_mb)
        self._runs = Shards(optimizer, self.group, bucket_cap_mb) if shard and self.group.size > 1 else optimizer

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One step, as of the optimiser."""
        return self._runs.step(closure)

    def state_dict(self) -> dict[str, Any]:
        """As of the optimiser of one process, for any number of ranks. Of shards it is put together: all ranks must call it."""
        return self._runs.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, with the same number of ranks or another, or from an optimiser of one process."""
        self._runs.load_state_dict(state_dict)

    def weigh(self, weight: TensorLike) -> None:
        """Say, before `backward`, what this rank's part of the loss weighs: its number of samples, if parts are unequal; with
        class weights their sum."""
        self._share.tell(weight)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside, `backward` adds up gradients on each rank; the next one outside averages all of them."""
        outer, self._averages.syncing = self._averages.syncing, False
        try:
            yield
        finally:
            self._averages.syncing = outer

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self.optimizer, name)

    def __repr__(self) -> str:
        return f"{self.optimizer!r}, over {self.group.size} ranks"
