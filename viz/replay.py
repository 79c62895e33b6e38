"""The values inside a graph, computed again: a graph keeps its leaves, and no value in between.

Nodes are plain data, so the forward pass can be run once more. Nothing is recorded or changed.

Read next: `nesting.py`, and `model.py`, where a picture is put together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy

from tinygrad_ml.graph import Node
from tinygrad_ml.modes import modes, no_grad
from tinygrad_ml.ops import OUTPUT
from tinygrad_ml.tensor import Tensor, apply
from tinygrad_ml.writes import overwritten_since


class unwatched:
    """Inside, nobody watches what is computed: neither a search for nan, nor a recording of the user's operations."""

    def __enter__(self) -> None:
        self._before = modes.watchers, modes.scope, modes.busy
        modes.watchers, modes.scope, modes.busy = (), (), False

    def __exit__(self, *_: object) -> None:
        modes.watchers, modes.scope, modes.busy = self._before


def last_uses(order: Sequence[Node]) -> dict[Node, int]:
    """For each node of a topological order, the position of the last node that takes its output."""
    last = {}
    for position, node in enumerate(order):
        last[node] = position
        for parent in node.inputs:
            last[parent] = position
    return last


def replay(order: Sequence[Node]) -> Iterator[tuple[Node, Tensor | None]]:
    """Each node of a topological order with its value; None where the numbers are no longer there.

    A leaf that was overwritten after a node took it (as an optimiser does) cannot tell what the
    node computed; what the node itself had saved still can.
    """
    last, values = last_uses(order), {}
    for position, node in enumerate(order):
        values[node] = value = _value(node, values)
        yield node, value
        for parent in {node, *node.inputs}:
            if last[parent] == position:
                del values[parent]


def _value(node: Node, values: Mapping[Node, Tensor | None]) -> Tensor | None:
    if node.op is None:
        return Tensor(node.value)
    if OUTPUT in (saved := _saved_tensors(node)):
        return saved[OUTPUT]
    inputs = [saved[i] if i in saved else _input(node, parent, values) for i, parent in enumerate(node.inputs)]
    known = [value for value in inputs if value is not None]
    if len(known) < len(inputs):
        return None
    with no_grad(), unwatched():
        return apply(node.op, tuple(known), node.params)


def _saved_tensors(node: Node) -> dict[int, Tensor]:
    """What a node has saved, by the position of the input that it is, as far as it is unchanged."""
    if node.plan is None or node.saved is None:
        return {}
    pairs = zip(node.plan.kept, node.saved, strict=True)
    return {place: Tensor(array) for place, array in pairs if not overwritten_since(array, node.number)}


def _input(node: Node, parent: Node, values: Mapping[Node, Tensor | None]) -> Tensor | None:
    changed = parent.op is None and overwritten_since(parent.value, node.number)
    return None if changed else values[parent]


def on_host(value: Tensor | None) -> numpy.ndarray | None:
    """The numbers of a value as a NumPy array; None if there are none."""
    return None if value is None or value.symbolic else value.numpy()
