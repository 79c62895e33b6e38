"""Models in files: written whole or not at all; reading one runs no code.

`model.save("name.keras")` writes Keras's own format, if h5py is installed: see `archives.py`. Under any other name, and
without h5py, it is this library's own: safetensors (see `tinygrad_ml.io`) with a description of the layers. Both are read,
whatever the file is called, and Keras 2's whole models in HDF5 (`old_files.py`). So it is with weights alone: `.weights.h5` is Keras's format.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ... import io
from ...errors import CheckpointError, OptionError
from ...tensor import as_tensor
from ..serialization import custom_object_scope, serialize, sharing
from ..warn import warn
from . import archives, hdf5, old_files
from .archives import made

_FORMAT = "tinygrad_ml.keras"
_ARCHIVE = b"PK\x03\x04"


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
    compiled = bool(model.compiled and include_optimizer)
    description = described(model, compiled)
    optimizer = model.optimizer if compiled else None
    if path.suffix == ".keras" and hdf5.available():
        return io.write(path, archives.packed(model, description, optimizer))
    state: dict[str, Any] = {"format": _FORMAT, "model": description, **_state(model)}
    return io.save(path, state if optimizer is None else state | {"optimizer": optimizer.state_dict()})


def described(model: Any, compiled: bool) -> dict[str, Any]:
    """Layers and how they are joined as plain values, and what `compile` was told, if wanted."""
    with sharing(compiled):
        return serialize(model)


def writable(model: Any) -> bool:
    """Whether what `compile` was told can be written."""
    try:
        return model.get_compile_config() is not None
    except CheckpointError:
        return False


def _start(path: Path) -> bytes:
    """The four bytes that say of which format a file is; none where there is no file."""
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(4)


def load_model(
    filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """The model that `model.save` wrote, here or in Keras itself: layers, weights, and ready to be trained on.

    custom_objects  {name: class or function} of your own layers, losses and the like
    compile         whether it shall be compiled as it was
    safe_mode       is accepted: reading never runs code

    Raises `CheckpointError` for a file that is damaged, or of another program, and for what Keras writes as code.
    """
    path = Path(filepath)
    start = _start(path)
    if start == b"\x89HDF":
        return old_files.read(path, custom_objects, compile)
    if start == _ARCHIVE:
        return archives.read(path, custom_objects, compile)
    state = io.load(path)
    if not isinstance(state, Mapping) or state.get("format") != _FORMAT or not {"model", "weights"} <= state.keys():
        raise CheckpointError(f"{path} holds no model: give load_model a file that model.save wrote")
    model = made(state["model"], custom_objects, compile)
    if compile and state.get("compile") is not None:  # where version 1 of this library has it
        with custom_object_scope(custom_objects or {}):
            model.compile_from_config(state["compile"])
    with _as_version_1(model) if _is_of_version_1(state["model"]) else contextlib.nullcontext():
        _set(model, state, path)
        if compile and model.compiled and "optimizer" in state:
            model.optimizer.load_state_dict(state["optimizer"], model._weights_to_update())
    return model


def _is_of_version_1(description: Any) -> bool:
    """Whether there is a model of symbols in it, as files had it before they had Keras's configs."""
    waiting = [description]
    for part in waiting:
        if isinstance(part, Mapping):
            if {"layers", "calls", "inputs", "outputs"} <= part.keys():
                return True
            waiting += part.values()
        elif isinstance(part, (list, tuple)):
            waiting += part
    return False


@contextlib.contextmanager
def _as_version_1(model: Any) -> Iterator[None]:
    """Inside, the layers of models of symbols stand in the order in which files of version 1 have their weights."""
    functional = [module for module in model.modules() if hasattr(module, "_layers_as_called")]
    before = [module._layers for module in functional]
    for module in functional:
        module._layers = module._layers_as_called()
    try:
        yield
    finally:
        for module, layers in zip(functional, before, strict=True):
            module._layers = layers


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model whose layers `model.to_json()` wrote, here or in Keras, with fresh weights."""
    try:
        description = json.loads(json_string)
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"model_from_json takes what model.to_json() returned, a text of JSON: {error}") from None
    return made(description, custom_objects)


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
        return io.write(path, hdf5.packed(model))
    return io.save(path, {"format": _FORMAT, **_state(model)})


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False) -> None:
    """Read weights into a model; see `Model.load_weights`."""
    path = Path(filepath)
    if str(path).endswith((".h5", ".hdf5")):
        return hdf5.load(model, path, skip_mismatch)
    if _start(path) == _ARCHIVE:
        return archives.load_weights(model, path, skip_mismatch)
    state = io.load(path)
    if not isinstance(state, Mapping) or state.get("format") != _FORMAT or "weights" not in state:
        raise CheckpointError(f"{path} holds no weights of a model: give load_weights what save_weights wrote")
    return _set(model, state, path, skip_mismatch)
