"""The picture of an operation that failed: what ran until then, and where it stopped.

Read before: `reading.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from tinygrad_ml.errors import DTypeError
from tinygrad_ml.graph import Node
from tinygrad_ml.ops import Primitive

from .model import Drawing, Edge, Item


class Failure(NamedTuple):
    """An operation that raised an error, the nodes of its inputs, and the message."""

    operation: Primitive
    inputs: list[Node]
    message: str


def failure_in(error: BaseException) -> Failure:
    """The failed operation that an error tells of: this error, or one that it came from.

    Raises `DTypeError` if none of them was raised by an operation.
    """
    seen, current = [], error
    while current is not None and current not in seen:
        if hasattr(current, "operation"):
            return Failure(current.operation, [tensor.node for tensor in current.inputs], str(current))
        seen.append(current)
        current = current.__cause__ or current.__context__
    raise DTypeError(
        f"this {type(error).__name__} was not raised by an operation on tensors, so there is no graph to draw: {error}"
    )


def add_failure(drawing: Drawing, failure: Failure, places: list[str | None]) -> None:
    """Add the operation that failed, with an arrow from each of its inputs."""
    op = failure.operation
    drawing.of = f"the failed {op.name}"
    drawing.items.append(Item("failed", "failed", op.name, equation=op.formula, note=failure.message, alarm=True))
    for number, (node, place) in enumerate(zip(failure.inputs, places, strict=True)):
        if place is not None:
            drawing.edges.append(Edge(f"f{number}", place, "failed", "failed", node.shape))
