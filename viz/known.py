"""The numbers of a graph, computed again once, for one picture of it or for several.

Read before: `replay.py`, `backward.py`. Read next: `reading.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy

from tinygrad_ml.graph import Node
from tinygrad_ml.tensor import Tensor

from .backward import walk_back
from .figures import WHOLE_ELEMENTS, ArraySummary, summarise
from .replay import on_host, replay


class Known:
    """What is known of the tensors of a graph: their numbers as summaries, and its backward pass.

    order, outputs  the nodes of the graph, and those that it is of
    values          whether the forward pass is computed again
    back            whether the backward pass is run
    keep            numbers of tensors up to this many elements are kept whole
    wanted          whether the summary of a node is wanted; by default of all
    look            called with each node that has numbers, and them; `look_back` the same with gradients

    summaries   of the nodes that have numbers and are wanted
    lost        the nodes whose numbers are no longer there
    scalars     the tensors of one element, and `numbers`, the same as Python's
    not_finite  how many numbers of a node are nan or infinite, where there are any
    walk        the backward pass; None if it was not run
    """

    def __init__(
        self,
        order: Sequence[Node],
        outputs: Sequence[Node],
        *,
        values: bool = True,
        back: bool = True,
        keep: int = WHOLE_ELEMENTS,
        wanted: Callable[[Node], bool] | None = None,
        look: Callable[[Node, numpy.ndarray], None] | None = None,
        look_back: Callable[[Node, numpy.ndarray], None] | None = None,
    ):
        self.summaries: dict[Node, ArraySummary] = {}
        self.lost: set[Node] = set()
        self.scalars: dict[Node, Tensor] = {}
        self.numbers: dict[Node, float] = {}
        self.not_finite: dict[Node, int] = {}
        self.walk = walk_back(outputs, probe=look_back) if back else None
        for node, value in replay(order) if values else ():
            array = on_host(value)
            if value is None:
                self.lost.add(node)
            elif array is not None:
                self._look_at(node, value, array, keep, wanted is None or wanted(node))
                if look is not None:
                    look(node, array)

    def _look_at(self, node: Node, value: Tensor, array: numpy.ndarray, keep: int, wanted: bool) -> None:
        if array.dtype.kind == "f" and (bad := int((~numpy.isfinite(array)).sum())):
            self.not_finite[node] = bad
        if array.size == 1:
            self.scalars[node], self.numbers[node] = value, array.item()
        if wanted:
            self.summaries[node] = summarise(array, keep)
