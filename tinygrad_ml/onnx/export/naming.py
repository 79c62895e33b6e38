"""GivenNames in a file: of nodes after the modules they are in, as "/encoder/layers.0/Gemm", of values after the nodes that give them.

Read next: `model_file.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...modes import BACKWARD, UPDATE, Place
from ..graph import OnnxGraph, OnnxNode


def where(scope: tuple[Place, ...]) -> tuple[str, ...]:
    """The calls inside which something is made, as names: modules by what their parents call them, functions by their own."""
    found = []
    for place in scope:
        if place is BACKWARD or place is UPDATE:
            found.append(place.kind)
        elif place.is_function or (place.name and scope[:1] != (UPDATE,)):
            found.append(place.name or place.kind)
        elif scope[:1] == (UPDATE,):
            found.extend(part for part in (place.kind, place.name) if part)
    return tuple(found)


class GivenNames:
    """Gives each value and each node of a file a name of its own."""

    def __init__(self, taken: Iterable[str]):
        self._taken = set(taken)
        self._nodes: set[str] = set()

    def reserve(self, names: Iterable[str]) -> None:
        """Let nothing else have these names."""
        self._taken.update(names)

    @staticmethod
    def plain(name: str) -> str:
        """A name without what other programs take for something else."""
        return "".join(letter if letter.isprintable() and letter != "%" else "_" for letter in name) or "_"

    def of_value(self, name: str) -> str:
        """A name that no other value has: this one, or one like it."""
        name = self.plain(name)
        return _first_free(name, self._taken)

    def given(
        self, nodes: Sequence[OnnxNode], outputs: Iterable[tuple[str, str, Any]]
    ) -> tuple[list[OnnxNode], dict[str, str]]:
        """The nodes with names, and what the values will be called by which they are known now."""
        renamed = {name: called for called, name, _ in outputs}
        return [self._named(node, renamed) for node in nodes], renamed

    def _named(self, node: OnnxNode, renamed: dict[str, str]) -> OnnxNode:
        called = _first_free("/".join(["", *map(self.plain, node.scope), node.operator]), self._nodes)
        for k, name in enumerate(node.outputs):
            if name and name not in renamed:
                renamed[name] = self.of_value(f"{called}_output_{k}")
        attributes = {
            name: self._body(value, renamed) if isinstance(value, OnnxGraph) else value
            for name, value in node.attributes.items()
        }
        return node._replace(called=called, attributes=attributes)

    def _body(self, graph: OnnxGraph, renamed: dict[str, str]) -> OnnxGraph:
        for port in graph.inputs:
            renamed[port.name] = self.of_value(port.name.lstrip("%"))
        return graph._replace(nodes=tuple(self._named(node, renamed) for node in graph.nodes))


def _first_free(name: str, taken: set[str]) -> str:
    free, k = name, 0
    while free in taken:
        k += 1
        free = f"{name}_{k}"
    taken.add(free)
    return free
