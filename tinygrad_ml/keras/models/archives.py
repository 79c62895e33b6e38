"""Keras's `.keras` files: a zip of `config.json`, `metadata.json` and `model.weights.h5`. Needs h5py, the extra `h5`.

What is read is not believed: names and sizes of the parts are looked at before anything is unpacked, and nothing in it is
run (`serialization.py`), nor anything read that is outside of the file (`hdf5.py`).
"""

from __future__ import annotations

import io
import json
import time
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import CheckpointError
from ..serialization import custom_object_scope, deserialize, sharing
from . import hdf5

KERAS_VERSION = "3.15.1"
"""The version whose files these are."""
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MOST_CONFIG_BYTES = 1 << 28
_MOST_BYTES_BESIDE = 1 << 26
_MOST_EXPANSION = 20
"""A part may be this often as large as it is in the file, or have as many bytes as the line above says."""


def packed(model: Any, description: Mapping[str, Any], optimizer: Any) -> bytes:
    """The content of the file of a model, which is described by `description`."""
    metadata = {"keras_version": KERAS_VERSION, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(_METADATA, json.dumps(metadata))
        archive.writestr(_CONFIG, json.dumps(description))
        archive.writestr(_WEIGHTS, hdf5.packed(model, optimizer))
    return content.getvalue()


def read(path: Path, custom_objects: Mapping[str, Any] | None, compile: bool) -> Any:
    """The model in such a file."""
    parts = _parts(path)
    try:
        description = json.loads(parts[_CONFIG])
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: its {_CONFIG} is no JSON: {error}") from error
    model = made(description, custom_objects, compile)
    optimizer = model.optimizer if compile and model.compiled else None
    hdf5.unpack(model, path, io.BytesIO(parts[_WEIGHTS]), optimizer=optimizer)
    return model


def load_weights(model: Any, path: Path, skip_mismatch: bool = False) -> None:
    """Read the weights in such a file into a model that is there."""
    hdf5.unpack(model, path, io.BytesIO(_parts(path)[_WEIGHTS]), skip_mismatch)


def made(description: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True) -> Any:
    """The model that a file describes, with fresh weights."""
    if not isinstance(description, Mapping) or "class_name" not in description:
        raise CheckpointError("this describes no model: there is no class_name in it")
    if not compile:
        description = {name: part for name, part in description.items() if name != "compile_config"}
    try:
        with custom_object_scope(custom_objects or {}), sharing():
            return deserialize(description)
    except RecursionError:
        raise CheckpointError("what describes the model is nested too deeply") from None


def _parts(path: Path) -> dict[str, bytes]:
    """{name: content} of the parts that a model is made of."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
            names = [part.filename for part in found]
            _check_names(path, names)
            for part in found:
                most = max(_MOST_BYTES_BESIDE, _MOST_EXPANSION * part.compress_size)
                most = min(most, _MOST_CONFIG_BYTES) if part.filename != _WEIGHTS else most
                if part.file_size > most:
                    raise CheckpointError(
                        f"{path} is not read: {part.filename} would be of {part.file_size:,} bytes, and is of "
                        f"{part.compress_size:,} in the file"
                    )
            return {name: archive.read(name) for name in (_CONFIG, _WEIGHTS)}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged, or no model of Keras: {error}") from error


def _check_names(path: Path, names: list[str]) -> None:
    assets = [name for name in names if name.startswith("assets/") and not name.endswith("/")]
    if assets:
        raise CheckpointError(
            f"{path} has {', '.join(assets)}: what layers keep in files of their own is not read. Make such a layer with its "
            "vocabulary as an option, where the file is written"
        )
    known = {_CONFIG, _METADATA, _WEIGHTS, "assets/"}
    if len(set(names)) < len(names) or not set(names) <= known or not {_CONFIG, _WEIGHTS} <= set(names):
        raise CheckpointError(
            f"{path} is no model of Keras, which has {_CONFIG}, {_METADATA} and {_WEIGHTS}, each once, and nothing else; this "
            f"has {', '.join(map(repr, names[:10]))}"
        )
