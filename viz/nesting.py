"""Which boxes every node stands in: calls of functions inside of calls of modules, inside of passes.

A node remembers the calls inside which it was made (`node.scope`); two calls of one module are two
boxes. A leaf belongs where it is used. A node that a backward walk made stands around the graph that
it differentiates, as a shell.

Read next: `circles.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from tinygrad_ml.graph import Node
from tinygrad_ml.modes import BACKWARD, Place
from tinygrad_ml.nn import Parameter

from .facts import is_made_of_numbers, is_mask
from .given import matched
from .words import is_constant

Path: TypeAlias = tuple[Place, ...]


class Pass(Place):
    """A pass as a place: all that the `order`-th backward walk made, or, for 0, what was computed forward."""

    __slots__ = ("order",)

    def __init__(self, order: int):
        super().__init__("", " of ".join(["backward"] * order) if order else "forward")
        self.order = order


class Again(Place):
    """A call to which walks came back, after they had been elsewhere: the part of it that was computed then.

    call  the call of which it is a part
    """

    __slots__ = ("call",)

    def __init__(self, call: Place):
        super().__init__(call.name, call.kind, call.module, () if call.is_function else None)
        self.call: Place = call.call if isinstance(call, Again) else call


def pass_of(node: Node) -> int:
    """How many backward walks led to this node: 0 forward, 1 backward, 2 backward of backward."""
    order = 0
    for place in node.scope:
        if place is not BACKWARD:
            break
        order += 1
    return order


def is_module(place: Place) -> bool:
    """Whether a place is the call of a module: no function, no pass, and no row of calls."""
    return type(place) in (Place, Again) and not place.is_function


def paths_of(order: Sequence[Node]) -> dict[Node, Path]:
    """For each operation of a topological order the boxes it stands in, outermost first."""
    passes = {node: pass_of(node) for node in order}
    highest = max(passes.values(), default=0)
    shells = tuple(Pass(k) for k in range(highest, -1, -1)) if highest else ()
    thin = _thin(order)
    level: dict[Node, int] = {}
    paths: dict[Node, Path] = {}
    for node in order:
        if node.op is None:
            continue
        made = passes[node]
        level[node] = max(made, *(level.get(parent, 0) for parent in node.inputs))
        # What was computed forward again from gradients, as a penalty is, stands outside of their shell.
        inner = made if level[node] == made else level[node] + 1
        calls = _once(place for place in node.scope[made:] if place not in thin)
        paths[node] = (*(shell for shell in shells if shell.order >= inner), *calls)
    return paths


def _once(places: Iterable[Place]) -> list[Place]:
    """The calls without those of a function by another of the same name, which only looks at the arguments first."""
    calls: list[Place] = []
    for place in places:
        if not (calls and place.is_function and calls[-1].is_function and calls[-1].kind == place.kind):
            calls.append(place)
    return calls


def _thin(order: Sequence[Node]) -> set[Place]:
    """The functions that did a single operation on just what they were given: its own box says it all."""
    operations = Counter(place for node in order for place in node.scope if place.is_function)
    return {
        place
        for node in order
        for place in node.scope
        if place.is_function and operations[place] == 1 and _took_what_it_was_given(node, place)
    }


def _took_what_it_was_given(node: Node, place: Place) -> bool:
    """Whether the only operation of a function has all that it was given, and nothing that it made for itself, as a mask."""
    leaves = [parent for parent in node.inputs if parent.op is None]
    given = matched(place, leaves)
    made = [leaf for leaf in leaves if is_mask(leaf) and leaf.name is None and leaf not in given.values()]
    return len(given) == len(place.given or ()) and not made


def place_leaves(order: Sequence[Node], paths: dict[Node, Path]) -> None:
    """A leaf stands in the innermost box that holds all its users; the data of the whole network outside."""
    used: dict[Node, Path] = {}
    fed: set[Path] = set()  # boxes into which the output of an operation comes from outside
    for node in order:
        for parent in node.inputs:
            here = paths[node]
            if parent.op is None:
                used[parent] = common(used[parent], here) if parent in used else here
            else:
                outside = len(common(paths[parent], here))
                fed.update(here[:depth] for depth in range(outside + 1, len(here) + 1))
    given = _given_leaves(used)
    for node in order:
        if node.op is not None:
            continue
        path = used.get(node, ())
        if belongs_to_a_module(node):
            path = path[: _outermost_function(path)]
        elif node.name is not None:  # its user knows it
            path = tuple(place for place in path if isinstance(place, Pass))
        elif is_made_of_numbers(node) or (is_mask(node) and node.origin is not None and node.origin.scope):
            pass  # its user made it, or a call around it
        elif not is_constant(node) and (node in given or not any(place.is_function for place in path)):
            path = path[: _outermost_function(path)]
            while path and path not in fed:
                path = path[:-1]
        paths[node] = path


def _given_leaves(used: Mapping[Node, Path]) -> set[Node]:
    """The leaves that the functions inside which they are used were given, and did not make themselves."""
    leaves: dict[Place, list[Node]] = {}
    for leaf, path in used.items():
        if (at := _outermost_function(path)) < len(path):
            leaves.setdefault(path[at], []).append(leaf)
    return {leaf for place, found in leaves.items() for leaf in matched(place, found).values()}


def _outermost_function(path: Path) -> int:
    return next((depth for depth, place in enumerate(path) if place.is_function), len(path))


def belongs_to_a_module(leaf: Node) -> bool:
    """Whether a leaf is a parameter or a buffer, and not data."""
    receiver = leaf.tensor()
    return (
        (leaf.name is not None and "." in leaf.name)
        or isinstance(receiver, Parameter)
        or (leaf.needs_grad and receiver is None)
    )


def common(one: Path, other: Path) -> Path:
    """The boxes that two nodes both stand in."""
    same = 0
    for a, b in zip(one, other, strict=False):
        if a is not b:
            break
        same += 1
    return one[:same]


def with_parameters(order: Sequence[Node], paths: Mapping[Node, Path]) -> set[int]:
    """The modules with parameters, by identity: of others nobody cares whether it is the same one that is called again."""
    users = (node for node in order if any(leaf.op is None and belongs_to_a_module(leaf) for leaf in node.inputs))
    return {place.identity for node in users for place in paths[node] if is_module(place)}
