"""Models in files.

`model.save` writes this library's own format, whatever the name of the file is: safetensors (see `tinygrad_ml.io`)
with a description of the layers, so a file is written whole or not at all, and reading one runs no code.
Weights alone are also read from and written to Keras's `.weights.h5`, with h5py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ... import io
from ...errors import CheckpointError
from ...tensor import as_tensor
from ..serialization import custom_object_scope, deserialize, serialize

_FORMAT = "tinygrad_ml.keras"


def _free(path: Any, overwrite: bool) -> Path:
    path = Path(path)
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} is there already; choose another name, or pass overwrite=True")
    return path


def save_model(model: Any, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """Write all of a model into one file; see `Model.save`."""
    path = _free(filepath, overwrite)
    state: dict[str, Any] = {"format": _FORMAT, "model": serialize(model), "weights": _weights(model)}
    if model.compiled and include_optimizer:
        state["compile"] = {name: serialize(value) for name, value in model._compile_arguments.items()}
        state["optimizer"] = model.optimizer.state_dict()
    io.save(path, state)


def load_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True) -> Any:
    """The model that `model.save` wrote: layers, weights, and ready to be trained on.

    custom_objects  {name: class or function} of your own layers, losses and the like
    compile         whether it shall be compiled as it was

    Raises `CheckpointError` for a file of another program, Keras's own `.keras` files included: move the
    weights of those by `save_weights("name.weights.h5")` there and `load_weights` here.
    """
    path = Path(filepath)
    if path.is_file() and path.read_bytes()[:4] in (b"PK\x03\x04", b"\x89HDF"):
        raise CheckpointError(
            f"{path} was written by Keras itself. Its models are not read, but their weights are: call "
            f'model.save_weights("{path.stem}.weights.h5") there, and load_weights on the same model here'
        )
    state = io.load(path)
    if not isinstance(state, Mapping) or state.get("format") != _FORMAT or "model" not in state:
        raise CheckpointError(f"{path} holds no model: give load_model a file that model.save wrote")
    with custom_object_scope(custom_objects or {}):
        model = deserialize(state["model"])
        told = {name: deserialize(value) for name, value in state["compile"].items()} if "compile" in state else None
    _set(model, state["weights"], path)
    if compile and told is not None:
        model.compile(**told)
        model.optimizer.load_state_dict(state["optimizer"], model._trained())
    return model


def clone_model(model: Any) -> Any:
    """A model of the same layers with fresh weights."""
    return type(model).from_config(model.get_config())


def _weights(model: Any) -> dict[str, Any]:
    return {str(number): weight for number, weight in enumerate(model.weights)}


def _set(model: Any, weights: Mapping[str, Any], path: Path, skip_mismatch: bool = False) -> None:
    given = [weights[str(number)] for number in range(len(weights))]
    own = model.weights
    shapes = [tuple(weight.shape) for weight in given], [weight.shape for weight in own]
    if shapes[0] != shapes[1] and not (skip_mismatch and len(given) == len(own)):
        hint = "" if own else ". The model has no weights yet: build it, or call it on data, before"
        raise CheckpointError(f"{path} has weights of shapes {shapes[0]}, and the model needs {shapes[1]}{hint}")
    for weight, new in zip(own, given, strict=True):
        if weight.shape == tuple(new.shape):
            weight.assign(as_tensor(new).to(weight.device))


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights of a model; see `Model.save_weights`."""
    path = _free(filepath, overwrite)
    if str(path).endswith((".h5", ".hdf5")):
        from .hdf5 import save

        return save(model, path)
    return io.save(path, {"format": _FORMAT, "weights": _weights(model)})


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False) -> None:
    """Read weights into a model; see `Model.load_weights`."""
    path = Path(filepath)
    if str(path).endswith((".h5", ".hdf5")):
        from .hdf5 import load

        return load(model, path)
    state = io.load(path)
    if not isinstance(state, Mapping) or state.get("format") != _FORMAT:
        raise CheckpointError(f"{path} holds no weights of a model: give load_weights what save_weights wrote")
    return _set(model, state["weights"], path, skip_mismatch)
