"""Models made of calls on symbols: the graph of layers is what was recorded when they were called.

Read before: `../layers/base.py`, where calls are recorded.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...errors import OptionError
from ...graph import Node
from ...nn import Module
from ...structure import is_nested, leaves, mapped, packed_like
from ...tensor import Tensor
from ..arguments import options_of
from ..layers.base import Layer
from ..layers.input import InputLayer
from ..layers.phase import phase
from ..layers.symbols import LayerCall, call_of, computed, symbols_behind
from ..ops.calls import Operation
from ..serialization import deserialize
from .calls import Reader, Writer, again, kept
from .graphs import graph_config, read_graph
from .model import Model, as_inputs
from .order import layers_in_order


class Functional(Model):
    """The model from symbols `inputs` to symbols `outputs`; both may be lists or dictionaries of several.

    Branches, layers that are called several times (they share their weights), and models among the layers all
    follow from it being a record of calls. Arithmetic between symbols (`a + b`) is repeated, too.

    Raises `OptionError` if `outputs` were not computed from `inputs`.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True, **options: Any):
        Layer.__init__(self, name=name or None, **options)
        self._start(inputs, outputs)
        if not trainable:
            self.trainable = False

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes over: the calls are kept without their symbols."""
        calls = self._all_calls()
        write = Writer(calls, plain=lambda value: value)
        ends = write(self.input_structure), write(self.output_structure)
        made_of_symbols = ("inputs", "outputs", "input_structure", "output_structure", "calls", "_arguments")
        state = {name: value for name, value in super().__getstate__().items() if name not in made_of_symbols}
        return state | {"_kept": (kept(calls), *ends)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        calls, inputs, outputs = state.pop("_kept")
        vars(self).update(state, _arguments={})
        read = again(calls)
        self._connect(read(inputs), read(outputs))

    def _all_calls(self) -> list[LayerCall]:
        return list(dict.fromkeys([*(tensor.call for tensor in self.inputs), *self.calls]))

    def _connect(self, inputs: Any, outputs: Any) -> None:
        """Be the function from inputs to outputs."""
        self.input_structure, self.output_structure = inputs, outputs
        self.inputs, self.outputs = leaves(inputs), leaves(outputs)
        for tensor in (*self.inputs, *self.outputs):
            if not isinstance(tensor, Tensor) or not tensor.symbolic:
                raise OptionError(f"Model(inputs, outputs) takes symbols, made by Input and layers, and not {tensor!r}")
        for tensor in self.inputs:
            if call_of(tensor.node) is None:
                raise OptionError("the inputs of a model come out of Input, or of a layer, and not out of arithmetic")
        if len({tensor.node for tensor in self.inputs}) < len(self.inputs):
            raise OptionError("an input stands twice among the inputs of the model: each is given once")
        self.calls = _calls_between(self.inputs, self.outputs)

    def _start(self, inputs: Any, outputs: Any) -> None:
        self._connect(inputs, outputs)
        self._layers = layers_in_order(self.inputs, outputs)
        names = [layer.name for layer in self._layers]
        for name in names:
            if names.count(name) > 1:
                raise OptionError(f"two layers have the name {name!r}: give one of them another name=")
        for layer in self._layers:
            self._adopt(layer.name, layer)
        self.input_names = list(inputs) if _is_flat(inputs) else [tensor.call.layer.name for tensor in self.inputs]
        self.output_names = list(outputs) if _is_flat(outputs) else _names(self.outputs)
        self.built = True

    @property
    def operations(self) -> list[Layer]:
        """The layers, and the functions of `keras.ops` between them."""
        return list(self._layers)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((layer.name, layer) for layer in self._layers)

    @property
    def layers(self) -> list[Layer]:
        """The layers that it is made of, in order; not the operations between them."""
        return [layer for layer in super().layers if not isinstance(layer, Operation)]

    def call(self, inputs: Any) -> Any:
        given = as_inputs(inputs, self.input_structure, self.input_names)
        known = {symbol.node: tensor for symbol, tensor in zip(self.inputs, given, strict=True)}
        for call in self.calls:
            arguments = mapped(lambda tensor: _value(tensor, known), call.inputs)
            options = mapped(lambda tensor: _value(tensor, known), call.options)
            output = call.layer(*arguments, **({"training": phase.training} | options))
            for symbol, tensor in zip(leaves(call.output), leaves(output), strict=True):
                known[symbol.node] = tensor
        return packed_like(self.output_structure, [_value(symbol, known) for symbol in self.outputs])

    def _layers_as_called(self) -> list[Layer]:
        """The inputs, and then the layers in the order in which they were called: that of files of version 1."""
        layers = [tensor.call.layer for tensor in self.inputs if not tensor.call.inputs]
        return list(dict.fromkeys([*layers, *(call.layer for call in self.calls)]))

    def copied(self, clone: Callable, call: Callable) -> Functional:
        """The same calls, as `call(layer, ...)` makes them, of the layers that `clone` makes of these."""
        calls, read = self._all_calls(), Reader()
        write = Writer(calls, plain=lambda value: value)
        layers = {layer: layer if isinstance(layer, InputLayer) else clone(layer) for layer in self._layers}
        for one in calls:
            if isinstance(one.layer, InputLayer):
                again = InputLayer.from_config(one.layer.get_config()).make()
            else:
                again = call(layers[one.layer], *read(write(one.inputs)), **read(write(one.options)))
            read.made.append(leaves(again))
        return Functional(read(write(self.input_structure)), read(write(self.output_structure)), name=self.name)

    @property
    def input(self) -> Any:
        """The symbols that it is a function of."""
        return self.input_structure

    @property
    def output(self) -> Any:
        """The symbols that it computes."""
        return self.output_structure

    def get_config(self) -> dict[str, Any]:
        if not _takes_symbols(type(self)):  # its own constructor makes the symbols
            return super().get_config()
        return {"name": self.name, "trainable": self.trainable, **graph_config(self)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Functional:
        if "input_layers" in config:
            inputs, outputs = read_graph(config, custom_objects)
        elif "calls" in config:
            inputs, outputs = _read_calls(config, custom_objects)
        else:
            return super().from_config(config, custom_objects)
        kind = cls if issubclass(cls, Functional) else Functional
        rest = {name: deserialize(value) for name, value in config.items() if name not in _OF_THE_GRAPH}
        return kind(inputs, outputs, **rest)


_OF_THE_GRAPH = {"layers", "calls", "inputs", "outputs", "input_layers", "output_layers", "dtype"}


def _read_calls(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """The ends of a graph as files of version 1 of this library have it."""
    layers = [deserialize(layer, custom_objects) for layer in config["layers"]]
    read = Reader(plain=deserialize)
    for call in config["calls"]:
        layer = layers[call["layer"]]
        if isinstance(layer, InputLayer):
            read.made.append([layer.make()])
        else:
            read.made.append(leaves(layer(*read(call["inputs"]), **read(call["options"]))))
    return read(config["inputs"]), read(config["outputs"])


Model._functional = Functional


def _takes_symbols(kind: type) -> bool:
    """Whether the constructor of a class takes inputs and outputs, as that of `Functional`, or hands on all that it gets."""
    kinds = {parameter.kind for parameter in inspect.signature(kind.__init__).parameters.values()}
    hands_on = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds
    return hands_on or {"inputs", "outputs"} <= options_of(kind).keys()


def _is_flat(structure: Any) -> bool:
    """Whether it is a dictionary with names of symbols."""
    return isinstance(structure, Mapping) and not any(map(is_nested, structure.values()))


def _names(outputs: list) -> list[str]:
    """The names of the layers that outputs come from, numbered where one makes several."""
    names = [call.layer.name if (call := call_of(output.node)) else "output" for output in outputs]
    before = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name}_{count}" if count else name for name, count in zip(names, before, strict=True)]


def _calls_between(inputs: list, outputs: list) -> list[LayerCall]:
    """The calls that lead from inputs to outputs, each after those that it needs."""
    given = {tensor.node for tensor in inputs}
    calls: dict[LayerCall, None] = {}
    waiting = list(outputs)
    for tensor in waiting:
        for node in symbols_behind(tensor):
            call = call_of(node)
            if call is None or node in given or call in calls:
                continue
            if not call.inputs:
                raise OptionError(
                    f"the outputs need input {call.layer.name!r}, which is not among the inputs of the model"
                )
            calls[call] = None
            waiting += leaves((call.inputs, list(call.options.values())))
    return sorted(calls, key=lambda call: call.number)


def _value(thing: Any, known: Mapping[Node, Tensor]) -> Any:
    """The tensor that a symbol stands for in this run; anything else as it is."""
    if not isinstance(thing, Tensor) or not thing.symbolic:
        return thing
    return computed(thing.node, known)
