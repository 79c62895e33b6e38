"""The layers of a network whose file says nothing of modules: so that pictures of it have boxes that open.

A layer begins with an operator that has a weight of two axes or more, as convolutions and matrix products have, or where what
comes out of two layers meets; and what is made of a layer's values alone belongs to it: its norm, its activation. It is called by
its weight, `conv1` of `conv1.weight`, or by the operator that it begins with.

Read before: `graph.py`. Read next: `model.py`, which asks for this.
"""

from __future__ import annotations

import collections
import re

from .graph import OnnxGraph, is_made_up


def with_layers(graph: OnnxGraph) -> OnnxGraph:
    """The graph, and each of its nodes in the scope of a layer; as it is, if the file has scopes of its own."""
    if any(node.scope for node in graph.nodes):
        return graph
    numbers, named, weighted = _layers_of(graph)
    sizes = collections.Counter(numbers)
    used = collections.Counter(port.name for port in graph.inputs)
    names: dict[int, str] = {}
    for number in sizes:
        if number and (sizes[number] > 1 or number in weighted):
            used[named[number]] += 1
            names[number] = named[number] + (f"_{used[named[number]]}" if used[named[number]] > 1 else "")
    nodes = (
        node._replace(scope=(names[number],)) if number in names else node
        for node, number in zip(graph.nodes, numbers, strict=True)
    )
    return graph._replace(nodes=tuple(nodes))


def _layers_of(graph: OnnxGraph) -> tuple[list[int], dict[int, str], set[int]]:
    """The number of each node's layer, 0 for none; what a layer is called; and those that are called by a weight."""
    layer = {port.name: 0 for port in graph.inputs if port.name not in graph.constants}  # value -> where it is made
    found: list[int] = []
    named, weighted = {0: ""}, set()
    for node in graph.nodes:
        weight = next((name for name in node.inputs if _is_matrix(graph, name)), None)
        before = {layer[name] for name in node.inputs if name in layer}
        if before and (weight is not None or len(before) > 1):
            number = len(named)
            name = _name(weight) if weight is not None else ""
            named[number] = node.operator if not name or name in graph.constants else name
            if weight is not None:
                weighted.add(number)
        else:
            number = before.pop() if before else -1  # made of constants alone
        found.append(number)
        if number >= 0:
            layer.update({name: number for name in node.outputs if name})
    taken: dict[str, int] = {}  # value -> the layer that takes it first
    for place in reversed(range(len(found))):
        node = graph.nodes[place]
        if found[place] < 0:
            found[place] = next((taken[name] for name in node.outputs if name in taken), 0)
        number = found[place]
        taken.update((name, number) for name in node.inputs)
    return found, named, weighted


def _is_matrix(graph: OnnxGraph, name: str) -> bool:
    array = graph.constants.get(name)
    return array is not None and array.dtype.kind == "f" and array.ndim > 1 and array.size > max(array.shape)


def _name(weight: str) -> str:
    """`conv1` of `conv1.weight`, `conv1_weights` and `conv1.w_0`; "" of a name that an exporter made up, as `onnx::Conv_108`."""
    if is_made_up(weight):
        return ""
    before, dot, _ = weight.rpartition(".")
    name = before if dot else re.sub(r"_?(w|kernel|weights?)(_\d+)?$", "", weight)
    return re.sub(r"\W", "_", name) or "layer"
