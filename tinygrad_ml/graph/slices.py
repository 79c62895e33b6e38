"""The gradient of a tensor from which slices were taken.

Each slice sends back a share that is 0 but for its own place. Of a sequence cut into n steps that would be n arrays as large
as the sequence, added one after the other: time that grows with the square of n. So the shares wait for the turn of the node,
and those that lie side by side are put together without any zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

from ..ops.index import assemble, scatter_add
from ..ops.movement import concat
from ..ops.shapes import size

ZERO: Any = object()  # a gradient that is 0 whatever arrives, as behind `floor`
FEW_SLICES = 8
"""So many slices are added one by one: compiled, that is a loop together with what is around it."""


class SliceShares:
    """Shares of one node of that shape, in the order of their arrival: whole ones, and slices with their index."""

    def __init__(self, shape: tuple[int, ...], earlier: Any):
        self.shape = shape
        self.shares: list[tuple[Any, tuple | None]] = [] if earlier is ZERO else [(earlier, None)]

    def add(self, share: Any, index: tuple | None = None) -> SliceShares:
        """Note a share, that of a slice with its index. Returns itself."""
        self.shares.append((share, index))
        return self

    __add__ = add

    def total(self) -> Any:
        """All of them added up."""
        whole = [share for share, index in self.shares if index is None]
        slices, indices = zip(*[(share, index) for share, index in self.shares if index is not None], strict=True)
        tiles = _tiles(indices, self.shape) if sum([size(x.shape) for x in slices]) == size(self.shape) else None
        if tiles is not None:
            axis, offsets, order = tiles
            placed = [concat(*[slices[place] for place in order], axis=axis, offsets=offsets)]
        elif len(slices) < FEW_SLICES:
            placed = [scatter_add(x, index=index, shape=self.shape) for x, index in zip(slices, indices, strict=True)]
        else:
            placed = [assemble(*slices, indices=indices, shape=self.shape)]
        return reduce(add, whole + placed)


def _tiles(indices: Sequence[tuple], shape: tuple[int, ...]) -> tuple[int, tuple[int, ...], list[int]] | None:
    """(axis, where each begins and the last one ends, their order) if slices lie side by side, and leave nothing out."""
    spans = []
    for place, index in enumerate(indices):
        if not all(isinstance(part, slice) for part in index):
            return None
        ends = [part.indices(size) for part, size in zip(index, shape, strict=False)]
        cut = [(axis, *end, place) for axis, end in enumerate(ends) if end != (0, shape[axis], 1)]
        if len(cut) != 1:
            return None
        spans += cut
    axes, begins, ends, steps, places = zip(*sorted(spans), strict=True)
    stops = 0, *ends
    if {*axes} != {axes[0]} or {*steps} != {1} or begins != stops[:-1] or stops[-1] != shape[axes[0]]:
        return None
    return axes[0], stops, list(places)
