"""What a node tells of itself without running anything: its work, its memory, what it keeps, where it is.

Read next: `arranging.py`.
"""

from __future__ import annotations

from math import prod

from tinygrad_ml.graph import Node
from tinygrad_ml.ops import OUTPUT


def device_of(node: Node) -> str:
    """Where the output is, if that is worth saying: empty on the CPU, and for symbols."""
    kind = str(node.device)
    return "" if kind in ("cpu", "symbol") else kind


def bytes_of(node: Node) -> int:
    """The memory of the output."""
    return prod(node.shape) * node.dtype.itemsize


def flops_of(node: Node) -> int:
    """The floating-point operations of the forward computation; 0 for a leaf."""
    if node.op is None:
        return 0
    if node.op.flops is None:
        return prod(node.shape)
    return int(node.op.flops(node.shape, *[parent.shape for parent in node.inputs]))


def saved_sources(node: Node) -> list[Node]:
    """The nodes whose outputs a node keeps for the backward pass."""
    if node.plan is None:
        return []
    return [node if place == OUTPUT else node.inputs[place] for place in node.plan.kept]
