"""Elementwise operators as they were before shapes broadcast from the right: the shape of b is laid beside the axes of a from `axis` on.

And a hint of those days that no result depends on, `consumed_inputs`, which memory might be written over.

Read next: `movement.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import functional as tg
from ...tensor import Tensor
from ..table import TABLE, operator
from .elementwise import clip_by_attributes, divide, power

BESIDE = {
    "Add": (tg.add, 1, 6),
    "Sub": (tg.subtract, 1, 6),
    "Mul": (tg.multiply, 1, 6),
    "Div": (divide, 1, 6),
    "Pow": (power, 1),
    "Equal": (tg.equal, 1),
    "Greater": (tg.greater, 1),
    "Less": (tg.less, 1),
    "And": (tg.logical_and, 1),
    "Or": (tg.logical_or, 1),
    "Xor": (tg.logical_xor, 1),
}


def beside(function: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The row of a function of two tensors, of which the second is laid beside some axes of the first."""

    def row(
        a: Tensor, b: Tensor, *, axis: int | None = None, broadcast: int = 0, consumed_inputs: Any = None
    ) -> Tensor:
        if broadcast and axis is not None and b.ndim:
            b = b.reshape((*b.shape, *(1,) * (a.ndim - axis % a.ndim - b.ndim)))
        return function(a, b)

    return row


def without_hint(function: Callable) -> Callable:
    """The row of an operator of one tensor that has `consumed_inputs` too."""

    def row(x: Tensor, *, consumed_inputs: Any = None) -> Tensor:
        return function(x)

    return row


for _name, (_function, *_versions) in BESIDE.items():
    operator(_name, _versions)(beside(_function))
for _name in ("Abs", "Neg", "Reciprocal", "Exp", "Log", "Sqrt", "Floor", "Ceil"):
    operator(_name, (1,))(without_hint(TABLE["", _name, 6].function))


def many_of_one_shape(function: Callable) -> Callable:
    """The row of an operator of any number of tensors that has `consumed_inputs` too."""

    def row(*xs: Tensor, consumed_inputs: Any = None) -> Tensor:
        return function(*xs)

    return row


for _name in ("Max", "Min", "Sum", "Mean"):
    operator(_name, (1, 6))(many_of_one_shape(TABLE["", _name, 8].function))


@operator("Clip", (1,))
def clip(x: Tensor, *, min: float | None = None, max: float | None = None, consumed_inputs: Any = None) -> Tensor:
    return clip_by_attributes(x, min=min, max=max)
