"""Symbols that remember the calls of layers which they came out of: what a functional model is made of."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from ...graph import Node
from ...ops import movement
from ...structure import mapped
from ...tensor import Tensor, apply

if TYPE_CHECKING:
    from .base import Layer

_numbers = itertools.count()


class KerasTensor(Tensor):
    """A symbol that came out of the call of a layer. Its first axis, the batch, stands for any size and is 1."""

    __slots__ = ()

    @property
    def call(self) -> LayerCall:
        """The call that it came out of."""
        return vars(self.node)["call"]


class LayerCall:
    """One call of a layer on symbols: what was given, and what came out. The nodes of what came out know it."""

    def __init__(self, layer: Layer, inputs: tuple, options: dict[str, Any]):
        self.layer, self.inputs, self.options = layer, inputs, options
        self.number = next(_numbers)

    def returned(self, output: Any) -> Any:
        """`output` with its tensors as symbols that remember this call."""
        self.output = mapped(self._remember, output)
        self.layer._calls.append(self)
        return self.output

    def _remember(self, tensor: Tensor) -> KerasTensor:
        if call_of(tensor.node) is not None:  # handed on as it was; yet it is another symbol now
            tensor = apply(movement.reshape, (tensor,), {"shape": tensor.shape})
        made = KerasTensor(tensor._data, tensor.node, tensor._needs)
        vars(made.node)["call"] = self
        return made


def call_of(node: Node) -> LayerCall | None:
    """The call of a layer that made this node its output."""
    return vars(node).get("call")


def symbols_behind(tensor: Any) -> list[Node]:
    """The outputs of recorded calls that a symbol is, or was computed from by arithmetic."""
    if not isinstance(tensor, Tensor) or not tensor.symbolic:
        return []
    found, waiting = [], [tensor.node]
    for node in waiting:
        if call_of(node) is not None:
            found.append(node)
        else:
            waiting += [parent for parent in node.inputs if parent not in waiting]
    return found
