"""What a network did to tensors that need no gradient, before anything that does: the graph has it as a leaf, a picture does not.

An image that a first layer flattens, the input that attention turns around: leaves remember where they come from
(`tinygrad_ml/origins.py`), as long as that is there.

Read before: `replay.py`. Read next: `asked.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy

from tinygrad_ml.errors import TinygradError
from tinygrad_ml.graph import Node, topological
from tinygrad_ml.modes import no_grad
from tinygrad_ml.ops import Primitive
from tinygrad_ml.origins import Origin
from tinygrad_ml.tensor import Tensor, apply

from .replay import on_host, unwatched


class Whole:
    """A graph with what its leaves were made of.

    order     its nodes in topological order, without the leaves that come from others
    replaced  such a leaf -> the operation that makes it
    """

    def __init__(self, outputs: Sequence[Node]):
        order = topological(outputs)
        self._made: dict[Origin, tuple[Node, Tensor] | None] = {}
        self.replaced: dict[Node, Node] = {}
        with no_grad(), unwatched():
            for leaf in order:
                if leaf.op is None and leaf.origin is not None and not leaf.needs_grad:
                    self._replace(leaf)
        self.order = [node for node in order if node not in self.replaced]
        if self.replaced:
            found = dict.fromkeys((*self.order, *topological(list(self.replaced.values()))))
            self.order = sorted(found, key=lambda node: node.number)

    def now(self, node: Node) -> Node:
        """The node itself, or the operation that takes its place."""
        return self.replaced.get(node, node)

    def _replace(self, leaf: Node) -> None:
        made = self._again(leaf.origin) if _tells(leaf.origin) else None
        if made is None:
            return
        now, then = on_host(made[1]), on_host(Tensor(leaf.value))
        # What was overwritten meanwhile gives other numbers.
        if now is not None and then is not None and numpy.array_equal(now, then, equal_nan=now.dtype.kind == "f"):
            self.replaced[leaf] = made[0]
            made[0].name = leaf.name

    def _again(self, origin: Origin) -> tuple[Node, Tensor] | None:
        """The operation as a node, and its result; None if what it was applied to is gone."""
        if origin not in self._made:
            self._made[origin] = self._compute(origin)
        return self._made[origin]

    def _compute(self, origin: Origin) -> tuple[Node, Tensor] | None:
        inputs = []
        for each in origin.inputs:
            leaf = None if isinstance(each, Origin) else each if isinstance(each, Node) else each()
            if leaf is not None and leaf.op is not None:
                return None  # a mask of what is in the graph: its numbers are not at hand
            found = self._again(each) if isinstance(each, Origin) else leaf and (leaf, Tensor(leaf.value))
            if found is None:
                return None
            inputs.append(found)
        try:
            result = _applied(origin.op, tuple([tensor for _, tensor in inputs]), origin.params)
        except TinygradError:
            return None
        node = Node(origin.number, origin.shape, origin.dtype)
        node.op, node.params, node.scope = origin.op, origin.params, origin.scope
        node.inputs = tuple([parent for parent, _ in inputs])
        return node, result


def _applied(op: Primitive, tensors: tuple[Tensor, ...], params: dict) -> Tensor:
    """What an operation gives, or several that were computed as a whole."""
    if op.take_apart is None:
        return apply(op, tensors, params)
    with numpy.errstate(all="ignore"):
        return Tensor(op.value(*[tensor.numpy() for tensor in tensors], **params)[0])


def _tells(origin: Origin) -> bool:
    """Whether it is worth boxes: what is done to numbers that are still there, and not how a function makes a mask of labels."""
    there = [leaf.dtype.kind for leaf in _beginnings(origin)]
    return origin.dtype.kind == "f" if "f" in there else bool(there) and _only_moves(origin)


def _beginnings(origin: Origin) -> Iterator[Node]:
    """The tensors at the beginning that are still there."""
    for each in origin.inputs:
        if isinstance(each, Origin):
            yield from _beginnings(each)
        elif not isinstance(each, Node) and (leaf := each()) is not None:
            yield leaf


def _only_moves(origin: Origin) -> bool:
    before = all(_only_moves(each) for each in origin.inputs if isinstance(each, Origin))
    return before and origin.op.view is not None
