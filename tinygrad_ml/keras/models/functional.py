"""Models made of calls on symbols: the graph of layers is what was recorded when they were called.

Read before: `../layers/base.py`, where calls are recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...backend import absent
from ...errors import OptionError
from ...graph import Node
from ...nn import Module
from ...tensor import Tensor, apply
from ..layers.base import Layer, phase
from ..layers.input import InputLayer
from ..layers.symbols import Call, call_of, symbols_behind
from ..serialization import deserialize, serialize
from ..structure import flatten, map_structure, pack_like
from .model import Model, as_inputs


class Functional(Model):
    """The model from symbols `inputs` to symbols `outputs`; both may be lists or dictionaries of several.

    Branches, layers that are called several times (they share their weights), and models among the layers all
    follow from it being a record of calls. Arithmetic between symbols (`a + b`) is repeated, too.

    Raises `OptionError` if `outputs` were not computed from `inputs`.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True):
        Layer.__init__(self, name=name or None)
        self._start(inputs, outputs)
        if not trainable:
            self.trainable = False

    def _start(self, inputs: Any, outputs: Any) -> None:
        self.input_structure, self.output_structure = inputs, outputs
        self.inputs, self.outputs = flatten(inputs), flatten(outputs)
        for tensor in (*self.inputs, *self.outputs):
            if not isinstance(tensor, Tensor) or not tensor.symbolic:
                raise OptionError(f"Model(inputs, outputs) takes symbols, made by Input and layers, and not {tensor!r}")
        self.calls = _calls_between(self.inputs, self.outputs)
        layers = [tensor.call.layer for tensor in self.inputs if not tensor.call.inputs]
        self._layers = list(dict.fromkeys([*layers, *(call.layer for call in self.calls)]))
        names = [layer.name for layer in self._layers]
        for name in names:
            if names.count(name) > 1:
                raise OptionError(f"two layers have the name {name!r}: give one of them another name=")
        for layer in self._layers:
            self._adopt(layer.name, layer)
        self.input_names = [
            key if isinstance(inputs, Mapping) else tensor.call.layer.name
            for key, tensor in zip(inputs if isinstance(inputs, Mapping) else self.inputs, self.inputs, strict=True)
        ]
        self.output_names = list(outputs) if isinstance(outputs, Mapping) else _names(self.outputs)
        self.built = True

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((layer.name, layer) for layer in self._layers)

    def call(self, inputs):
        given = as_inputs(inputs, self.inputs, self.input_names)
        known = {symbol.node: tensor for symbol, tensor in zip(self.inputs, given, strict=True)}
        for call in self.calls:
            arguments = map_structure(lambda tensor: _value(tensor, known), call.inputs)
            options = map_structure(lambda tensor: _value(tensor, known), call.options)
            output = call.layer(*arguments, **({"training": phase.training} | options))
            for symbol, tensor in zip(flatten(call.output), flatten(output), strict=True):
                known[symbol.node] = tensor
        return pack_like(self.output_structure, [_value(symbol, known) for symbol in self.outputs])

    @property
    def input(self) -> Any:
        """The symbols that it is a function of."""
        return self.input_structure

    @property
    def output(self) -> Any:
        """The symbols that it computes."""
        return self.output_structure

    # -- saving ----------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        place = {}  # of each symbol: (the number of its call, its number among the outputs)
        calls = [tensor.call for tensor in self.inputs] + self.calls
        for number, call in enumerate(calls):
            for i, symbol in enumerate(flatten(call.output)):
                place[symbol.node] = [number, i]

        def written(thing: Any) -> Any:
            if isinstance(thing, Tensor):
                if thing.node not in place:
                    raise OptionError(
                        "arithmetic between symbols cannot be saved: put it into a Layer, or use Add and the like"
                    )
                return {"symbol": place[thing.node]}
            return serialize(thing)

        return {
            "name": self.name,
            "layers": [serialize(layer) for layer in self._layers],
            "calls": [
                {
                    "layer": self._layers.index(call.layer),
                    "inputs": map_structure(written, list(call.inputs)),
                    "options": map_structure(written, call.options),
                }
                for call in calls
            ],
            "inputs": map_structure(written, self.input_structure),
            "outputs": map_structure(written, self.output_structure),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Functional:
        layers = [deserialize(layer) for layer in config["layers"]]
        made: list[list] = []

        def read(thing: Any) -> Any:
            if isinstance(thing, Mapping):
                if set(thing) == {"symbol"}:
                    number, i = thing["symbol"]
                    return made[number][i]
                return {key: read(part) for key, part in thing.items()}
            if isinstance(thing, (list, tuple)):
                return type(thing)(read(part) for part in thing)
            return thing

        for call in config["calls"]:
            layer = layers[call["layer"]]
            if isinstance(layer, InputLayer):
                made.append([layer.make()])
            else:
                made.append(flatten(layer(*read(call["inputs"]), **read(call["options"]))))
        return cls(read(config["inputs"]), read(config["outputs"]), name=config["name"])


def _names(outputs: list) -> list[str]:
    """The names of the layers that outputs come from, numbered where one makes several."""
    names = [call.layer.name if (call := call_of(output.node)) else "output" for output in outputs]
    before = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name}_{count}" if count else name for name, count in zip(names, before, strict=True)]


def _calls_between(inputs: list, outputs: list) -> list[Call]:
    """The calls that lead from inputs to outputs, each behind those that it needs."""
    given = {tensor.node for tensor in inputs}
    calls: dict[Call, None] = {}
    waiting = list(outputs)
    for tensor in waiting:
        for node in symbols_behind(tensor):
            call = call_of(node)
            if node in given or call in calls:
                continue
            if not call.inputs:
                raise OptionError(
                    f"the outputs need input {call.layer.name!r}, which is not among the inputs of the model"
                )
            calls[call] = None
            waiting += flatten((call.inputs, list(call.options.values())))
    return sorted(calls, key=lambda call: call.number)


def _value(thing: Any, known: Mapping[Node, Tensor]) -> Any:
    """The tensor that a symbol stands for in this run; anything else as it is."""
    if not isinstance(thing, Tensor) or not thing.symbolic:
        return thing
    return _computed(thing.node, known)


def _computed(node: Node, known: Mapping[Node, Tensor]) -> Tensor:
    """The tensor of a node: that of a layer's output, or the arithmetic between such, done again."""
    if node in known:
        return known[node]
    if node.op is None and not absent(node.value):
        return node.tensor() or Tensor(node.value)  # a number, or a weight, that stands in the arithmetic
    if node.op is None or "shape" in node.params:
        raise OptionError(
            "a model repeats elementwise arithmetic, products and reductions between its layers; put anything else that "
            "is done to symbols into a Lambda layer"
        )
    return apply(node.op, tuple(_computed(parent, known) for parent in node.inputs), node.params)
