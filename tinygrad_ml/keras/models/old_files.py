"""Whole models in HDF5, as Keras 2 has saved them (`model.save("name.h5")`), and Keras 3 still does: they are read. Needs h5py.

The configs of the layers and of the training are attributes of the file, as JSON. `model_weights` has a group for each layer
with weights, and its attributes the names of these in order: those that are trained, and then the others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy

from ...errors import CheckpointError
from ...tensor import Tensor, as_tensor
from ..serialization import custom_object_scope
from ..warn import warn
from .archives import made
from .hdf5 import at, installed


def read(path: Path, custom_objects: Mapping[str, Any] | None, compile: bool) -> Any:
    """The model in such a file."""
    h5py = installed()
    try:
        with h5py.File(path, "r") as file:
            config = _json(file.attrs.get("model_config"))
            if config is None:
                raise CheckpointError(
                    f"{path} holds no whole model: its weights are read by load_weights, if its name ends in .weights.h5"
                )
            model = made(config, custom_objects, compile=False)
            pairs = _pairs(path, model, file)
            training = _json(file.attrs.get("training_config")) if compile else None
            state = _arrays(file, "optimizer_weights") if training is not None else []
    except CheckpointError:
        raise
    except Exception as error:  # h5py has no error of its own: OSError, RuntimeError, KeyError, ValueError and others
        raise CheckpointError(f"{path} is damaged, or no model of Keras: {error}") from error
    for weight, array in pairs:
        weight.assign(as_tensor(array.astype(weight.dtype)).to(weight.device))
    if training is not None:
        _compile(model, training, state, custom_objects)
    return model


def _json(text: Any) -> Any:
    return None if text is None else json.loads(text.decode() if isinstance(text, bytes) else text)


def _names(group: Any, name: str) -> list[str]:
    """A list of names among the attributes, which is cut into pieces where it is long."""
    keys = [name] if name in group.attrs else [f"{name}{i}" for i in range(len(group.attrs))]
    found = [one for key in keys if key in group.attrs for one in group.attrs[key]]
    return [one.decode() if isinstance(one, bytes) else str(one) for one in found]


def _arrays(file: Any, name: str) -> list[numpy.ndarray]:
    """The arrays of a group, in the order of its `weight_names`."""
    group = at(file, name)
    if group is None:
        return []
    arrays = [at(file, f"{name}/{one}") for one in _names(group, "weight_names")]
    if not all(hasattr(array, "dtype") and array.dtype.kind in "fiub" for array in arrays):
        raise CheckpointError(f"{name} of {file.filename} has not the arrays that it names")
    return [numpy.asarray(array) for array in arrays]


def _pairs(path: Path, model: Any, file: Any) -> list[tuple[Tensor, numpy.ndarray]]:
    """(weight, numbers) of all weights of the model."""
    group = at(file, "model_weights")
    names = [] if group is None else _names(group, "layer_names")
    stored = [(name, arrays) for name in names if (arrays := _arrays(file, f"model_weights/{name}"))]
    layers = [layer for layer in model.layers if layer.weights]
    if len(stored) != len(layers):
        raise CheckpointError(
            f"{path} has weights of {len(stored)} layers, and its model has {len(layers)} with weights"
        )
    pairs: list[tuple[Tensor, numpy.ndarray]] = []
    for layer, (name, arrays) in zip(layers, stored, strict=True):
        weights = [*layer.trainable_weights, *layer.non_trainable_weights]
        if [weight.shape for weight in weights] != [array.shape for array in arrays]:
            raise CheckpointError(
                f"{path} has weights of shapes {[array.shape for array in arrays]} for layer {name!r}, which needs "
                f"{[weight.shape for weight in weights]}"
            )
        pairs += zip(weights, arrays, strict=True)
    return pairs


def _compile(model: Any, training: Mapping[str, Any], state: list, custom_objects: Mapping[str, Any] | None) -> None:
    """Compile as the file says, and let the optimizer go on where it was, if it is written as today's."""
    told = {name: training.get(name) for name in ("loss", "loss_weights", "metrics", "weighted_metrics")}
    with custom_object_scope(custom_objects or {}):
        model.compile_from_config({"optimizer": training["optimizer_config"], **told})
    if not state:
        return
    model.optimizer.build(model._weights_to_update())
    if [array.shape for array in state] == [variable.shape for variable in model.optimizer.variables]:
        model.optimizer.set_weights(state)
    else:
        warn(f"the state of the optimizer {model.optimizer.name!r} is written in an older form, and begins anew")
