"""`Model`: layers put together, that can be trained, saved and looked at.

    class Net(Model):                       x = Input(shape=(784,))
        def __init__(self):                 h = Dense(500, activation="relu")(x)
            super().__init__()              model = Model(x, Dense(10)(h))
            self.hidden = Dense(500, activation="relu")
            self.output_layer = Dense(10)

        def call(self, x):
            return self.output_layer(self.hidden(x))

Read next: `functional.py` and `sequential.py` for the two other ways to make one, `training.py` for what is done with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Self

from ...backend import dtypes
from ...errors import OptionError
from ...structure import is_nested, leaves, mapped, nesting, packed_like
from ...tensor import Tensor, as_tensor
from ..absent import NotOfferedError
from ..layers.base import Layer
from ..layers.symbols import KerasTensor, fits, partial_shape
from ..serialization import deserialize, serialize
from ..warn import warn
from . import saving
from .exporting import export_onnx
from .summary import print_summary
from .training import Trainer


class Model(Trainer):
    """A layer made of layers, with `compile`, `fit`, `evaluate`, `predict`.

    `Model(inputs, outputs)` is made of the calls that lead from symbols to symbols; see `Functional`. A subclass
    makes its layers in `__init__` and writes `call(inputs)`, which may take `training=`.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        kind: Any = Model._functional if cls is Model and _of_symbols(args, kwargs) else cls
        return super().__new__(kind, *args, **kwargs)

    def __init__(self, *args: Any, **options: Any):
        if _of_symbols(args, options):
            _derive_from_functional(type(self))
            Model._functional.__init__(self, *args, **options)
        elif args or "inputs" in options or "outputs" in options:
            raise OptionError(
                "Model takes (inputs, outputs), both or none; a subclass makes its layers in __init__ and writes call()"
            )
        else:
            super().__init__(**options)

    _functional: type[Model]  # what Model(inputs, outputs) makes, which tells of itself where it is defined

    def __getstate__(self) -> dict[str, Any]:
        """What a copy takes over: not the compiled steps, which it makes again."""
        return {name: value for name, value in super().__getstate__().items() if name not in ("_steps", "_history")}

    @property
    def layers(self) -> list[Layer]:
        """The layers that it is made of, in order."""
        return [layer for layer in self._sublayers() if isinstance(layer, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of a name, or at a place."""
        if (name is None) == (index is None):
            raise OptionError("get_layer takes the name of a layer, or its index, and one of the two")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise OptionError(f"there is no layer {index}: the model has {len(self.layers)}")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise OptionError(
            f"there is no layer {name!r}; there are {', '.join(repr(layer.name) for layer in self.layers)}"
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print a table of the layers, the shapes of their outputs, and how many numbers their weights hold.

        line_length     how wide it is, in characters
        positions       where each column ends: as parts of the width, or in characters
        print_fn        is called with each line
        expand_nested   also the layers of models that are layers
        show_trainable  a column more
        layer_range     the names of the first and the last layer, or patterns of these
        """
        options = {"nested": expand_nested, "trainable": show_trainable, "positions": positions, "between": layer_range}
        print_summary(self, line_length or 78, print_fn or print, **options)

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: Any = None,
        input_signature: Any = None,
        **options: Any,
    ) -> None:
        """Write what the model computes in use as a file that other programs run: with format="onnx" for ONNX Runtime.

        input_signature  what is given: `InputSpec`s or tensors, in the structure of the inputs; by default those of the model. A
                         size of None may be another one in each call
        opset_version    the version of ONNX's operators

        Raises `NotOfferedError` for other formats, and the errors of `tg.onnx.export`.
        """
        if format != "onnx":
            raise NotOfferedError(
                f'export(format={format!r}) is not offered: format="onnx" writes a file for ONNX Runtime, and '
                f'model.save("name.keras") one that Keras loads, and exports'
            )
        export_onnx(self, filepath, input_signature, **options)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: what comes out has the masks of the layers inside."""

    def _options(self, kind: type) -> dict[str, Any]:
        return super()._options(Model)  # what inputs and outputs are made of is written by `Functional.get_config`

    def to_json(self, **options: Any) -> str:
        """Its layers and how they are joined, without weights, as JSON; `models.model_from_json` reads it, and Keras's does.

        What `compile` was told is in it, where that can be written. options  of `json.dumps`
        """
        return json.dumps(saving.described(self, compiled=saving.writable(self)), **options)

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was told, as plain values; None before."""
        if not self.compiled:
            return None
        return {name: serialize(value) for name, value in self._compile_arguments.items()} | {"steps_per_execution": 1}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The model that `get_config` describes, with fresh weights; of a model of symbols, `Model.from_config` makes one."""
        if cls is Model and not {"calls", "input_layers"}.isdisjoint(config):
            return Model._functional.from_config(config, custom_objects)
        return super().from_config(config, custom_objects)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config` says. A model that has a `compile` of its own must say how."""
        if type(self).compile is not Trainer.compile:
            warn(
                f"{type(self).__name__} has a compile() of its own, so it was not compiled as it was loaded: call "
                "compile(), or write compile_from_config(config)"
            )
            return
        self.compile(**{name: deserialize(value) for name, value in config.items()})

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, include_optimizer: bool = True
    ) -> None:
        """Write layers, weights, what `compile` was told and the optimiser's state into one file, whole or not at all.

        A name that ends in `.keras` makes it a file that Keras reads, if h5py is installed. Any other is in this library's
        own format (safetensors with a description), which `load_model` reads as well.
        """
        saving.save_model(self, filepath, overwrite, zipped, include_optimizer)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write the weights; into a file that Keras reads, if its name ends in `.weights.h5` (this needs h5py)."""
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False) -> None:
        """Read weights that `save_weights` wrote, or Keras itself into a `.weights.h5`, and those of a whole model in a `.keras` file
        (both need h5py)."""
        saving.load_weights(self, filepath, skip_mismatch)


def _of_symbols(args: tuple, options: dict[str, Any]) -> bool:
    """Whether a model is to be the function from symbols to symbols."""
    return len(args) + ("inputs" in options) >= 1 and (len(args) >= 2 or "outputs" in options)


def _derive_from_functional(kind: type) -> None:
    """Let a subclass of Model that is called as Model(inputs, outputs) is have the methods for it."""
    functional = Model._functional
    if not issubclass(kind, functional):
        for base in kind.__bases__:
            if issubclass(base, Model) and base is not Model:
                _derive_from_functional(base)
        kind.__bases__ = tuple(functional if base is Model else base for base in kind.__bases__)


def as_inputs(given: Any, structure: Any, names: list[str]) -> list[Tensor]:
    """What a model is called with, as one tensor for each of its inputs, in their dtypes.

    structure  the symbols that the model was made with, nested as they were given

    Warns where `given` is nested in another way: then all that counts is the order. A dictionary by the inputs' names is as
    good as a list, and one tensor as a list of it.
    """
    symbols = leaves(structure)
    if isinstance(given, dict) and not any(map(is_nested, given.values())):
        missing = [name for name in names if name not in given]
        if missing:
            raise OptionError(f"the model's inputs are {', '.join(names)}; there is no {', '.join(missing)} in x")
        extra = [str(name) for name in given if name not in names]
        if extra and isinstance(structure, Mapping):
            warn(f"x has {', '.join(extra)}, which is no input of the model: {', '.join(names)}")
        known = {name: given[name] for name in names}
        given = known if isinstance(structure, Mapping) else packed_like(structure, known.values())
    parts = leaves(given)
    if any(part is None for part in parts):
        raise OptionError(f"the model needs all of its inputs, {', '.join(names)}, and one of them is None")
    tensors = [as_tensor(value) for value in parts]
    if len(tensors) != len(symbols):
        raise OptionError(f"the model has {len(symbols)} inputs ({', '.join(names)}), but got {len(tensors)}")
    nested = nesting(given)
    if nesting(structure) not in (nested, (nested,)):
        warn(
            f"x comes as {_describe(given)}, and the inputs of the model are {packed_like(structure, names)}: they are taken "
            "in this order"
        )
    return [_fit(tensor, symbol) for tensor, symbol in zip(tensors, symbols, strict=True)]


def _describe(given: Any) -> Any:
    return mapped(lambda value: f"tensor {as_tensor(value).shape}", given)


def _fit(tensor: Tensor, like: KerasTensor) -> Tensor:
    wanted = like.dtype if dtypes.is_float(like.dtype) or tensor.dtype.kind not in "iu" else tensor.dtype
    tensor = tensor if tensor.dtype == wanted else tensor.astype(wanted)
    if tensor.ndim == like.ndim - 1 and like.shape[-1] == 1:
        return tensor.expand_dims(-1)
    if tensor.ndim == like.ndim + 1 and tensor.shape[-1] == 1:
        tensor = tensor.squeeze(-1)
    known, given = partial_shape(like), partial_shape(tensor)
    if (
        len(known) == len(given) == 3
    ):  # sequences may have more steps, or less, than the model was made with, as in Keras
        given = (None, known[1], given[2])
    if not fits(given, known):
        raise OptionError(
            f"input {like.name or ''} needs samples of shape {known[1:]}, as in (batch, {str(known[1:])[1:]}, but got "
            f"{tensor._described()}"
        )
    return tensor
