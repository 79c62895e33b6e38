"""Finite differences beside gradients: the derivative found by trying, to hold against the computed one.

The central difference (S(x + h·v) - S(x - h·v)) / 2h, computed in float64, is held against v · ∂S/∂x
for one direction v: for a single number v is 1, and for a tensor it is random. S is the sum of the outputs.

Read before: `replay.py`. Read next: `telling.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy

from tinygrad_ml import tensor
from tinygrad_ml.backend import is_float
from tinygrad_ml.errors import TinygradError
from tinygrad_ml.graph import Node
from tinygrad_ml.modes import no_grad
from tinygrad_ml.ops.elementwise import cast
from tinygrad_ml.tensor import Tensor, apply

from .figures import number
from .replay import unwatched
from .words import operation

HOW = (
    "A check compares (S(x + h·v) - S(x - h·v)) / 2h, found by trying, with v · ∂S/∂x, where S is the sum of the outputs. "
    "For a single number v is 1. For a tensor v is one random direction of length 1: what is compared is the slope along "
    "it, and not each element."
)
"""What a reader has to know of the numbers of a check."""

CHECK_STEP = 1e-6
BUDGET = 1e9
"""Floating-point operations that all checks together may cost, some half a second."""
KEPT_IN_FLOAT64 = 4096
"""Values of up to this many elements are cast once, and not for every step."""
PER_OPERATION = 2e4
"""What calling an operation costs besides, in the same unit."""


@dataclass(frozen=True)
class Trial:
    """A direction v for a node, and the slopes found along it: to the one side, and to the other."""

    v: numpy.ndarray
    left: float
    right: float

    def against(self, gradient: float) -> str:
        """The central difference, (left + right) / 2, beside what the gradient says of the same direction."""
        difference = (self.left + self.right) / 2
        along = "along a random v: " if self.v.size > 1 else ""
        if _close(difference, gradient):
            return f"{along}finite difference {number(difference)}, gradient {number(gradient)}: agree"
        if abs(self.left - self.right) > 1e-3 * max(abs(self.left), abs(self.right)) + 1e-6:
            # As at a tie of a maximum: any slope between the two is as good.
            return (
                f"{along}a kink: slope {number(self.left)} to one side, {number(self.right)} to the other, "
                f"gradient {number(gradient)}"
            )
        return f"{along}finite difference {number(difference)}, gradient {number(gradient)}: differ"


def _close(a: float, b: float) -> bool:
    """Whether two slopes are equal, as far as float32 and a step of 1e-6 can tell."""
    return abs(a - b) <= 2e-3 * max(abs(a), abs(b)) + 1e-5


def tried(order: Sequence[Node], outputs: Sequence[Node], values: Mapping[Node, Tensor]) -> dict[Node, Trial]:
    """Difference quotients for the nodes that receive a gradient: leaves first, until the budget is spent.

    values  of all nodes of the graph
    """
    work, behind = 0.0, {}
    for node in reversed(order):
        behind[node] = work
        work += node.flops + PER_OPERATION
    candidates = [node for node in order if node.needs_grad and node not in outputs and values[node].size]
    candidates.sort(key=lambda node: node.op is not None)
    differences, found, spent = _Differences(order, outputs, values), {}, 0.0
    for node in candidates:
        spent += 3 * behind[node]
        if spent > BUDGET:
            break
        v = _direction(node, seed=len(found))
        try:
            found[node] = Trial(v, *differences.along(node, v))
        except TinygradError:
            continue  # the function cannot be computed in float64
    return found


def _direction(node: Node, seed: int) -> numpy.ndarray:
    if max(node.shape, default=1) == 1:
        return numpy.ones(node.shape)
    v = numpy.random.default_rng(seed).standard_normal(node.shape)
    return v / numpy.linalg.norm(v)


class _Differences:
    """Difference quotients of the sum of some outputs, with respect to any node of their graph."""

    def __init__(self, order: Sequence[Node], outputs: Sequence[Node], values: Mapping[Node, Tensor]):
        self.order, self.outputs, self.values = order, outputs, values
        self.position = {node: place for place, node in enumerate(order)}
        self._cast: dict[Node, Tensor] = {}  # small values in float64, which every step takes anew

    def along(self, node: Node, v: numpy.ndarray) -> tuple[float, float]:
        """The slopes along v to either side."""
        with no_grad(), unwatched(), numpy.errstate(all="ignore"):
            x = self._wide(node, {})
            step = CHECK_STEP * max(1.0, float(numpy.abs(x.numpy()).max()))
            along = tensor(step * v, device=x.device)
            below, here, above = (self._sum_at(node, x + along * sign) for sign in (-1, 0, 1))
        return (here - below) / step, (above - here) / step

    def _sum_at(self, node: Node, x: Tensor) -> float:
        """The sum of the outputs with another value for a node. Only what depends on it is computed."""
        moved = {node: x}
        for later in self.order[self.position[node] + 1 :]:
            if any(parent in moved for parent in later.inputs):
                inputs = tuple([self._wide(parent, moved) for parent in later.inputs])
                moved[later] = apply(operation(later), inputs, _wide_params(later))
        return float(sum(self._wide(output, moved).numpy().sum() for output in self.outputs))

    def _wide(self, node: Node, moved: Mapping[Node, Tensor]) -> Tensor:
        """The value of a node, in float64 if it is a float."""
        if node in moved:
            return moved[node]
        value = self._cast.get(node)
        if value is None:
            value = self.values[node]
            if is_float(value.dtype):
                value = value.astype("float64")
            if value.size <= KEPT_IN_FLOAT64:
                self._cast[node] = value
        return value


def _wide_params(node: Node) -> dict:
    # The rounding of a cast to float32 would drown a difference of 1e-6.
    if node.op is cast and is_float(node.params["dtype"]):
        return {**node.params, "dtype": numpy.dtype(numpy.float64)}
    return node.params
