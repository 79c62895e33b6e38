"""Equal calls in a row, drawn as one: `0 … 11 Block ×12`, and `Linear, ReLU ×6`.

A row is made of groups of one or more calls (and operations between them) that repeat, each group fed by the one
before. Only the first is drawn; an arrow marked "next" goes from what it gives to where the next group takes it.

Read before: `nesting.py`, `circles.py`. Read next: `levels.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from tinygrad_ml.graph import Node
from tinygrad_ml.modes import Place

from .nesting import Again, Path, belongs_to_a_module, is_module
from .words import is_constant

FOLD_FROM = 3
"""This many equal groups in a row are drawn as one."""
LONGEST_GROUP = 8

_Unit: TypeAlias = "Path | Node"
"""What a row is made of: a call, by its path, or an operation outside of calls."""


class FoldedRow(Place):
    """The first of a row of groups of several calls, as a place around it."""

    __slots__ = ()


class Equals(NamedTuple):
    """What a row is: the names of its first and last part, and of how many groups it is made.

    shared  whether they are calls of one module
    """

    first: str
    last: str
    count: int
    shared: bool


class Folding:
    """The rows of a graph.

    counterpart  {node of a later group: the one that it is drawn as, in the first}
    rows         for the path of the first call of a row, or of the place around the first group, what it stands for
    Adds the places around groups to `paths`.
    """

    def __init__(self, order: Sequence[Node], paths: dict[Node, Path]):
        self.counterpart: dict[Node, Node] = {}
        self.rows: dict[Path, Equals] = {}
        self._paths = paths
        self._members: dict[_Unit, list[Node]] = {}
        self._units: dict[Path, list[_Unit]] = {}
        self._users: dict[Node, list[Node]] = {}
        if any(is_module(place) for path in paths.values() for place in path):  # rows are made of them
            self._sort(order)
            self._fold()

    def _sort(self, order: Sequence[Node]) -> None:
        """The nodes of each call, and the calls and operations right inside of each, in the order of running."""
        for node in order:
            for parent in node.inputs:
                self._users.setdefault(parent, []).append(node)
        for node in order:
            path = self._paths[node]
            if node.op is None:
                continue
            for depth in range(1, len(path) + 1):
                self._unit(path[:depth], path[: depth - 1])
            self._unit(node, path)
        for node in order:
            path = self._paths[node]
            for depth in range(1, len(path) + 1):
                self._members[path[:depth]].append(node)
            if node.op is not None:
                self._members[node].append(node)
            elif is_constant(node) or belongs_to_a_module(node):
                self._add_to_its_user(node)

    def _unit(self, unit: _Unit, around: Path) -> None:
        if unit not in self._members:
            self._members[unit] = []
            self._units.setdefault(around, []).append(unit)

    def _add_to_its_user(self, leaf: Node) -> None:
        """A number or a parameter of one operation outside of calls goes with it."""
        users = set(self._users.get(leaf, ()))
        if len(users) == 1 and self._paths[user := users.pop()] == self._paths[leaf]:
            self._members[user].append(leaf)

    def _fold(self) -> None:
        waiting: list[Path] = [()]
        found: list[tuple[Node, Place, Equals]] = []
        inserted: list[tuple[list[Node], int, FoldedRow]] = []
        while waiting:
            around = waiting.pop()
            units = self._units.get(around, [])
            alike = self._kinds(units)
            first = 0
            while first < len(units):
                length, count = self._row(units, alike, first)
                end = first + length * count
                group = units[first : first + length]
                if count > 1:
                    nodes = self._nodes(group)
                    for start in range(first + length, end, length):
                        self.counterpart.update(zip(self._nodes(units[start : start + length]), nodes, strict=True))
                    if length == 1 and isinstance(group[0], tuple):
                        place = group[0][-1]
                    else:
                        place = FoldedRow("", ", ".join(map(_kind, group)))
                        inserted.append((nodes, len(around), place))
                    found.append((nodes[-1], place, _equals(units[first:end], count)))
                first = end
                waiting.extend(unit for unit in group if isinstance(unit, tuple))
        for nodes, depth, row in reversed(inserted):  # inner rows first, so that depths stay right
            for node in nodes:
                path = self._paths[node]
                self._paths[node] = (*path[:depth], row, *path[depth:])
        for node, place, equals in found:
            path = self._paths[node]
            self.rows[path[: path.index(place) + 1]] = equals

    def _nodes(self, group: Sequence[_Unit]) -> list[Node]:
        return [node for unit in group for node in self._members[unit]]

    def _kinds(self, units: Sequence[_Unit]) -> list[int]:
        """A number for each unit, equal for those that are alike."""
        numbers: dict[tuple, int] = {}
        return [numbers.setdefault(self._signature([unit]), len(numbers)) for unit in units]

    def _row(self, units: Sequence[_Unit], alike: Sequence[int], first: int) -> tuple[int, int]:
        """How many units make a group that is repeated from here on, and how often it stands there; (1, 1) if it is not."""
        for length in range(1, min(LONGEST_GROUP, (len(units) - first) // FOLD_FROM) + 1):
            group = units[first : first + length]
            if not any(isinstance(unit, tuple) and is_module(unit[-1]) for unit in group):
                continue
            pattern, count = alike[first : first + length], 1
            signature = None
            while alike[(start := first + count * length) : start + length] == pattern:
                signature = signature or self._signature(group)
                here = units[start : start + length]
                before = units[start - length : start]
                if self._signature(here) != signature or not self._follows(here, before, group):
                    break
                count += 1
            if count >= FOLD_FROM:
                return length, count
        return 1, 1

    def _signature(self, group: Sequence[_Unit]) -> tuple:
        """What two groups must have in common to be drawn as one."""
        position: dict[Node, int] = {node: number for number, node in enumerate(self._nodes(group))}
        found = []
        for unit in group:
            depth = len(unit) if isinstance(unit, tuple) else len(self._paths[unit])
            found.append(unit[-1].kind if isinstance(unit, tuple) else "")
            for node in self._members[unit]:
                below = tuple((place.name, place.kind) for place in self._paths[node][depth:])
                taken = tuple([position.get(parent, parent.shape) for parent in node.inputs])
                number = repr(node.value.item()) if is_constant(node) and hasattr(node.value, "item") else ""
                params = repr(sorted(node.params.items()))
                found.append((node.op, node.shape, str(node.dtype), node.needs_grad, params, number, below, taken))
        return tuple(found)

    def _follows(self, group: Sequence[_Unit], before: Sequence[_Unit], first: Sequence[_Unit]) -> bool:
        """Whether a group takes what the one before gives, which gives it to nobody else."""
        here, there = set(self._nodes(group)), set(self._nodes(before))
        taken = {parent for node in here for parent in node.inputs if parent not in here}
        shared = {parent for node in self._nodes(first) for parent in node.inputs}
        handed = {node for node in there if any(user not in there for user in self._users.get(node, ()))}
        if not taken <= there | shared or not handed:
            return False
        return all(user in there or user in here for node in handed for user in self._users[node])


def _equals(units: Sequence[_Unit], count: int) -> Equals:
    modules = [unit[-1] for unit in units if isinstance(unit, tuple) and is_module(unit[-1])]
    shared = len({place.identity for place in modules}) * count == len(modules)
    return Equals(_name(units[0]), _name(units[-1]), count, shared)


def _name(unit: _Unit) -> str:
    if isinstance(unit, Node):
        return unit.op.name if unit.op else ""
    return unit[-1].name or unit[-1].kind


def _kind(unit: _Unit) -> str:
    return unit[-1].kind if isinstance(unit, tuple) else _name(unit)


def calls_of(paths: Mapping[Node, Path]) -> dict[Place, tuple[int, int]]:
    """For each call of a module that is called several times: which call it is, and of how many.

    Not for the parts of such a module: they are called as often as it is.
    """
    calls: dict[int, dict[Place, None]] = {}
    around: dict[Place, Place | None] = {}
    for path in paths.values():
        outer = None
        for place in filter(is_module, path):
            place = place.call if isinstance(place, Again) else place
            calls.setdefault(place.identity, {})[place] = None
            around.setdefault(place, outer)
            outer = place
    shared = {
        place: (number, len(found))
        for found in calls.values()
        if len(found) > 1
        for number, place in enumerate(found, start=1)
    }

    def is_said_outside(place: Place) -> bool:
        outer = around[place]
        return outer is not None and shared.get(outer, (0, 0))[1] == shared[place][1]

    return {place: which for place, which in shared.items() if not is_said_outside(place)}
