"""`Sequential`: layers one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ...errors import OptionError, ShapeError
from ...nn import Module
from ...structure import is_nested
from ...tensor import Tensor
from ..absent import NotYetError
from ..layers.base import Layer
from ..layers.input import InputLayer
from ..layers.phase import in_phase, phase
from ..layers.shapes import shapes_of
from ..layers.symbols import KerasTensor, LayerCall, fits, partial_shape
from ..serialization import deserialize, serialize
from .calls import again, kept
from .model import Model, as_inputs


class Sequential(Model):
    """y = fₙ(… f₂(f₁(x))): layers one after the other, which are built as soon as the shape of x is known.

    That is at once if an `Input` comes first or the first layer has `input_shape=` (or `input_dim=`), and
    else when data comes in.

    >>> model = Sequential([Dense(500, activation="relu"), Dense(10, activation="softmax")])
    """

    def __init__(self, layers: Iterable[Layer] | None = None, trainable: bool = True, name: str | None = None):
        Layer.__init__(self, name=name)
        self._layers: list[Layer] = []
        self._start: KerasTensor | None = None  # the symbol of the input
        self._end: KerasTensor | None = None  # and of the output
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes over: the calls are kept without their symbols."""
        calls = [] if self._start is None else [self._start.call, *self._calls_inside()]
        return {**super().__getstate__(), "_start": None, "_end": None, "_arguments": {}, "_kept": kept(calls)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        calls = state.pop("_kept")
        vars(self).update(state)
        if calls:
            made = again(calls).made
            self._start, self._end = made[0][0], made[-1][0]

    def _calls_inside(self) -> list[LayerCall]:
        """The calls that lead from the symbol of the input to that of the output."""
        calls: list[LayerCall] = []
        end: Any = self._end
        while end is not self._start:
            calls.append(end.call)
            end = calls[-1].inputs[0]
        return calls[::-1]

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer at the end. (`rebuild` changes nothing: a model is always up to date.)"""
        if isinstance(layer, KerasTensor) and isinstance(layer.call.layer, InputLayer):
            return self._begin(layer)
        if isinstance(layer, InputLayer):
            return self._begin(layer.make())
        if not isinstance(layer, Layer):
            raise OptionError(
                f"a Sequential is made of layers, and {layer!r} is none; functions go into Lambda(function)"
            )
        if layer in self._layers:
            raise OptionError(f"layer {layer.name!r} is in this model already: to use it twice, call it on symbols")
        if any(layer.name == other.name for other in self._layers):
            raise OptionError(f"there is a layer {layer.name!r} already: give one of them another name=")
        if not self._layers and self._start is None:
            self._begin_as(layer)
        if self._end is not None:
            self._end = layer(self._end)
            if is_nested(self._end):
                raise ShapeError(f"layer {layer.name!r} has several outputs: use Model(inputs, outputs)")
        self._layers.append(layer)
        self._adopt(layer.name, layer)
        self.built = self._end is not None
        return None

    def _begin(self, symbol: KerasTensor) -> None:
        if self._layers or self._start is not None:
            raise OptionError("an Input comes first in a Sequential, and only once")
        self._start = self._end = symbol
        self.built = True

    def _begin_as(self, layer: Any) -> None:
        """Begin with the input shape that the first layer was given, if it was."""
        if layer.given_input_shape is not None:
            self._begin(InputLayer(layer.given_input_shape).make())
        elif (inputs := getattr(layer, "inputs", None)) and isinstance(layer, Model):
            self._begin(InputLayer(partial_shape(inputs[0])[1:], dtype=inputs[0].dtype).make())

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer away again, and return it."""
        if not self._layers:
            raise OptionError("there are no layers in this model")
        layer = self._layers.pop()
        if self._end is not None:
            call = layer._calls.pop()
            self._end = call.inputs[0]
        return layer

    def build(self, input_shape: Any = None) -> None:
        """Make the weights of all layers for inputs of this shape, the batch being None."""
        if input_shape is None:
            return
        if self._start is not None:
            known = partial_shape(self._start)
            if not fits(tuple(input_shape), known):
                raise ShapeError(f"{self.name!r} is built for inputs of shape {known}, and not {tuple(input_shape)}")
            return
        self._start = self._end = InputLayer(tuple(input_shape)[1:]).make()
        for layer in self._layers:
            self._end = layer(self._end)
        self.built = True

    def _build(self, *inputs: Any, **options: Any) -> None:
        shape = shapes_of(inputs[0])
        with in_phase(phase.training, False):  # the calls of its layers are its own record, wherever it is built
            self.build(shape)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((layer.name, layer) for layer in self._layers)

    def call(self, inputs: Any) -> Tensor:
        if self._start is not None:
            (inputs,) = as_inputs(inputs, self._start, ["input"])
        for layer in self._layers:
            inputs = layer(inputs)
        return inputs

    def copied(self, clone: Callable, call: Callable) -> Sequential:
        """A model of the layers that `clone` makes of these; they are joined as ever."""
        start = [] if self._start is None else [InputLayer.from_config(self._start.call.layer.get_config())]
        return Sequential(start + [clone(layer) for layer in self._layers], name=self.name)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbol of the input, in a list. Raises an AttributeError as long as its shape is unknown."""
        return [self._symbol(self._start)]

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbol of the output, in a list, likewise."""
        return [self._symbol(self._end)]

    def _symbol(self, symbol: KerasTensor | None) -> KerasTensor:
        if symbol is None:
            raise NotYetError(f"the shapes in {self.name!r} are unknown before it has seen data: put an Input first")
        return symbol

    @property
    def input(self) -> KerasTensor:
        """The symbol of the input."""
        return self._symbol(self._start)

    @property
    def output(self) -> KerasTensor:
        """The symbol of the output."""
        return self._symbol(self._end)

    @property
    def output_names(self) -> list[str]:
        """The name of the last layer."""
        return [layer.name for layer in self._layers[-1:]]

    def get_config(self) -> dict[str, Any]:
        layers = [serialize(layer) for layer in self._layers]
        config = {"name": self.name, "trainable": self.trainable, "dtype": "float32", "layers": layers}
        if self._start is None:
            return config
        start = self._start.call.layer
        if not isinstance(start, InputLayer):  # the model was begun with a symbol of some layer
            start = InputLayer(partial_shape(self._start)[1:], dtype=str(self._start.dtype))
        return {**config, "layers": [serialize(start), *layers], "build_input_shape": list(partial_shape(self._start))}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
        if "layers" not in config:
            return super().from_config(config, custom_objects)
        model = cls(name=config.get("name"))
        if config.get("input") is not None:  # as files of version 1 of this library have it
            model.add(InputLayer(**config["input"]))
        for layer in config["layers"]:
            model.add(deserialize(layer, custom_objects))
        if not model.built and config.get("build_input_shape"):
            model.build(config["build_input_shape"])
        if not config.get("trainable", True):
            model.trainable = False
        return model
