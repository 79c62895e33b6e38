"""The picture of a computation that raised an error: what ran until then, and where it stopped.

Read before: `reading.py`.
"""

from __future__ import annotations

import inspect
from types import FrameType
from typing import NamedTuple

from tinygrad_ml.errors import DTypeError, TinygradError
from tinygrad_ml.graph import Node
from tinygrad_ml.ops import Primitive
from tinygrad_ml.tensor import Tensor

from .model import Drawing, Edge, Item

FAILED = "failed"
"""The id of the box of what failed."""


class Failure(NamedTuple):
    """What failed, with its formula if it is an operation, the nodes of its inputs, and the message."""

    name: str
    formula: str
    inputs: list[Node]
    message: str


def failure_in(error: BaseException) -> Failure:
    """The failed operation that an error tells of, or the innermost function of tensors that was running.

    Raises `DTypeError` if there were no tensors where it was raised.
    """
    current, seen = error, []
    while current is not None and current not in seen:
        if isinstance(current, TinygradError) and current.operation is not None:
            nodes = [tensor.node for tensor in current.inputs]
            return Failure(current.operation.name, current.operation.formula, nodes, str(current))
        seen.append(current)
        current = current.__cause__ or current.__context__
    trace, frames = error.__traceback__, []
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    for frame in reversed(frames):
        tensors, op = _tensors_given_to(frame), frame.f_locals.get("op")
        if isinstance(op, Primitive):  # what stopped is the engine, at work on this operation
            return Failure(
                op.name, op.formula, [tensor.node for tensor in frame.f_locals.get("inputs", tensors)], str(error)
            )
        if tensors:
            return Failure(frame.f_code.co_name.strip("_"), "", [tensor.node for tensor in tensors], str(error))
    raise DTypeError(
        f"this {type(error).__name__} was not raised by a computation on tensors, so there is no graph to draw: {error}"
    )


def _tensors_given_to(frame: FrameType) -> list[Tensor]:
    """The tensors among the arguments of a running function."""
    found = []
    given = inspect.getargvalues(frame)
    for name in (*given.args, *filter(None, [given.varargs])):
        value = given.locals.get(name)
        parts = value if isinstance(value, (tuple, list)) else [value]
        found.extend(part for part in parts if isinstance(part, Tensor))
    return found


def add_failure(drawing: Drawing, failure: Failure, places: list[str | None]) -> None:
    """Add the operation that failed, with an arrow from each of its inputs."""
    drawing.of = f"the failed {failure.name}"
    message = failure.message or "no message"
    drawing.items.append(Item(FAILED, "failed", failure.name, equation=failure.formula, note=message, alarm=True))
    for number, (node, place) in enumerate(zip(failure.inputs, places, strict=True)):
        if place is not None:
            drawing.edges.append(Edge(f"f{number}", place, FAILED, "failed", node.shape))
