"""Composite operators taken apart: where the table has no row, the body by which a file or ONNX's standard defines an operator.

What is left has a row for each node, or is missing, which is said of all such nodes at once.

Read before: `graph.py`, `table.py`. Read next: `plan.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy

from ..errors import DataError, UnsupportedError
from .graph import OnnxFile, OnnxFunction, OnnxGraph, OnnxNode, Reference
from .reading import standard_function
from .table import TABLE, OperatorRow

DEEPEST_FUNCTION = 64
"""So many functions inside of each other are enough: a file in which there are more has one that calls itself."""


class Enclosing(NamedTuple):
    """What is around a node: a module, by the name that its parent calls it; or a function, of which each call is another."""

    name: str
    call: int = 0  # 0 for a module

    @property
    def is_module(self) -> bool:
        """Whether it is a module, and no function."""
        return self.call == 0


class NodeInPlace(NamedTuple):
    """A node that the table has a row for, and what is around it, outermost first."""

    node: OnnxNode
    row: OperatorRow
    around: tuple[Enclosing, ...]


class Expansion:
    """Looks up rows, takes apart what has none, and notes what is missing."""

    def __init__(self, file: OnnxFile):
        self.file = file
        self.missing: list[str] = []
        self._calls = 0
        self._standard: dict[tuple[str, str, int], OnnxFunction | None] = {}

    def nodes(self, graph: OnnxGraph) -> list[NodeInPlace]:
        """The graph's nodes, each with its row."""
        return [placed for node in graph.nodes for placed in self._expand(node, (), 0)]

    def check(self) -> None:
        """Raise `UnsupportedError` for all operators that are missing."""
        if self.missing:
            missing = list(dict.fromkeys(self.missing))
            count = len(missing)
            raise UnsupportedError(
                f"{count} node{'s need' if count > 1 else ' needs'} what is not offered here, so nothing was run. See "
                "tinygrad_ml/onnx/OPERATORS.md for what is, and README.md there for how to add a row.\n  "
                + "\n  ".join(missing)
            )

    def _expand(self, node: OnnxNode, around: tuple[Enclosing, ...], depth: int) -> Iterator[NodeInPlace]:
        inside = (*around, *map(Enclosing, node.scope))
        row = find_row(node)
        own = self.file.functions.get((node.domain, node.operator))
        if row is None or own is not None:
            function = own or self._of_standard(node)
            if function is not None:
                if depth >= DEEPEST_FUNCTION:
                    raise DataError(
                        f"{node.operator} of {node.called!r}: functions of the file call each other without end"
                    )
                self._calls += 1
                for inner in _body(node, function, self._calls):
                    yield from self._expand(inner, (*inside, Enclosing(node.operator, self._calls)), depth + 1)
                return
        if row is None:
            self.missing.append(_said_of_missing(node))
            for value in node.attributes.values():
                for graph in value if isinstance(value, list) else [value]:
                    if isinstance(graph, OnnxGraph):
                        self.nodes(graph)
            return
        unknown = sorted(name for name in node.attributes if name not in row.known)
        if unknown:
            self.missing.append(f"{described(node)}: its attribute{'s' * (len(unknown) > 1)} {', '.join(unknown)}")
        if len(node.inputs) > len(row.arrives) and row.rest is None:
            self.missing.append(f"{described(node)}: more than {len(row.arrives)} inputs")
        yield NodeInPlace(node, row, inside)

    def _of_standard(self, node: OnnxNode) -> OnnxFunction | None:
        key = node.domain, node.operator, node.opset
        if key not in self._standard:
            self._standard[key] = standard_function(*key)
        return self._standard[key]


def find_row(node: OnnxNode) -> OperatorRow | None:
    """The row for an operator in the version that a node needs. In sets that are not ONNX's, a row holds until the next."""
    row = TABLE.get((node.domain, node.operator, node.version))
    if row is None and node.domain not in ("", "ai.onnx.ml"):
        older = [key for key in TABLE if key[:2] == (node.domain, node.operator) and key[2] <= node.version]
        row = TABLE[max(older)] if older else None
    return row


def described(node: OnnxNode) -> str:
    """What errors call a node."""
    called = (
        f"node {node.called!r}" if node.called else f"the node that makes {node.outputs[0] if node.outputs else '?'!r}"
    )
    domain = f"{node.domain}." if node.domain else ""
    return f"{called}: {domain}{node.operator} of version {node.version}"


def _said_of_missing(node: OnnxNode) -> str:
    others = sorted(version for domain, name, version in TABLE if (domain, name) == (node.domain, node.operator))
    return described(node) + (f" (there is version {', '.join(map(str, others))})" if others else "")


def _body(node: OnnxNode, function: OnnxFunction, call: int) -> list[OnnxNode]:
    """The nodes of a function's body, as one node calls it: with its inputs, outputs and attributes."""
    attributes = {**function.defaults, **node.attributes}
    names = {port.name: "" for port in function.body.inputs}
    names.update(zip((port.name for port in function.body.inputs), node.inputs, strict=False))
    made = {name for inner in function.body.nodes for name in inner.outputs if name}
    given = zip(function.body.outputs, node.outputs, strict=False)
    outputs = {port.name: name for port, name in given if name and port.name in made}
    passed = [  # an output that the body hands through, and another that stands twice
        OnnxNode("", "Identity", 1, 1, (names[port.name],), (name,), {})
        for port, name in zip(function.body.outputs, node.outputs, strict=False)
        if name and port.name in names
    ]

    def renamed(name: str) -> str:
        if name in names or not name:
            return names.get(name, "")
        return outputs.get(name) or f"{node.operator}.{call}:{name}"

    return [_renamed(inner, renamed, attributes) for inner in function.body.nodes] + passed


def _renamed(node: OnnxNode, renamed: Callable[[str], str], attributes: Mapping[str, Any]) -> OnnxNode:
    found = {}
    for name, value in node.attributes.items():
        if isinstance(value, Reference):
            if value.name not in attributes:
                continue  # then the default of the operator holds
            value = attributes[value.name]
        elif isinstance(value, OnnxGraph):
            value = _renamed_graph(value, renamed, attributes)
        elif isinstance(value, list) and value and isinstance(value[0], OnnxGraph):
            value = [_renamed_graph(graph, renamed, attributes) for graph in value]
        found[name] = value
    inputs, outputs = (tuple(map(renamed, some)) for some in (node.inputs, node.outputs))
    return node._replace(inputs=inputs, outputs=outputs, attributes=found)


def _renamed_graph(graph: OnnxGraph, renamed: Callable[[str], str], attributes: Mapping[str, Any]) -> OnnxGraph:
    constants: dict[str, numpy.ndarray] = {renamed(name): array for name, array in graph.constants.items()}
    inputs, outputs = (
        tuple(port._replace(name=renamed(port.name)) for port in ports) for ports in (graph.inputs, graph.outputs)
    )
    nodes = tuple(_renamed(node, renamed, attributes) for node in graph.nodes)
    return graph._replace(inputs=inputs, outputs=outputs, nodes=nodes, constants=constants)
