"""The layer, Keras's kind of module: it makes its weights when it first sees an input, and can be called on symbols.

A layer is an `nn.Module` whose parameters Keras calls weights. Called on tensors, it computes. Called on what
`Input` returns, it computes shapes only, and the call is remembered, so that `Model(inputs, outputs)` can repeat it.

Read next: `core.py`; `symbols.py` and `input.py` for the calls that are remembered, and `../models/functional.py` for what
becomes of them.
"""

from __future__ import annotations

import inspect
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT, dtypes
from ...errors import OptionError, ShapeError
from ...functional import symbol
from ...nn import Module
from ...nn.parameter import Parameter
from ...tensor import Tensor, as_tensor
from .. import constraints, initializers, regularizers
from ..naming import unique_name
from ..serialization import Configurable
from ..structure import flatten, map_structure
from .symbols import Call, symbols_behind

Shape = tuple[int | None, ...]


class _Phase(threading.local):
    training = False  # whether what runs now is training, for the layers that were not told themselves
    inside = False  # whether a layer is running: its own calls of other layers are not to be recorded


phase = _Phase()


class Layer(Configurable, Module):
    """The base of layers. A subclass makes its weights in `build(input_shape)` and computes in `call(inputs)`.

    name                  by default after the class: dense, dense_1, ...
    trainable             False freezes its weights
    dtype                 float32; others are not offered
    activity_regularizer  a penalty on the output, divided by the size of the batch
    input_shape           the shape of an input without the batch, for the first layer of a `Sequential`;
                          `input_dim` is the same for a single axis
    """

    def __init__(
        self,
        *,
        activity_regularizer=None,
        trainable: bool = True,
        dtype: Any = None,
        name: str | None = None,
        input_shape: tuple[int, ...] | None = None,
        input_dim: int | None = None,
        batch_input_shape: tuple[int | None, ...] | None = None,
        **unknown: Any,
    ):
        if unknown:
            raise OptionError(f"{type(self).__name__} has no option {', '.join(f'{option}=' for option in unknown)}")
        if dtype not in (None, "float32") and dtypes.as_dtype(dtype) != DEFAULT_FLOAT:
            raise OptionError(f"{type(self).__name__}: layers compute in float32, and not in {dtype}")
        if batch_input_shape is not None:
            input_shape = tuple(batch_input_shape)[1:]
        if input_dim is not None:
            input_shape = (input_dim,)
        self.given_input_shape = None if input_shape is None else tuple(input_shape)
        self.name = unique_name(type(self)) if name is None else name
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._trainable = trainable

    built = False
    _calls: list[Call]
    _takes_training: bool | None = None
    _regularized: tuple = ()  # (regularizer, weight)
    _constrained: tuple = ()  # (constraint, weight)
    _added_losses: tuple = ()

    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls, *args, **kwargs)
        object.__setattr__(made, "_calls", [])
        return made

    # -- what a subclass says --------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of this shape, whose first entry, the batch, is None."""

    def call(self, inputs: Any) -> Any:
        """What the layer computes. It may take `training=`."""
        raise NotImplementedError(f"{type(self).__name__} is a layer without call(): define call(self, inputs)")

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for an input of this shape; the batch is None."""
        tensors = map_shapes(lambda shape: symbol((1, *shape[1:])), input_shape)
        if not self.built:
            self._build(tensors)
        return shapes_of(Module.__call__(self, tensors))

    def add_weight(
        self,
        shape: tuple[int, ...] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Tensor:
        """A new weight: a parameter if it is to be trained, else state. Assign it to an attribute in `build`.

        initializer  by name or as an object; by default glorot_uniform, or zeros for state
        """
        initializer = initializers.get(initializer or ("glorot_uniform" if trainable else "zeros"))
        made = initializer(() if shape is None else tuple(shape), dtype=dtype)
        if not trainable:
            free = next(f"state_{i}" for i in itertools.count() if f"state_{i}" not in self._buffers)
            self.register_buffer(free if name is None else name, made)
            return vars(self)[free if name is None else name]
        weight = Parameter(made, requires_grad=self._trainable)
        if regularizer is not None:
            self._regularized = (*self._regularized, (regularizers.get(regularizer), weight))
        if constraint is not None:
            self._constrained = (*self._constrained, (constraints.get(constraint), weight))
        if name is not None and name not in vars(self) and not hasattr(type(self), name):
            setattr(self, name, weight)
        return weight

    def add_loss(self, loss: Tensor) -> None:
        """A penalty of this call, to be added to the loss."""
        self._added_losses = (*self._added_losses, loss)

    # -- being called ----------------------------------------------------------------------------------

    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any:
        """Compute; or, on symbols, remember the call.

        training  whether layers such as dropout act as in training; by default as the call around this one, or False
        """
        inputs = map_structure(_as_input, inputs)
        outer = phase.training, phase.inside
        phase.training = now = outer[0] if training is None else bool(training)
        phase.inside = True
        if self._takes_training is None:
            self._takes_training = "training" in inspect.signature(self.call).parameters
        try:
            if not self.built:
                self._build(*inputs)
            output = super().__call__(*inputs, **(options | {"training": now} if self._takes_training else options))
        finally:
            phase.training, phase.inside = outer
        if self.activity_regularizer is not None:
            for tensor in flatten(output):
                self.add_loss(self.activity_regularizer(tensor) / tensor.shape[0])
        if not phase.inside and any(map(symbols_behind, flatten((inputs, list(options.values()))))):
            recorded = options if training is None else options | {"training": training}
            return Call(self, inputs, recorded).returned(output)
        return output

    def forward(self, *inputs: Any, **options: Any) -> Any:
        return self.call(*inputs, **options)

    def _build(self, *inputs: Any) -> None:
        """Make the weights, from the first input that the layer sees."""
        self.build(shapes_of(inputs[0] if inputs else None))
        self.built = True

    # -- parts -----------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            for number, part in enumerate(value):
                if isinstance(part, Module):
                    self._adopt(f"{name}.{number}", part)
        if isinstance(value, Parameter) and vars(self).get(name) is value:
            return
        super().__setattr__(name, value)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules among the attributes, those in lists included."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, (list, tuple)):
                for number, part in enumerate(value):
                    if isinstance(part, Module):
                        yield f"{name}.{number}", part

    def _sublayers(self) -> list[Module]:
        return list(dict.fromkeys(self.children()))

    # -- weights ---------------------------------------------------------------------------------------

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets it for all layers inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for _, parameter in self._own_parameters():
            parameter.requires_grad = self._trainable
        for layer in self._sublayers():
            if isinstance(layer, Layer):
                layer.trainable = value
            else:
                layer.requires_grad_(self._trainable)

    @property
    def weights(self) -> list[Tensor]:
        """All weights in Keras's order: a layer's parameters, its state, and then those of the layers inside."""
        own = [parameter for _, parameter in self._own_parameters()] + [
            buffer for name, buffer in self._own_buffers() if self._buffers[name]
        ]
        for layer in self._sublayers():
            own += layer.weights if isinstance(layer, Layer) else [*layer.parameters(), *layer.buffers()]
        return list(dict.fromkeys(own))

    variables = weights

    @property
    def trainable_weights(self) -> list[Tensor]:
        """The weights that training changes."""
        return [weight for weight in self.weights if weight.requires_grad]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Tensor]:
        """The weights that training does not change: those that are frozen, and state such as moving means."""
        return [weight for weight in self.weights if not weight.requires_grad]

    non_trainable_variables = non_trainable_weights

    def get_weights(self) -> list[numpy.ndarray]:
        """The numbers of all weights, as NumPy arrays in the order of `weights`."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: list) -> None:
        """Overwrite all weights by arrays in the order of `weights`. Raises `ShapeError`, before anything is changed."""
        own = self.weights
        given = [as_tensor(weight) for weight in weights]
        wanted = [weight.shape for weight in own]
        if [weight.shape for weight in given] != wanted:
            raise ShapeError(
                f"set_weights of layer {self.name!r} needs arrays of shapes {wanted}, but got "
                f"{[weight.shape for weight in given]}" + ("" if self.built else ". It has not been built yet: call it")
            )
        for weight, new in zip(own, given, strict=True):
            weight.assign(new.to(weight.device))

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        return sum(weight.size for weight in self.weights)

    @property
    def losses(self) -> list[Tensor]:
        """The penalties on weights, and those of the last call on outputs."""
        own = [regularizer(weight) for regularizer, weight in self._regularized if weight.requires_grad]
        return (
            own
            + list(self._added_losses)
            + [loss for layer in self._sublayers() if isinstance(layer, Layer) for loss in layer.losses]
        )

    def _layers_inside(self) -> Iterator[Layer]:
        """This layer and all inside it."""
        return (module for module in self.modules() if isinstance(module, Layer))

    # -- symbols ---------------------------------------------------------------------------------------

    def _only_call(self) -> Call:
        if len(self._calls) != 1:
            times = "not been called on a symbol" if not self._calls else "been called several times"
            raise OptionError(f"layer {self.name!r} has {times}, so it has no one input and output")
        return self._calls[0]

    @property
    def input(self) -> Any:
        """The symbol that the layer was called on, if that happened once."""
        inputs = self._only_call().inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """The symbol that came out of the layer, if it was called on one once."""
        return self._only_call().output

    @property
    def output_shape(self) -> Any:
        """The shape of `output`; the batch is None."""
        return shapes_of(self.output)

    @property
    def input_shape(self) -> Any:
        """The shape of `input`; the batch is None."""
        return shapes_of(self.input)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "name": self.name}

    def extra_repr(self) -> str:
        return f"name={self.name!r}"


def _as_input(value: Any) -> Any:
    """Arrays become tensors of float32, or stay integers."""
    if isinstance(value, Tensor):
        return value if value.dtype != dtypes.float64 else value.astype(DEFAULT_FLOAT)
    if isinstance(value, (numpy.ndarray, numpy.generic, int, float)) and not isinstance(value, bool):
        made = as_tensor(value)
        return made.astype(DEFAULT_FLOAT) if dtypes.is_float(made.dtype) else made
    return value


def shapes_of(tensors: Any) -> Any:
    """The shapes in a structure of tensors, None standing for the batch."""
    return map_structure(lambda t: (None, *t.shape[1:]) if isinstance(t, Tensor) else None, tensors)


def map_shapes(function: Callable, shapes: Any) -> Any:
    """A structure of shapes (tuples of numbers), with `function` of each shape."""
    if isinstance(shapes, Mapping):
        return {key: map_shapes(function, shape) for key, shape in shapes.items()}
    if all(size is None or isinstance(size, (int, numpy.integer)) for size in shapes):
        return function(tuple(shapes))
    return [map_shapes(function, shape) for shape in shapes]
