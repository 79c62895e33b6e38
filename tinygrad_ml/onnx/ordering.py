"""Whether the nodes of an ONNX graph fit together: each name is given once, each that is asked for is there, none needs itself.

ONNX wants nodes sorted. Where they are not, they are sorted here, and otherwise keep their order.

Read next: `reading.py`, which asks for this.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy

from ..errors import DataError
from .graph import OnnxFunction, OnnxGraph, OnnxNode, Reference

MOST_MADE = 2**28
"""How many numbers a node may make of nothing, by a shape that stands in the file: as float32 they take 1 GiB."""

MOST_NODES = 1_000_000
"""How many nodes there may be when each function is in the place of its calls."""

_SHAPES = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1, "RandomNormal": "shape", "RandomUniform": "shape"}
"""Operators that make large tensors of small ones -> the input or attribute that says how large."""


def ordered(
    nodes: Sequence[OnnxNode],
    inputs: Iterable[str],
    constants: Iterable[str],
    outputs: Iterable[str],
    strict: bool = True,
) -> tuple[OnnxNode, ...]:
    """The nodes, each after those of which it needs outputs, and otherwise in their order.

    strict   whether a name that nobody gives is an error; a graph inside of another may mean one of the other's

    Raises `DataError`: a name is given twice or, if strict, never; or nodes need each other.
    """
    given = list(inputs)
    if len(set(given)) < len(given) or "" in given:
        raise DataError(f"an input has no name, or a name stands twice among the inputs: {', '.join(map(repr, given))}")
    known = {*given, *constants}
    makers: dict[str, int] = {}
    for number, node in enumerate(nodes):
        for name in filter(None, node.outputs):
            if name in makers or name in known:
                raise DataError(
                    f"{_called(node, number)}: its output {name!r} is already an output, an input or an initialiser"
                )
            makers[name] = number
    needs = [needed(node) for node in nodes]
    if strict:
        for number, (node, names) in enumerate(zip(nodes, needs, strict=True)):
            for name in names:
                if name not in makers and name not in known:
                    raise DataError(
                        f"{_called(node, number)}: its input {name!r} is nobody's output, no input and no initialiser"
                    )
        for name in outputs:
            if name not in makers and name not in known:
                raise DataError(f"the output {name!r} is made by no node")
    waits = [{makers[name] for name in names if name in makers} for names in needs]
    if all(maker < number for number, makers_of in enumerate(waits) for maker in makers_of):
        return tuple(nodes)
    return tuple(nodes[number] for number in _sorted(nodes, waits))


def _sorted(nodes: Sequence[OnnxNode], waits: Sequence[set[int]]) -> list[int]:
    """An order in which each comes after those that it waits for, the first as early as can be."""
    asked: dict[int, list[int]] = {}
    for number, before in enumerate(waits):
        for maker in before:
            asked.setdefault(maker, []).append(number)
    left = [len(before) for before in waits]
    ready = [number for number, count in enumerate(left) if not count]
    found: list[int] = []
    while ready:
        number = heapq.heappop(ready)
        found.append(number)
        for follower in asked.get(number, ()):
            left[follower] -= 1
            if not left[follower]:
                heapq.heappush(ready, follower)
    if len(found) < len(nodes):
        circle = [_called(nodes[number], number) for number, count in enumerate(left) if count]
        raise DataError(f"nodes need each other, so that none can be the first: {', '.join(circle[:5])}")
    return found


def needed(node: OnnxNode) -> set[str]:
    """The names that a node asks for: its inputs, and what the graphs in its attributes take from around them."""
    return {*filter(None, node.inputs), *(name for graph in graphs_of(node) for name in _free(graph))}


def graphs_of(node: OnnxNode) -> list[OnnxGraph]:
    """The graphs that are attributes of a node."""
    values = [value if isinstance(value, list) else [value] for value in node.attributes.values()]
    return [item for value in values for item in value if isinstance(item, OnnxGraph)]


def _free(graph: OnnxGraph) -> set[str]:
    """Names that a graph uses and does not give."""
    own = {*graph.constants, *(port.name for port in graph.inputs)}
    own.update(name for node in graph.nodes for name in node.outputs)
    asked = {port.name for port in graph.outputs}.union(*(needed(node) for node in graph.nodes))
    return asked - own


def check_functions(graph: OnnxGraph, functions: Mapping[tuple[str, str], OnnxFunction]) -> None:
    """Raise `DataError` where a function is called with what it does not have, where functions call each other in a circle, and
    where there are more than `MOST_NODES` nodes when all is written out."""
    for body in (graph, *(function.body for function in functions.values())):
        _check_calls(body, functions)
    sizes: dict[tuple[str, str], int] = {}
    waiting: list[tuple[tuple[str, str], bool]] = [(key, False) for key in functions]
    inside: set[tuple[str, str]] = set()
    while waiting:
        key, done = waiting.pop()
        calls = [call for call in _calls(functions[key].body) if call in functions]
        if done:
            inside.discard(key)
            sizes[key] = len(functions[key].body.nodes) + sum(sizes[call] for call in calls)
        elif key not in sizes:
            if key in inside:
                raise DataError(f"the function {key[1]} calls itself")
            inside.add(key)
            waiting += [(key, True), *((call, False) for call in set(calls))]
    total = sum(sizes.get(call, 1) for call in _calls(graph))
    if total > MOST_NODES:
        raise DataError(
            f"with its functions written out it has {total:,} nodes, and {MOST_NODES:,} is the most that is read"
        )


def _check_calls(graph: OnnxGraph, functions: Mapping[tuple[str, str], OnnxFunction]) -> None:
    for number, node in enumerate(graph.nodes):
        function = functions.get((node.domain, node.operator))
        for what, given, has in (
            ("inputs", node.inputs, function.body.inputs if function else None),
            ("outputs", node.outputs, function.body.outputs if function else None),
        ):
            if has is not None and len(given) > len(has):
                raise DataError(f"{_called(node, number)}: it has {len(given)} {what}, and the function has {len(has)}")
        for inner in graphs_of(node):
            _check_calls(inner, functions)


def _calls(graph: OnnxGraph) -> list[tuple[str, str]]:
    found = []
    for node in graph.nodes:
        found.append((node.domain, node.operator))
        for inner in graphs_of(node):
            found += _calls(inner)
    return found


def check_sizes(nodes: Iterable[OnnxNode], constants: Mapping[str, numpy.ndarray]) -> None:
    """Raise `DataError` where a node, or all together that need nothing but constants, are told by the file to make more than
    `MOST_MADE` numbers."""
    known, together = dict(constants), 0
    for number, node in enumerate(nodes):
        if node.domain:
            continue
        if node.operator == "Constant" and len(node.attributes) == 1:
            (value,) = node.attributes.values()
            if not isinstance(value, Reference):
                known[node.outputs[0]] = numpy.asarray(value)
        wanted = _wanted(node, known)
        together += wanted if known.keys() >= set(node.inputs) else 0
        if max(wanted, together) > MOST_MADE:
            raise DataError(
                f"{_called(node, number)}: it would make {wanted:,} numbers, with others of its kind {max(together, wanted):,}, and "
                f"{MOST_MADE:,} is the most that is made of nothing"
            )


def _wanted(node: OnnxNode, known: Mapping[str, numpy.ndarray]) -> int:
    """How many numbers a node makes, as far as constants say."""
    if node.operator == "Range":
        limits = [known.get(name) for name in node.inputs]
        if any(limit is None or limit.size != 1 or limit.dtype.kind not in "iuf" for limit in limits):
            return 0
        start, limit, step = (float(limit.item()) for limit in limits if limit is not None)
        count = (limit - start) / step if step else 0.0
        return int(min(max(count, 0.0), 2.0**63)) if not math.isnan(count) else 0
    place = _SHAPES.get(node.operator)
    if isinstance(place, str):
        shape = node.attributes.get(place, ())
    else:
        shape = known.get(node.inputs[place]) if place is not None and place < len(node.inputs) else None
    if shape is None or isinstance(shape, Reference) or numpy.asarray(shape).dtype.kind not in "iu":
        return 0
    return math.prod(int(extent) for extent in numpy.ravel(shape)[:64] if extent >= 0)


def _called(node: OnnxNode, number: int) -> str:
    return f"node {number} {node.called!r} ({node.operator})"
