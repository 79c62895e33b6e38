"""What a layer holds: its weights, and the layers inside of it.

Keras's names for what an `nn.Module` calls parameters and buffers. Read before: `nn/module.py`; read next: `base.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy

from ...backend import dtypes
from ...errors import OptionError, ShapeError
from ...nn import Module
from ...nn.parameter import Parameter
from ...tensor import Tensor, as_tensor
from .. import constraints, initializers, regularizers
from ..checks import truth
from ..variables import ProgramVariable, Variable, Weight
from .phase import phase

_CONTAINERS = (list, tuple, dict)
_MAY_HOLD = (Module, *_CONTAINERS)


class Weights(Module):
    """The part of a layer that holds its weights.

    Modules are found in attributes, and in lists, tuples and dictionaries of attributes; weights are known from
    `add_weight` on, wherever they are kept.
    """

    _NO_PARTS = frozenset(
        [
            "_arguments",
            "_build_shapes",
            "_compile_arguments",
            "_steps",
            "_calls",
            "_weights_made",
            "_regularized",
            "_added_losses",
            "_buffers",
            "_hooks",
        ]
    )
    """Attributes in which no modules are looked for."""

    name: str
    built = False
    _trainable = True
    _weights_made: tuple[Parameter, ...] = ()
    _regularized: tuple = ()  # (regularizer, weight)

    def _options_of(self, weight: str, initializer: Any, regularizer: Any = None, constraint: Any = None) -> None:
        """Keep what the constructor was told of a weight, as `kernel_initializer` and so on."""
        setattr(self, f"{weight}_initializer", initializers.get(initializer))
        setattr(self, f"{weight}_regularizer", regularizers.get(regularizer))
        setattr(self, f"{weight}_constraint", constraints.get(constraint))

    def _weight(self, name: str, shape: tuple[int, ...], told_of: str | None = None, initializer: Any = None) -> Tensor:
        """A new weight, as `_options_of` was told of it, or of `told_of`. Assign it to an attribute in `build`.

        initializer  another one than that which it was told of
        """
        prefix = told_of or name
        options = (getattr(self, f"{prefix}_{what}") for what in ("initializer", "regularizer", "constraint"))
        told, regularizer, constraint = options
        return self.add_weight(shape, initializer or told, regularizer=regularizer, constraint=constraint, name=name)

    def add_weight(
        self,
        *by_place: Any,
        shape: tuple[int, ...] | int | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Tensor:
        """A new weight: a parameter if it is to be trained, else state. Assign it to an attribute in `build`.

        by_place     shape, initializer and dtype, of which none is then given by name
        initializer  by name or as an object; by default glorot_uniform for floats, and zeros for integers and bools
        autocast, aggregation, overwrite_with_gradient are accepted, and change nothing
        """
        shape, initializer, dtype = _by_place(by_place, shape=shape, initializer=initializer, dtype=dtype)
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if None in shape:
            raise ShapeError(
                f"weight {name or ''} of layer {self.name!r} would have shape {shape}: the size of the input that it depends on "
                "must be known. Give it in Input(shape=...)"
            )
        whole = dtype is not None and not dtypes.is_float(dtypes.as_dtype(dtype))
        made = initializers.get(initializer or ("zeros" if whole else "glorot_uniform"))(shape, dtype=dtype)
        if not trainable or not _is_float(made):
            free = name
            if free is None or free in vars(self) or hasattr(type(self), free):
                free = next(f"state_{i}" for i in itertools.count() if f"state_{i}" not in self._buffers)
            self.register_buffer(free, Variable(made._data))
            return vars(self)[free]
        weight = Weight(made, requires_grad=self._trainable)
        weight.constraint = constraints.get(constraint)
        self._weights_made = (*self._weights_made, weight)
        if regularizer is not None:
            self._regularized = (*self._regularized, (regularizers.get(regularizer), weight))
        if name is not None and name not in vars(self) and not hasattr(type(self), name):
            setattr(self, name, weight)
        return weight

    def add_variable(
        self,
        shape: tuple[int, ...],
        initializer: Any,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Tensor:
        """`add_weight`, of which shape and initializer are told."""
        rules = {"regularizer": regularizer, "constraint": constraint}
        return self.add_weight(shape, initializer, dtype, trainable=trainable, autocast=autocast, name=name, **rules)

    def __setattr__(self, name: str, value: Any) -> None:
        if (
            phase.calling is self
            and (name == "_weights_made" or isinstance(value, Module))
            and value not in self._sublayers()
        ):
            raise OptionError(
                f"call() of {self.name!r} makes weights or a layer, which each call would make anew, and none would train: "
                "make them in __init__ or build()"
            )
        if isinstance(value, _CONTAINERS):
            for path, part in _modules_in(value, name):
                self._adopt(path, part)
        if isinstance(value, ProgramVariable) and name not in self._buffers:
            return self.register_buffer(name, value)
        if isinstance(value, Parameter) and vars(self).get(name) is value:
            return None
        return super().__setattr__(name, value)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules among the attributes, those in lists and dictionaries included."""
        for name, value in vars(self).items():
            if name not in self._NO_PARTS and isinstance(value, _MAY_HOLD):
                yield from _modules_in(value, name)

    def _sublayers(self) -> list[Module]:
        return list(dict.fromkeys(self.children()))

    def _own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        found = set()
        for name, parameter in super()._own_parameters():
            found.add(parameter)
            yield name, parameter
        for number, parameter in enumerate(self._weights_made):
            if parameter not in found:
                yield f"weight_{number}", parameter

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets it for all layers inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = truth("trainable", bool(value) if isinstance(value, (int, numpy.bool_)) else value)
        for _, parameter in self._own_parameters():
            parameter.requires_grad = self._trainable
        for layer in self._sublayers():
            if isinstance(layer, Weights):
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
            own += layer.weights if isinstance(layer, Weights) else [*layer.parameters(), *layer.buffers()]
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

    def set_weights(self, weights: Sequence[Any]) -> None:
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
        """How many numbers the weights hold. Raises `OptionError` before they are made."""
        if not self.built:
            raise OptionError(f"layer {self.name!r} has no weights before it is built: call it, or build(input_shape)")
        return sum(weight.size for weight in self.weights)

    def _own_variables(self) -> list[Tensor]:
        """The weights that are not those of a layer inside."""
        inner = {weight for part in self._sublayers() for weight in (*part.parameters(), *part.buffers())}
        return [weight for weight in self.weights if weight not in inner]

    def save_own_variables(self, store: Any) -> None:
        """Put the layer's own weights into a dictionary, or a group of a file, as "0", "1" and so on."""
        for number, weight in enumerate(self._own_variables()):
            store[str(number)] = weight.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the layer's own weights from what `save_own_variables` has filled."""
        own = self._own_variables()
        if len(store) != len(own):
            raise ShapeError(f"layer {self.name!r} has {len(own)} weights of its own, but got {len(store)}")
        for number, weight in enumerate(own):
            weight.assign(as_tensor(numpy.asarray(store[str(number)])).to(weight.device))


def _by_place(given: tuple, **by_name: Any) -> Iterator[Any]:
    """The options of `add_weight` that may be given by place, wherever they were."""
    if given and isinstance(given[0], str):
        raise OptionError(f"add_weight takes the name of a weight as a keyword argument: name={given[0]!r}")
    if len(given) > len(by_name):
        raise OptionError(f"add_weight takes {', '.join(by_name)} by place, and all else by name: it was given {given}")
    for place, (option, value) in enumerate(by_name.items()):
        if place < len(given) and value is not None:
            raise OptionError(f"add_weight was given {option} twice, by place and by name")
        yield given[place] if place < len(given) else value


def _is_float(tensor: Tensor) -> bool:
    return tensor.dtype.kind == "f"


def _modules_in(value: Any, path: str, around: tuple = ()) -> Iterator[tuple[str, Module]]:
    """(path, module) of the modules in lists, tuples and dictionaries, however deep."""
    if isinstance(value, Module):
        yield path, value
    elif isinstance(value, _CONTAINERS) and not any(value is other for other in around):  # a list may hold itself
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(part, _MAY_HOLD):
                yield from _modules_in(part, f"{path}.{key}", (*around, value))
