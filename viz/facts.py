"""What a node tells of itself without running anything: its memory, and where it is.

Read next: `arranging.py`.
"""

from __future__ import annotations

from math import prod

from tinygrad_ml.graph import Node


def device_of(node: Node) -> str:
    """Where the output is, if that is worth saying: empty on the CPU, and for symbols."""
    kind = str(node.device)
    return "" if kind in ("cpu", "symbol") else kind


def bytes_of(node: Node) -> int:
    """The memory of the output."""
    return prod(node.shape) * node.dtype.itemsize
