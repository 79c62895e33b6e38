"""What functions were given that leaves no trace in the graph: the labels of a loss, the image of a convolution.

Read before: `nesting.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_ml.graph import Node
from tinygrad_ml.modes import Place
from tinygrad_ml.tensor import Tensor


def matched(place: Place, nodes: Sequence[Node]) -> dict[str, Node]:
    """Which of some nodes are what a function was given, by parameter: the very tensor or array; where that has gone,
    the only one of its shape and dtype."""
    found: dict[str, Node] = {}
    for given in place.given or ():
        thing = given.thing()
        if thing is not None:
            like = [node for node in nodes if _is(node, thing)]
        else:
            like = [node for node in nodes if (node.shape, node.dtype) == (given.shape, given.dtype)]
        if len(like) == 1 and like[0] not in found.values():
            found[given.name] = like[0]
    return found


def _is(node: Node, thing: object) -> bool:
    """Whether a node stands for a tensor or an array. Pictures are of copies of leaves, with the same array."""
    if isinstance(thing, Tensor):
        return thing.node is node or (node.op is None and node.value is thing.node.value)
    return node.op is None and node.value is thing
