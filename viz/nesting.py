"""Which box every node stands in: modules inside modules, repeats folded into one, depths closed.

A node remembers the modules inside which it was made (`node.scope`); a leaf belongs where it is
used. A node that a backward walk made stands around the graph that it differentiates, as a shell.

Read next: `model.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_ml.graph import Node
from tinygrad_ml.modes import BACKWARD, Place
from tinygrad_ml.nn import Parameter

from .words import is_constant

Path = tuple[Place, ...]

FOLD_FROM = 3
"""This many equal modules in a row are drawn as one."""


def pass_of(node: Node) -> int:
    """How many backward walks led to this node: 0 forward, 1 backward, 2 backward of backward."""
    order = 0
    for place in node.scope:
        if place is not BACKWARD:
            break
        order += 1
    return order


def pass_name(order: int) -> str:
    """Forward, backward, backward of backward."""
    return " of ".join(["backward"] * order) if order else "forward"


def is_pass(place: Place) -> bool:
    """Whether a place of a path is a pass, and not a module."""
    return place.name.startswith("\0")


def paths_of(order: Sequence[Node]) -> dict[Node, Path]:
    """For each node of a topological order the boxes it stands in, outermost first."""
    passes = {node: pass_of(node) for node in order}
    highest = max(passes.values(), default=0)
    shells = tuple(Place(f"\0{k}", pass_name(k)) for k in range(highest, -1, -1)) if highest else ()
    level: dict[Node, int] = {}
    paths: dict[Node, Path] = {}
    for node in order:
        if node.op is None:
            continue
        made = passes[node]
        level[node] = max(made, *(level.get(parent, 0) for parent in node.inputs))
        # What was computed forward again from gradients, as a penalty is, stands outside of their shell.
        inner = made if level[node] == made else level[node] + 1
        paths[node] = (*(shell for shell in shells if int(shell.name[1:]) >= inner), *_modules(node.scope[made:]))
    _place_leaves(order, paths)
    return paths


def _modules(places: Path) -> Path:
    return tuple(place for place in places if not place.is_function)


def _place_leaves(order: Sequence[Node], paths: dict[Node, Path]) -> None:
    """A leaf stands in the innermost box that holds all its users; the data of the whole network outside."""
    used: dict[Node, Path] = {}
    fed: set[Path] = set()  # boxes into which the output of an operation comes from outside
    for node in order:
        for parent in node.inputs:
            here = paths[node]
            if parent.op is None:
                used[parent] = _common(used[parent], here) if parent in used else here
            else:
                outside = len(_common(paths[parent], here))
                fed.update(here[:depth] for depth in range(outside + 1, len(here) + 1))
    for node in order:
        if node.op is None:
            path = used.get(node, ())
            if not (is_constant(node) or _belongs_to_a_module(node)):
                while path and path not in fed:
                    path = path[:-1]
            paths[node] = path


def _belongs_to_a_module(leaf: Node) -> bool:
    """Whether a leaf is a parameter or a buffer, and not data."""
    receiver = leaf.tensor()
    return (
        (leaf.name is not None and "." in leaf.name)
        or isinstance(receiver, Parameter)
        or (leaf.needs_grad and receiver is None)
    )


def _common(one: Path, other: Path) -> Path:
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return one[:same]


def closed(paths: dict[Node, Path], depth: int) -> dict[Node, Path]:
    """The nodes that vanish into a closed module, when only `depth` levels of modules are opened."""
    inside = {}
    for node, path in paths.items():
        shells = sum(map(is_pass, path))
        if len(path) - shells > depth:
            inside[node] = path[: shells + depth + 1]
    return inside


def repeats(order: Sequence[Node], paths: dict[Node, Path]) -> tuple[dict[Node, Node], dict[Path, list[str]]]:
    """Equal modules in a row, each fed by the one before.

    Returns {node of a later one: its counterpart in the first} and, for each first one, the names
    of all of them.
    """
    members: dict[Path, list[Node]] = {}
    children: dict[Path, list[Path]] = {}
    for node in order:
        path = paths[node]
        for depth in range(1, len(path) + 1):
            here = path[:depth]
            if here not in members:
                members[here] = []
                children.setdefault(path[: depth - 1], []).append(here)
            members[here].append(node)
    users: dict[Node, list[Node]] = {}
    for node in order:
        for parent in node.inputs:
            users.setdefault(parent, []).append(node)

    counterpart: dict[Node, Node] = {}
    named: dict[Path, list[str]] = {}
    waiting: list[Path] = [()]
    while waiting:
        siblings = children.get(waiting.pop(), [])
        signatures = [_signature(path, members[path], paths) for path in siblings]
        first = 0
        while first < len(siblings):
            end = first + 1
            while (
                end < len(siblings)
                and signatures[end] == signatures[first]
                and _follows(members[siblings[end]], members[siblings[end - 1]], members[siblings[first]], users)
            ):
                end += 1
            if end - first >= FOLD_FROM and not is_pass(siblings[first][-1]):
                for later in siblings[first + 1 : end]:
                    counterpart.update(zip(members[later], members[siblings[first]], strict=True))
                named[siblings[first]] = [path[-1].name for path in siblings[first:end]]
                waiting.append(siblings[first])
            else:
                waiting.extend(siblings[first:end])
            first = end
    return counterpart, named


def _signature(path: Path, nodes: list[Node], paths: dict[Node, Path]) -> tuple:
    """What two modules must have in common to be drawn as one."""
    inside = {node: position for position, node in enumerate(nodes)}
    return (
        path[-1].kind,
        *(
            (
                node.op,
                node.shape,
                str(node.dtype),
                node.needs_grad,
                repr(sorted(node.params.items())),
                tuple(place.name for place in paths[node][len(path) :]),
                tuple([inside.get(parent, parent.shape) for parent in node.inputs]),
            )
            for node in nodes
        ),
    )


def _follows(block: list[Node], before: list[Node], first: list[Node], users: dict[Node, list[Node]]) -> bool:
    """Whether a block takes what the one before gives, which gives it to nobody else."""
    here, there = set(block), set(before)
    taken = {parent for node in block for parent in node.inputs if parent not in here}
    shared = {parent for node in first for parent in node.inputs}
    handed = {node for node in before if any(user not in there for user in users.get(node, ()))}
    if not taken <= there | shared or not handed:
        return False
    return all(user in there or user in here for node in handed for user in users[node])
