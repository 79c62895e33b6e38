"""`DataParallel`: a model that all ranks train together, each on its part of every batch.

    group = distributed.init()
    model = distributed.DataParallel(model)
    loader = DataLoader(data, batch_size=32, sampler=distributed.Sampler(data, group, shuffle=True))
    for x, y in loader:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()   # .grad is the mean over the samples of all ranks
        optimizer.step()                        # so all ranks take the same step

Nothing else changes, and alone it is what it would be without. Read before: `buckets.py`, `normalization.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ..errors import OptionError
from ..modes import each_time, modes
from ..nn.module import Module
from ..structure import leaves
from ..tensor import Tensor, TensorLike
from .agreement import check_agreement
from .buckets import DEFAULT_BUCKET_MB, Buckets
from .group import Group, init
from .normalization import synchronise
from .share import BatchPart, RankShare


class DataParallel(Module):
    """A module whose gradients are the means over the samples of all ranks, as if one process had had the whole batch.

    module          the model; names in its `state_dict`, in errors and pictures stay what they are
    group           of the ranks; all of them by default
    bucket_cap_mb   megabytes of gradients that travel together; has no influence on numbers
    sync_batchnorm  whether layers of batch norm take the moments of the whole batch; else each rank takes those of its part

    The samples of a call are the rows of the first tensor that it is given. A rank's gradient weighs as much as it has
    samples: the last batch may be of unequal parts, also of none for some ranks. What is drawn for samples inside (dropout)
    is drawn as for the whole batch. Parameters that some ranks do not use count as 0 there; where no rank uses one, its
    `.grad` is left alone. Frozen parameters do not travel.

    Raises `RankError` if the ranks' parameters differ.
    """

    def __init__(
        self,
        module: Module,
        group: Group | None = None,
        bucket_cap_mb: float = DEFAULT_BUCKET_MB,
        sync_batchnorm: bool = True,
    ):
        if not isinstance(module, Module) or isinstance(module, DataParallel):
            raise OptionError(f"DataParallel takes a module, such as nn.Linear(3, 2), and not {module!r}")
        if not bucket_cap_mb > 0:
            raise OptionError(f"bucket_cap_mb={bucket_cap_mb!r} is impossible: a bucket has room for something")
        object.__setattr__(self, "module", module)  # which keeps its names
        self.group = init() if group is None else group
        self.require_backward_grad_sync = True
        check_agreement(self.group, module.state_dict().items())
        self._share = RankShare(self.group)
        self._averages = Buckets(module.named_parameters(), self._share, bucket_cap_mb)
        if sync_batchnorm and self.group.size > 1:
            synchronise(module, self._share)

    module: Module

    def forward(self, *inputs: Any, **options: Any) -> Any:
        samples = _samples(inputs, options)
        part = BatchPart(self.group, samples)
        each_time(part.forget)
        with part.drawing():
            output = self.module(*inputs, **options)
        result = next((leaf for leaf in leaves(output) if isinstance(leaf, Tensor) and leaf.requires_grad), None)
        if result is not None and modes.grad and self.group.size > 1:
            result.register_hook(self._counting(samples))
        return output

    def _counting(self, samples: int) -> Callable[[Tensor], None]:
        """Counts the samples of a call when a walk back comes to what it gave."""

        def arrived(gradient: Tensor) -> None:
            if modes.endings is not None:
                self._averages.syncing = self.require_backward_grad_sync
                self._averages.walks()
                each_time(partial(self._share.count, samples))

        return arrived

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Inside, `backward` adds up gradients on each rank; the next one outside averages all of them::

            with model.no_sync():
                for x, y in parts[:-1]:
                    (loss(model(x), y) / len(parts)).backward()
            (loss(model(parts[-1][0]), parts[-1][1]) / len(parts)).backward()

        A rank's sum then weighs as much as it has had samples in all of these.
        """
        outer, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = outer

    def weigh(self, weight: TensorLike) -> None:
        """Say, before `backward`, what this rank's part of the loss weighs if that is not its number of samples.

        With class weights it is their sum: what the mean of the loss was divided by::

            loss = cross_entropy(model(x), y, weight=weights)
            model.weigh(weights[y].sum())
            loss.backward()
        """
        self._share.tell(weight)

    def _named_modules(self, prefix: str, seen: set[Module] | None) -> Iterator[tuple[str, Module]]:
        yield prefix, self
        yield from self.module._named_modules(prefix, seen)


def _samples(inputs: tuple, options: dict[str, Any]) -> int:
    """How many samples a call is given: the rows of its first tensor."""
    for leaf in leaves((inputs, options)):
        if getattr(leaf, "shape", ()):
            return leaf.shape[0]
    raise OptionError(
        "DataParallel is called with a batch, and got no tensor with a first axis, along which samples lie"
    )
