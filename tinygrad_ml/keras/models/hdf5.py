"""Keras's `.weights.h5`: read, and written so that Keras reads it. Needs h5py, the extra `h5`.

A file has a group `layers` with a group for each layer, named after its class (dense, dense_1, ...: counted in the
model, whatever the layers are called), and in it `vars` with the weights "0", "1", ...; layers inside of layers
have groups of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy

from ...errors import CheckpointError
from ...tensor import Tensor, as_tensor
from ..naming import snake_case


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise CheckpointError('files that end in .h5 need h5py: pip install "tinygrad_ml[h5]"') from None
    return h5py


def _groups(model: Any, prefix: str = "") -> Iterator[tuple[str, list[Tensor]]]:
    """(path of a group, weights in it) for each layer that has weights of its own."""
    counts: Counter[str] = Counter()
    for layer in model.layers:
        name = snake_case(type(layer).__name__)
        counts[name] += 1
        path = f"{prefix}layers/{name}" + (f"_{counts[name] - 1}" if counts[name] > 1 else "")
        if hasattr(layer, "layers"):
            yield from _groups(layer, f"{path}/")
        elif layer.weights:
            yield f"{path}/vars", layer._own_variables()
    if model._own_variables():
        yield f"{prefix}vars", model._own_variables()


def save(model: Any, path: Path) -> None:
    """Write the weights as Keras does."""
    h5py = _h5py()
    with h5py.File(path, "w", libver=("v110", "v110")) as file:  # since then descriptions have checksums
        for group, weights in _groups(model):
            for number, weight in enumerate(weights):
                array = weight.numpy()
                # In one chunk, which can have a checksum: so a flipped bit is told of.
                chunk = {"chunks": array.shape, "fletcher32": True} if array.size else {}
                file.create_dataset(f"{group}/{number}", data=array, **chunk)


def load(model: Any, path: Path, skip_mismatch: bool = False) -> None:
    """Read the weights of the same model of Keras. Raises `CheckpointError`, before anything is changed."""
    h5py = _h5py()
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist; check the path of the weights")
    found: list[tuple[Tensor, Any]] = []
    problems = []
    try:
        with h5py.File(path, "r") as file:
            for group, weights in _groups(model):
                for number, weight in enumerate(weights):
                    array, problem = _array(file, f"{group}/{number}", weight)
                    problems += [problem] if problem else []
                    found.append((weight, array))
    except Exception as error:  # h5py has no error of its own: OSError, RuntimeError, KeyError, ValueError and others
        raise CheckpointError(f"{path} is no HDF5 file, or a damaged one: {error}") from error
    if not found:
        problems = ["the model has no weights yet: build it, or call it on data, before"]
    if problems and not skip_mismatch:
        raise CheckpointError(
            f"{path} does not fit the model {model.name!r}. Nothing was loaded.\n  " + "\n  ".join(problems)
        )
    for weight, array in found:
        if array is not None:
            weight.assign(as_tensor(array).to(weight.device))


def _array(file: Any, name: str, weight: Tensor) -> tuple[numpy.ndarray | None, str | None]:
    """The numbers of that name, or what is wrong with them. Links lead out of the file, and are not followed."""
    at: Any = file
    for part in name.split("/"):
        link = at.get(part, getlink=True) if hasattr(at, "get") else None
        if type(link).__name__ not in ("HardLink", "NoneType"):
            return None, f"{type(link).__name__}: {name} is not in this file"
        at = None if link is None else at[part]
    if at is None:
        return None, f"missing: {name}, of shape {weight.shape}"
    if getattr(at, "shape", None) != weight.shape:
        return None, f"wrong shape: {name} is {getattr(at, 'shape', 'a group')}, and must be {weight.shape}"
    if at.dtype.kind not in "fiub":
        return None, f"no numbers: {name} is of dtype {at.dtype}"
    return at[()].astype(weight.dtype), None
