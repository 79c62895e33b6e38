"""What a node tells of itself without running anything: its memory, and where it is.

Read next: `arranging.py`.
"""

from __future__ import annotations

from math import prod

from tinygrad_ml.graph import Node
from tinygrad_ml.origins import Origin


def device_of(node: Node) -> str:
    """Where the output is, if that is worth saying: empty on the CPU, and for symbols."""
    kind = str(node.device)
    return "" if kind in ("cpu", "symbol") else kind


def is_made_of_numbers(leaf: Node) -> bool:
    """Whether a leaf was made by the library of nothing that anybody gave, as the gradient 1 that is repeated over a sum."""
    waiting = [leaf.origin] if leaf.op is None and not leaf.needs_grad else []
    for origin in waiting:
        if not isinstance(origin, Origin):
            return False
        waiting += [each for each in origin.inputs if not isinstance(each, Node)]
    return bool(waiting)


def is_mask(leaf: Node) -> bool:
    """Whether a leaf says where something is so, or is made of nothing but that and of single numbers, as what dropout
    multiplies with is."""
    if leaf.op is not None or leaf.needs_grad:
        return False
    return leaf.dtype.kind == "b" or (leaf.origin is not None and _is_made_of_masks(leaf.origin))


def _is_made_of_masks(origin: Origin) -> bool:
    if origin.dtype.kind == "b":
        return True
    parts = [each for each in origin.inputs if not isinstance(each, Node) or each.shape]  # others are single numbers
    return bool(parts) and all(
        _is_made_of_masks(each) if isinstance(each, Origin) else isinstance(each, Node) and each.dtype.kind == "b"
        for each in parts
    )


def bytes_of(node: Node) -> int:
    """The memory of the output."""
    return prod(node.shape) * node.dtype.itemsize
