"""`Gradient` names the values between which it differentiates; here it is given the part of the graph that lies between them.

Read before: `graph.py`. Read next: `operators/learning.py`.
"""

from __future__ import annotations

from .graph import OnnxGraph, OnnxNode, Port


def with_bodies(graph: OnnxGraph) -> OnnxGraph:
    """The graph in which each `Gradient` has an attribute `body`: the graph from its `xs` and `zs` to its `y`."""
    nodes: list[OnnxNode] = []
    for node in graph.nodes:
        if node.operator == "Gradient" and node.domain == "ai.onnx.preview.training" and "body" not in node.attributes:
            node = node._replace(attributes={**node.attributes, "body": _between(nodes, node)})
        nodes.append(node)
    return graph._replace(nodes=tuple(nodes))


def _between(nodes: list[OnnxNode], gradient: OnnxNode) -> OnnxGraph:
    """The nodes on the ways from the independent values to y. What else they need is taken from the graph around."""
    free = [*gradient.attributes["xs"], *gradient.attributes.get("zs", ())]
    y = gradient.attributes["y"]
    depends, ahead = set(free), []
    for node in nodes:
        if depends.intersection(_takes(node)) and not depends.issuperset(node.outputs):
            depends.update(node.outputs)
            ahead.append(node)
    needed, chosen = {y}, []
    for node in reversed(ahead):
        if needed.intersection(node.outputs):
            needed.update(_takes(node))
            chosen.append(node)
    return OnnxGraph(f"to {y}", tuple(map(Port, free)), (Port(y),), tuple(reversed(chosen)), {})


def _takes(node: OnnxNode) -> set[str]:
    """The names of what a node needs, in graphs inside of it too."""
    graphs = [value for value in node.attributes.values() if isinstance(value, OnnxGraph)]
    return {*node.inputs, *(name for graph in graphs for inner in graph.nodes for name in _takes(inner))} - {""}
