"""Local derivatives as numbers: the Jacobian of a single operation, by the engine's own rule.

Read before: `replay.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from tinygrad_ml.derivatives import jacobian
from tinygrad_ml.errors import TinygradError
from tinygrad_ml.graph import Node
from tinygrad_ml.tensor import Tensor, apply

from .replay import unwatched
from .words import operation


def local_jacobian(node: Node, position: int, inputs: Sequence[Tensor]) -> numpy.ndarray | None:
    """∂y/∂x for one input x of an operation y = f(x, ...), as a matrix (elements of y, elements of x).

    inputs  what the operation took
    None if the operation has no derivative there.
    """
    op = operation(node)
    if not op.gradient or not node.inputs[position].needs_grad:
        return None

    def f(x: Tensor) -> Tensor:
        return apply(op, (*inputs[:position], x, *inputs[position + 1 :]), node.params)

    try:
        with unwatched():
            found = jacobian(f, inputs[position]).numpy()
    except TinygradError:
        return None
    return found.reshape(-1, inputs[position].size)
