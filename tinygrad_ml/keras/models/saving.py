"""Models in files.

`model.save` writes this library's own format, whatever the name of the file is: safetensors (see `tinygrad_ml.io`)
with a description of the layers, so a file is written whole or not at all, and reading one runs no code.
Weights alone are also read from and written to Keras's `.weights.h5`, with h5py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ... import io
from ...errors import CheckpointError, OptionError
from ...tensor import as_tensor
from ..serialization import custom_object_scope, deserialize, serialize, sharing
from ..warn import warn
from . import hdf5

_FORMAT = "tinygrad_ml.keras"


def _free(path: Any, overwrite: bool) -> Path:
    path = Path(path)
    if path.exists() and not overwrite:
        raise CheckpointError(f"{path} is there already; choose another name, or pass overwrite=True")
    return path


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, include_optimizer: bool = True
) -> None:
    """Write all of a model into one file; see `Model.save`."""
    if zipped is False:
        raise OptionError("zipped=False is not offered: a model is written into one file, whole or not at all")
    path = _free(filepath, overwrite)
    with sharing():
        state: dict[str, Any] = {"format": _FORMAT, "model": serialize(model), **_state(model)}
    if model.compiled and include_optimizer:
        state["compile"] = model.get_compile_config()
        state["optimizer"] = model.optimizer.state_dict()
    io.save(path, state)


def load_model(
    filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """The model that `model.save` wrote: layers, weights, and ready to be trained on.

    custom_objects  {name: class or function} of your own layers, losses and the like
    compile         whether it shall be compiled as it was
    safe_mode       is accepted: reading never runs code

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
    if not isinstance(state, Mapping) or state.get("format") != _FORMAT or not {"model", "weights"} <= state.keys():
        raise CheckpointError(f"{path} holds no model: give load_model a file that model.save wrote")
    with custom_object_scope(custom_objects or {}):
        with sharing():
            model = deserialize(state["model"])
        if compile and state.get("compile") is not None:
            model.compile_from_config(state["compile"])
    _set(model, state, path)
    if compile and model.compiled and "optimizer" in state:
        model.optimizer.load_state_dict(state["optimizer"], model._weights_to_update())
    return model


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model whose layers `model.to_json()` wrote, with fresh weights."""
    with sharing():
        return deserialize(json.loads(json_string), custom_objects)


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
) -> Any:
    """A model of the same layers with fresh weights, compiled alike.

    clone_function  what is done to each layer to have another one; it may return the layer itself, which is then shared
    call_function   called as `call_function(layer, *inputs, **options)`, it joins the layers
    `input_tensors` and `recursive` are not offered
    """
    if input_tensors is not None or recursive:
        raise OptionError("clone_model: input_tensors= and recursive= are not offered; write a clone_function")
    if clone_function is None and call_function is None:
        with sharing():
            clone = type(model).from_config(model.get_config())
    elif hasattr(model, "copied"):
        fresh = lambda layer: type(layer).from_config(layer.get_config())  # noqa: E731
        call = lambda layer, *inputs, **options: layer(*inputs, **options)  # noqa: E731
        clone = model.copied(clone_function or fresh, call_function or call)
    else:
        raise OptionError("clone_model with functions is for Sequential models, and for those of symbols")
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone


def _state(model: Any) -> dict[str, Any]:
    """All weights; and what layers put into files that have a `save_own_variables` of their own."""
    weights = {str(number): weight for number, weight in enumerate(model.weights)}
    stores = {group: hdf5.stored(layer) for group, layer in hdf5.keeping_themselves(model).items()}
    return {"weights": weights} | ({"stores": stores} if stores else {})


def _set(model: Any, state: Mapping[str, Any], path: Path, skip_mismatch: bool = False) -> None:
    weights = state["weights"]
    try:
        given = [weights[str(number)] for number in range(len(weights))]
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path} holds no weights of a model: its parts are not numbered ({error!r})") from None
    own = model.weights
    shapes = [tuple(weight.shape) for weight in given], [weight.shape for weight in own]
    unlike = f"{path} has weights of shapes {shapes[0]}, and the model needs {shapes[1]}"
    if shapes[0] != shapes[1]:
        if not skip_mismatch:
            hint = "" if own else ". The model has no weights yet: build it, or call it on data, before"
            raise CheckpointError(unlike + hint)
        warn(f"{unlike}: what does not fit was left as it was")
    for weight, new in zip(own, given, strict=False):
        if weight.shape == tuple(new.shape):
            weight.assign(as_tensor(new).to(weight.device))
    stores = state.get("stores", {})
    for group, layer in hdf5.keeping_themselves(model).items() if stores else ():
        if group in stores:
            layer.load_own_variables(stores[group])


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights of a model; see `Model.save_weights`."""
    path = _free(filepath, overwrite)
    if str(path).endswith((".h5", ".hdf5")):
        return hdf5.save(model, path)
    return io.save(path, {"format": _FORMAT, **_state(model)})


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False) -> None:
    """Read weights into a model; see `Model.load_weights`."""
    path = Path(filepath)
    if str(path).endswith((".h5", ".hdf5")):
        return hdf5.load(model, path, skip_mismatch)
    state = io.load(path)
    if not isinstance(state, Mapping) or state.get("format") != _FORMAT or "weights" not in state:
        raise CheckpointError(f"{path} holds no weights of a model: give load_weights what save_weights wrote")
    return _set(model, state, path, skip_mismatch)
