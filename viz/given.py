"""What functions were given that leaves no trace in the graph: the labels of a loss, the image of a convolution.

Read before: `nesting.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from weakref import ReferenceType

from tinygrad_ml.graph import Node
from tinygrad_ml.modes import Place
from tinygrad_ml.nn import Parameter
from tinygrad_ml.tensor import Tensor


class Handed(NamedTuple):
    """What a function was given that is no node of the graph.

    node   the first that the function made
    key    the same for what is the same tensor, also when that has gone
    thing  the tensor or array; None if it has gone
    own    whether it belongs to the module that called the function, as the statistics of a norm do
    name   how it is called, if it has a name
    """

    node: Node
    parameter: str
    key: object
    thing: Any
    shape: tuple[int, ...]
    dtype: str
    own: bool
    name: str | None


def handed(order: Sequence[Node], paths: Mapping[Node, tuple[Place, ...]]) -> tuple[dict[Node, str], list[Handed]]:
    """What the functions of a graph, the outermost where one calls others, were given that needs no gradient.

    Returns the nodes among it with the names of their parameters, and what is no node.
    """
    first: dict[Place, Node] = {}
    taken: dict[Place, dict[Node, None]] = {}
    for node in order:
        if node.op is None:
            continue
        place = next((place for place in paths[node] if place.is_function), None)
        if place is not None and place.given:
            first.setdefault(place, node)
            outside = (parent for parent in node.inputs if parent.op is None or place not in paths[parent])
            taken.setdefault(place, {}).update(dict.fromkeys(outside))
    nodes: dict[Node, str] = {}
    others = []
    for place, node in first.items():
        found = matched(place, list(taken[place]))
        nodes.update({node: parameter for parameter, node in found.items()})
        around = paths[node][: paths[node].index(place)]
        for given in place.given or ():
            if given.name not in found:
                thing = given.thing()
                key = id(given.thing) if isinstance(given.thing, ReferenceType) else (place, given.name)
                own = thing is not None and _belongs_to(thing, around)
                others.append(Handed(node, given.name, key, thing, given.shape, str(given.dtype), own, given.called))
    return nodes, others


def _belongs_to(thing: object, around: Sequence[Place]) -> bool:
    """Whether a tensor is a parameter, a buffer or another attribute of one of the modules around a call."""
    if isinstance(thing, Parameter) or (isinstance(thing, Tensor) and "." in (thing.name or "")):
        return True
    modules = [module for place in around if (module := place.module()) is not None]
    return any(held is thing for module in modules for held in vars(module).values())


def matched(place: Place, nodes: Sequence[Node]) -> dict[str, Node]:
    """Which of some nodes are what a function was given, by parameter: the very tensor or array; where that has gone,
    the only one of its shape and dtype."""
    found: dict[str, Node] = {}
    for given in place.given or ():
        thing = given.thing()
        if thing is not None:
            like = [node for node in nodes if _is(node, thing)]
        else:
            alike = [node for node in nodes if (node.shape, node.dtype) == (given.shape, given.dtype)]
            like = [node for node in alike if node.origin is None and not node.needs_grad]  # others were made
        if len(like) == 1 and like[0] not in found.values():
            found[given.name] = like[0]
    return found


def _is(node: Node, thing: object) -> bool:
    """Whether a node stands for a tensor or an array. Pictures are of copies of leaves, with the same array."""
    if isinstance(thing, Tensor):
        return thing.node is node or (node.op is None and node.value is thing.node.value)
    return node.op is None and node.value is thing
