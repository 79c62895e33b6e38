"""The config of a model of symbols, as Keras writes it: layers with their calls, and operations between them.

    {"layers": [{"class_name": "Dense", "config": ..., "name": "dense", "inbound_nodes": [{"args": [...], "kwargs": {}}]}, ...],
     "input_layers": ["x", 0, 0], "output_layers": ["dense", 0, 0]}

A symbol is written by where it comes from: [name of the layer, number of its call, number among the outputs].

Read before: `operations.py`. Read next: `functional.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from ...backend import absent
from ...errors import CheckpointError, OptionError
from ...graph import Node
from ...ops import PRIMITIVES
from ...structure import leaves, mapped
from ...tensor import Tensor
from ..layers.input import InputLayer
from ..layers.symbols import UNKNOWN, KerasTensor, LayerCall, partial_shape
from ..naming import snake_case
from ..ops.calls import Operation
from ..serialization import deserialize, serialize
from .operations import entry_of_call, entry_of_node, is_operation, repeat

_TENSOR = "__keras_tensor__"


class _ConfigWriter:
    """Writes down the entries of layers and operations, in the order in which they are met."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Any]] = {}
        self.places: dict[Node, list[Any]] = {}

    def layer(self, layer: Any) -> None:
        """An entry for a layer, without its calls."""
        self.entries[layer.name] = {**serialize(layer), "name": layer.name, "inbound_nodes": []}

    def call(self, call: LayerCall) -> None:
        """A call of a layer that has an entry; of an operation, which has one for each call."""
        if isinstance(call.layer, Operation):
            name = call.layer.name if call.layer.name not in self.entries else self.free(call.layer.name)
            entry, arguments = entry_of_call(call, name, self.written)
            self.entries[name] = {**entry, "name": name, "inbound_nodes": [{"args": arguments, "kwargs": {}}]}
            for i, symbol in enumerate(leaves(call.output)):
                self.places.setdefault(symbol.node, [name, 0, i])
            return
        nodes = self.entries[call.layer.name]["inbound_nodes"]
        for i, symbol in enumerate(leaves(call.output)):
            self.places.setdefault(symbol.node, [call.layer.name, len(nodes), i])
        if call.inputs:
            nodes.append({"args": self.written(list(call.inputs)), "kwargs": self.written(call.options)})

    def source(self, symbol: KerasTensor) -> None:
        """An entry for an input of the model; where that is the output of a layer, an `Input` takes its place."""
        layer = symbol.call.layer
        if symbol.call.inputs:
            name = self.free(f"{layer.name}_input")
            layer = InputLayer(partial_shape(symbol)[1:], dtype=str(symbol.dtype), name=name)
        self.layer(layer)
        self.places[symbol.node] = [layer.name, 0, 0]

    def free(self, name: str) -> str:
        """A name that no entry has, which begins with this."""
        name = snake_case(name)
        return next(
            one for i in itertools.count() if (one := f"{name}_{i}" if i else name) not in (*self.entries, *self.taken)
        )

    taken: tuple[str, ...] = ()  # names of layers whose entries are to come

    def place(self, symbol: Tensor) -> list[Any]:
        """Where a symbol comes from; of arithmetic an entry is made for it."""
        return self._of(symbol.node)["config"]["keras_history"]

    def written(self, structure: Any) -> Any:
        """What a layer is called with."""
        return mapped(
            lambda thing: self._of(thing.node) if isinstance(thing, Tensor) and thing.symbolic else serialize(thing),
            structure,
        )

    def _of(self, node: Node) -> Any:
        if node not in self.places:
            if node.op is None and not absent(node.value):
                held = node.tensor()
                value = Tensor(node.value) if held is None else held
                return serialize(value) if value.ndim else value.item()
            if node.op is None or PRIMITIVES.get(node.op.name) is not node.op:
                what = node.op.name if node.op else "a symbol"
                raise OptionError(f"{what} between layers cannot be saved: put it into a Layer")
            entry, arguments = entry_of_node(node, self.free, [self._of(parent) for parent in node.inputs])
            name = entry["config"]["name"]
            self.entries[name] = {**entry, "name": name, "inbound_nodes": [{"args": arguments, "kwargs": {}}]}
            self.places[node] = [name, 0, 0]
        known = vars(node).get("shape_known") or (None, *(None if n == UNKNOWN else n for n in node.shape[1:]))
        history = {"shape": list(known), "dtype": str(node.dtype), "keras_history": self.places[node]}
        return {"class_name": _TENSOR, "config": history}


def graph_config(model: Any) -> dict[str, Any]:
    """The layers, calls, inputs and outputs of a model of symbols."""
    write = _ConfigWriter()
    write.taken = tuple(layer.name for layer in model._layers)
    for symbol in model.inputs:
        write.source(symbol)
    for call in model.calls:
        if call.layer.name not in write.entries and not isinstance(call.layer, Operation):
            write.layer(call.layer)
        write.call(call)
    ends = {
        "input_layers": mapped(write.place, model.input_structure),
        "output_layers": mapped(write.place, model.output_structure),
    }
    return {"layers": list(write.entries.values()), **ends}


class _ConfigReader:
    """Makes the layers of a config, and calls them."""

    def __init__(self, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None):
        self.custom_objects = custom_objects
        entries = map(_with_module, config["layers"])
        self.entries = {str(entry.get("name") or entry["config"]["name"]): entry for entry in entries}
        self.made: dict[tuple[str, int], list[Any]] = {}
        self.layers: dict[str, Any] = {}
        for name, entry in self.entries.items():
            if not is_operation(entry):
                layer = self.layers[name] = deserialize(entry, custom_objects)
                if isinstance(layer, InputLayer):
                    self.made[name, 0] = [layer.make()]
        self._call_all()

    def _call_all(self) -> None:
        """All calls, each as soon as there is what it needs."""
        waiting = {name: list(entry.get("inbound_nodes") or ()) for name, entry in self.entries.items()}
        done = dict.fromkeys(waiting, 0)
        while any(done[name] < len(nodes) for name, nodes in waiting.items()):
            before = dict(done)
            for name, nodes in waiting.items():
                while done[name] < len(nodes) and self._is_ready(nodes[done[name]]):
                    self._call(name, done[name], nodes[done[name]])
                    done[name] += 1
            if done == before:
                left = ", ".join(name for name, nodes in waiting.items() if done[name] < len(nodes))
                raise CheckpointError(f"the config of the model is damaged: {left} need what no layer gives")

    def _is_ready(self, node: Any) -> bool:
        return all(place in self.made for place in _places(node))

    def _call(self, name: str, number: int, node: Any) -> None:
        args, kwargs = _arguments(node)
        args, kwargs = self.read(args), self.read(kwargs)
        kwargs = {key: value for key, value in kwargs.items() if value is not None or key not in ("training", "mask")}
        entry = self.entries[name]
        output = repeat(entry, args, kwargs) if is_operation(entry) else self.layers[name](*args, **kwargs)
        self.made[name, number] = leaves(output)

    def read(self, thing: Any) -> Any:
        """What a layer is called with."""
        if isinstance(thing, Mapping):
            if thing.get("class_name") == _TENSOR:
                return self.symbol(thing["config"]["keras_history"])
            if "class_name" in thing:
                return deserialize(thing, self.custom_objects)
            return {key: self.read(part) for key, part in thing.items()}
        return [self.read(part) for part in thing] if isinstance(thing, (list, tuple)) else thing

    def symbol(self, place: Any) -> Any:
        """The symbol that comes from there."""
        name, number, i = place[:3]
        if (name, number) not in self.made or not 0 <= i < len(self.made[name, number]):
            raise CheckpointError(f"the config of the model is damaged: nothing comes from {place[:3]}")
        return self.made[name, number][i]

    def ends(self, places: Any) -> Any:
        """Symbols, nested as their places are."""
        if isinstance(places, Mapping):
            return {key: self.ends(part) for key, part in places.items()}
        return self.symbol(places) if _is_place(places) else [self.ends(part) for part in places]


def read_graph(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> tuple[Any, Any]:
    """The symbols of the inputs and the outputs of the model whose `graph_config` this is.

    Raises `CheckpointError` for configs that make no sense.
    """
    try:
        read = _ConfigReader(config, custom_objects)
        return read.ends(config["input_layers"]), read.ends(config["output_layers"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"the config of the model is damaged, or of another kind: {error!r}") from error


def _with_module(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """An entry that says where its class is: in HDF5 Keras leaves that out, of operations, too, which have not what layers have."""
    known = entry.get("module") is not None or entry["class_name"] == "InputLayer" or "trainable" in entry["config"]
    return entry if known or "layers" in entry["config"] else {**entry, "module": "keras.src.ops.numpy"}


def _is_place(thing: Any) -> bool:
    return (
        isinstance(thing, (list, tuple))
        and len(thing) in (3, 4)
        and isinstance(thing[0], str)
        and isinstance(thing[1], int)
    )


def _arguments(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """What a call is written to be called with: as Keras 3 has it, or as Keras 2, a list of places with options behind."""
    if isinstance(node, Mapping):
        return list(node["args"]), dict(node.get("kwargs") or {})
    symbols = [{"class_name": _TENSOR, "config": {"keras_history": place[:3]}} for place in node]
    options = dict(node[0][3]) if node and len(node[0]) > 3 else {}
    return [symbols[0] if len(symbols) == 1 else symbols], options


def _places(node: Any) -> Iterator[tuple[str, int]]:
    """(name, number) of the calls whose outputs a call needs."""
    waiting: list[Any] = [list(_arguments(node))]
    for thing in waiting:
        if isinstance(thing, Mapping):
            if thing.get("class_name") == _TENSOR:
                name, number = thing["config"]["keras_history"][:2]
                yield name, number
            else:
                waiting += thing.values()
        elif isinstance(thing, (list, tuple)):
            waiting += thing
