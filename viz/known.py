"""The numbers of a graph, computed again once, for one picture of it or for several.

Read before: `replay.py`, `backward.py`, `check.py`. Read next: `reading.py`, `telling.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy

from tinygrad_ml.graph import Node
from tinygrad_ml.tensor import Tensor

from .backward import Visit, walk_back
from .check import Trial, tried
from .figures import WHOLE_ELEMENTS, ArraySummary, summarise
from .replay import on_host, replay


class Known:
    """What is known of the tensors of a graph: their numbers as summaries, and its backward pass.

    order, outputs  the nodes of the graph, and those that it is of
    values          whether the forward pass is computed again
    back            whether the backward pass is run
    check           whether gradients are tried by finite differences
    keep            numbers of tensors up to this many elements are kept whole
    wanted          whether the summary of a node is wanted; by default of all
    look            called with each node that has numbers, and them; `look_back` the same with gradients

    summaries   of the nodes that have numbers and are wanted
    small       the tensors of at most `keep` elements
    lost        the nodes whose numbers are no longer there
    scalars     the tensors of one element, and `numbers`, the same as Python's
    not_finite  how many numbers of a node are nan or infinite, where there are any
    walk        the backward pass; None if it was not run
    checks      what the finite differences say of gradients
    """

    def __init__(
        self,
        order: Sequence[Node],
        outputs: Sequence[Node],
        *,
        values: bool = True,
        back: bool = True,
        check: bool = False,
        keep: int = WHOLE_ELEMENTS,
        wanted: Callable[[Node], bool] | None = None,
        look: Callable[[Node, numpy.ndarray], None] | None = None,
        look_back: Callable[[Node, numpy.ndarray], None] | None = None,
    ):
        self.keep = keep
        self.summaries: dict[Node, ArraySummary] = {}
        self.lost: set[Node] = set()
        self.scalars: dict[Node, Tensor] = {}
        self.numbers: dict[Node, float] = {}
        self.not_finite: dict[Node, int] = {}
        self.small: dict[Node, Tensor] = {}
        tensors: dict[Node, Tensor] = {}  # of all nodes, for the checks
        for node, value in replay(order) if values else ():
            array = on_host(value)
            if value is None:
                self.lost.add(node)
            elif array is not None:
                self._look_at(node, value, array, keep, wanted is None or wanted(node))
                if check:
                    tensors[node] = value
                if look is not None:
                    look(node, array)
        trials = tried(order, outputs, tensors) if back and check and len(tensors) == len(order) else {}
        self.walk = walk_back(outputs, keep, _probe(trials, look_back)) if back else None
        self.checks = {
            event.node: trials[event.node].against(event.probed)
            for event in (self.walk.events if self.walk is not None else ())
            if isinstance(event, Visit) and event.probed is not None
        }

    def _look_at(self, node: Node, value: Tensor, array: numpy.ndarray, keep: int, wanted: bool) -> None:
        if array.dtype.kind == "f" and (bad := int((~numpy.isfinite(array)).sum())):
            self.not_finite[node] = bad
        if array.size == 1:
            self.scalars[node], self.numbers[node] = value, array.item()
        if array.size <= keep:
            self.small[node] = value
        if wanted:
            self.summaries[node] = summarise(array, keep)


def _probe(
    trials: Mapping[Node, Trial], look_back: Callable[[Node, numpy.ndarray], None] | None
) -> Callable[[Node, numpy.ndarray], float | None]:
    """What the backward pass calls with each gradient: it is held against the finite difference along the same direction."""

    def probe(node: Node, g: numpy.ndarray) -> float | None:
        if look_back is not None:
            look_back(node, g)
        return float((g * trials[node].v).sum()) if node in trials else None

    return probe
