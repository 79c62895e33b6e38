"""What a picture is of: the graph of some tensors, without what the engine wrote into it for itself, and complete.

The engine notes where a gradient is a function of inputs that it does not vary with (`constant_in`): that is no
operation of anybody's. And a graph that backward() has walked has let go of what it had saved; one whose parameters
an optimiser has moved holds numbers of two times. Both are computed again, once, before anything reads them.

Read before: `replay.py`, `variables.py`. Read next: `draw.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

from tinygrad_ml.errors import TinygradError
from tinygrad_ml.graph import Node, topological
from tinygrad_ml.modes import enable_grad
from tinygrad_ml.ops.movement import constant_in
from tinygrad_ml.tensor import Tensor, apply
from tinygrad_ml.writes import overwritten_since, tick

from .origins import Whole
from .replay import unwatched

FREED = "backward() has let go of what this graph had saved: it was computed again for this picture."
CHANGED = (
    "Tensors were overwritten since this graph was made, as by optimizer.step(): what depends on them was computed again, "
    "with the numbers that they hold now."
)


def subject(outputs: Sequence[Node], called: Mapping[Node, str], whole: Whole) -> tuple[list[Node], list[str]]:
    """The nodes to draw for `outputs`, and what is to be said of them. The graph that was given stays as it is.

    called  names for nodes that have none
    whole   the graph, with what its leaves were made of
    """
    nodes = _without_notes(outputs, called, whole)
    order = topological(nodes)
    note = CHANGED if _is_overwritten(order) else FREED if any(node.freed for node in order) else ""
    if not note:
        return nodes, []
    try:
        return _compute_again(order, nodes), [note]
    except TinygradError:
        return nodes, []  # then each box says what is not known of it


def is_note(node: Node) -> bool:
    """Whether a node is no operation, but says that the one before does not vary with some inputs: its gradient to them is 0."""
    return node.op is constant_in


def noted(node: Node) -> Node:
    """The operation or the leaf itself, behind such notes."""
    while is_note(node):
        node = node.inputs[0]
    return node


def _says_nothing(node: Node) -> bool:
    """Whether a note can be left out: the gradient that it is there for flows without it, too."""
    return is_note(node) and node.inputs[0].needs_grad == node.needs_grad


def _without_notes(outputs: Sequence[Node], called: Mapping[Node, str], whole: Whole) -> list[Node]:
    """The graph without notes that say nothing. A name that was given to one is the name of what is behind it.

    An array from which several functions made a leaf is one leaf.
    """
    order = whole.order
    names = dict(called)
    for node in reversed(order):
        if is_note(node) and (name := node.name or names.get(node)):
            names.setdefault(node.inputs[0], name)
    shown: dict[Node, Node] = {}
    arrays: dict[int, Node] = {}
    for node in order:
        if node.op is None and node.shape and not node.needs_grad:
            first = arrays.setdefault(id(node.value), node)
            if first is not node:
                shown[node] = shown[first]
                continue
        inputs = tuple([shown[whole.now(parent)] for parent in node.inputs])
        if _says_nothing(node):
            shown[node] = inputs[0]
            continue
        name = node.name or names.get(node)
        if name == node.name and all(map(_same, inputs, node.inputs)):
            shown[node] = node
            continue
        shown[node] = other = copy(node)
        other.inputs, other.name = inputs, name
    return [shown[whole.now(node)] for node in outputs]


def _same(one: Node, other: Node) -> bool:
    return one is other


def _is_overwritten(order: Sequence[Node]) -> bool:
    """Whether memory was overwritten that the graph took numbers from, or saved, before that."""
    taken: dict[Node, float] = {}  # leaf -> when it was first used
    for node in order:
        for parent in node.inputs:
            if parent.op is None:
                taken.setdefault(parent, node.number)
    if any(overwritten_since(leaf.value, number) for leaf, number in taken.items()):
        return True
    return any(overwritten_since(array, node.number) for node in order for array in node.saved or ())


def _compute_again(order: Sequence[Node], outputs: Sequence[Node]) -> list[Node]:
    """The same graph, made once more from its leaves."""
    made: dict[Node, Tensor] = {}
    with enable_grad(), unwatched():
        for node in order:
            if node.op is None:
                leaf = copy(node)
                leaf.number = tick()
                made[node] = Tensor(node.value, leaf, node.needs_grad)
                continue
            made[node] = result = apply(node.op, tuple([made[parent] for parent in node.inputs]), node.params)
            again = result.node
            if again.op is None:  # as it needs no gradient
                again.op, again.params, again.inputs = node.op, node.params, tuple([made[p].node for p in node.inputs])
            again.name, again.scope, again.line, again.hooks, again.tensor = (
                node.name,
                node.scope,
                node.line,
                node.hooks,
                node.tensor,
            )
    return [made[node].node for node in outputs]
