"""Which parameters have had as many updates as others: those share the numbers of an update, such as 1 - βᵗ."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor


class UpdatesAhead:
    """How many more updates than the first each of some parameters has had. A compiled step relies on that.

    optimizer  whose `state` counts them
    """

    def __init__(self, optimizer: Any, params: list[Tensor]):
        self._optimizer, self._params = optimizer, params

    def __call__(self) -> list[int]:
        known = self._optimizer.state
        counts = [known[p]["step"] if p in known else 0 for p in self._params]
        first = counts[0]
        return [count - first for count in counts]

    def glance(self, glance: Any) -> None:
        """Let it be looked at whether they are as far ahead as they are now: see `compile/guards/glance.py`."""
        known = self._optimizer.state
        if not all(p in known for p in self._params):
            glance.call(self, self())
            return
        glance.require(f"{glance.word(self._optimizer)}.state is {glance.word(known)}")
        glance.items(known, {p: known[p] for p in self._params})
        counts = [
            f"{glance.word(known[p])}['step']" + (f" - {ahead}" if ahead else "")
            for p, ahead in zip(self._params, self(), strict=True)
        ]
        glance.require(" == ".join(counts))
