"""The order of the layers in a model of symbols, which is Keras's: by how many calls are between a layer and the outputs, the
farthest first; and of those that are as far, as they are met on the way back from the outputs.

Weights, the rows of `summary()` and the groups in a file stand in this order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...graph import Node
from ...structure import is_nested, leaves
from ...tensor import Tensor
from ..layers.base import Layer
from ..layers.symbols import KerasTensor, LayerCall, call_of


def layers_in_order(inputs: list[KerasTensor], outputs: Any) -> list[Layer]:
    """The layers of the model from the symbols `inputs` to those in the structure `outputs`."""
    sources = {symbol.node for symbol in inputs}
    finished, place = _calls_from_the_end(outputs, sources)
    far: dict[Any, int] = {}  # of each layer, or operation between layers: the calls from there to an output
    of_calls: dict[Any, int] = {}
    for call in reversed(finished):
        what = call.layer if isinstance(call, LayerCall) else call
        far[what] = of_calls[call] = max(of_calls.get(call, 0), far.get(what, 0))
        for node in _needs(call):
            before = _call(node, sources)
            of_calls[before] = max(of_calls.get(before, 0), of_calls[call] + 1)
    for symbol in inputs:
        if not symbol.call.inputs and symbol.call.layer not in far:  # nothing is computed from it
            far[symbol.call.layer], place[symbol.call.layer] = 0, -1
    layers = [what for what in far if isinstance(what, Layer)]
    return sorted(layers, key=lambda layer: (-far[layer], place[layer]))


def _call(node: Node, sources: set[Node]) -> Any:
    """What made a node: a call of a layer, or, of arithmetic and of what comes into the model, the node itself."""
    call = call_of(node)
    return node if call is None or (node in sources and call.inputs) else call


def _needs(call: Any) -> list[Node]:
    """The nodes of the symbols that are computed on."""
    if not isinstance(call, LayerCall):
        return [parent for parent in call.inputs if parent.op is not None or call_of(parent) is not None]
    parts = leaves((call.inputs, list(call.options.values())))
    return [part.node for part in parts if isinstance(part, Tensor) and part.symbolic]


def _calls_from_the_end(outputs: Any, sources: set[Node]) -> tuple[list[Any], dict[Any, int]]:
    """All calls, each after those that it needs; and the layers, numbered as they are met first on the way back."""
    finished: dict[Any, None] = {}
    place: dict[Any, int] = {}
    waiting = [(_call(symbol.node, sources), False) for symbol in reversed(_sorted_leaves(outputs))]
    while waiting:
        call, done = waiting.pop()
        if done:
            finished[call] = None
        elif call not in finished:
            place.setdefault(call.layer if isinstance(call, LayerCall) else call, len(place))
            waiting.append((call, True))
            if call not in sources:
                waiting += [(_call(node, sources), False) for node in reversed(_needs(call))]
    return list(finished), place


def _sorted_leaves(structure: Any) -> list[Any]:
    """The leaves, those of dictionaries by their names."""
    if isinstance(structure, Mapping):
        return [leaf for _, part in sorted(structure.items()) for leaf in _sorted_leaves(part)]
    return [leaf for part in structure for leaf in _sorted_leaves(part)] if is_nested(structure) else [structure]
