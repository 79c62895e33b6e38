"""What the graph is made of: nodes that know their inputs, and the order to walk them in.

A node is an operation that was applied, or a leaf: data that came from outside. It knows its inputs and never its outputs,
so there are no reference cycles, and a graph is freed the moment its last tensor is dropped. Everything that reads networks
(backward, pictures, `summary`) reads this.

Nodes are numbered as they are made. An input exists before the node that uses it, so the order of the numbers *is* a
topological order, and a sort replaces recursion.

Read before: `ops/primitive.py`, what an operation is. Read next: `chain_rule.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import numpy

from ..backend import Array, Device
from ..ops import Plan, Primitive
from ..state import Place


class Node:
    """One application of a primitive.

    op          the `Primitive`; None for a leaf
    inputs      the nodes whose outputs it took
    params      its parameters, such as `axis`
    plan        the backward work that is due here; None if no input needs a gradient
    saved       the arrays which that work needs, as `plan.kept` lists them; None once they are freed
    number      when it was made
    shape, dtype    of its output
    needs_grad  whether a gradient flows through it, or into it if it is a leaf
    """

    # What most nodes never set lives on the class: making a node stays cheap.
    op: Primitive | None = None
    plan: Plan | None = None
    inputs: tuple[Node, ...] = ()
    params: dict[str, Any] = {}
    saved: tuple[Array, ...] | None = ()
    needs_grad = False
    name: str | None = None
    value: Array = None  # of a leaf: its array
    origin: Any = None  # of a leaf that a module or a function has made: what it was made of, an `Origin`
    scope: tuple[Place, ...] = ()  # the calls of modules and composed functions inside which the node was made
    line: str | None = None  # where in the program it was made, if `detect_anomaly` was looking
    hooks: tuple[Callable, ...] = ()  # called with the gradient; may return another one
    _device: Device | None = None  # of an operation, once it was asked for
    tensor: Callable = staticmethod(lambda: None)  # a weak reference to the tensor that receives the gradient

    def __init__(self, number: float, shape: tuple[int, ...], dtype: numpy.dtype):
        self.number, self.shape, self.dtype = number, shape, dtype

    @property
    def saved_from(self) -> list[Node]:
        """The nodes whose outputs are saved here, in the order of `saved`."""
        kept = self.plan.kept if self.plan is not None else ()
        return [self.inputs[place] if 0 <= place < len(self.inputs) else self for place in kept]

    @property
    def flops(self) -> int:
        """The floating-point operations of the forward computation; 0 for a leaf."""
        return 0 if self.op is None else int(self.op.flops(self.shape, *[node.shape for node in self.inputs]))

    @property
    def freed(self) -> bool:
        """Whether a backward pass has let go of the arrays that were saved here."""
        return self.saved is None

    @property
    def device(self) -> Device:
        """Where its output is: where the leaf behind it lives, or the last transfer put it."""
        node, way = self, []
        while node._device is None and node.op is not None and "device" not in node.params:
            way.append(node)
            # A bare number, as in 2 ** x, goes with any device.
            placed = (each for each in node.inputs if each.op is not None or each.shape or each.needs_grad)
            node = next(placed, node.inputs[0])
        device = node._device or node.params.get("device") or Device.of(node.value)
        for passed in way:  # so that asking all nodes of a long graph takes one walk
            passed._device = device
        return device

    def __repr__(self) -> str:
        what = self.op.name if self.op else "leaf"
        name = f" {self.name!r}" if self.name else ""
        return f"<node {self.number}: {what}{name} {self.shape} {self.dtype}>"


def all_inputs(node: Node) -> tuple[Node, ...]:
    """The nodes whose outputs `node` took. Several operations that were computed as a whole are taken apart first."""
    if node.op is not None and node.op.take_apart is not None:
        node.op.take_apart(node)
    return node.inputs


def differentiable_inputs(node: Node) -> tuple[Node, ...]:
    """The inputs to which a gradient flows from `node`; see `all_inputs`."""
    all_inputs(node)
    return reached_inputs(node)


def reached_inputs(node: Node) -> tuple[Node, ...]:
    """The inputs to which a gradient flows from `node` as it stands."""
    return node.plan.reached(node.inputs) if node.plan is not None else ()


def topological(outputs: Iterable[Node], inputs_of: Callable = all_inputs) -> list[Node]:
    """All nodes that `outputs` are computed from, each once, and after its inputs."""
    seen = set(outputs)
    nodes = list(seen)
    for node in nodes:  # which grows as we go
        for parent in inputs_of(node):
            if parent not in seen:
                seen.add(parent)
                nodes.append(parent)
    nodes.sort(key=attrgetter("number"))
    return nodes


def describe(node: Node) -> str:
    """A tensor as an error names it: by its name if it has one, with shape and dtype."""
    what = f"the result of '{node.op.name}'" if node.op else "a tensor"
    name = f"tensor {node.name!r}" if node.name else what
    return f"{name} of shape {node.shape} and dtype {node.dtype}"
