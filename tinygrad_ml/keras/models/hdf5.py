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

from ...errors import CheckpointError
from ...tensor import Tensor, as_tensor
from ..layers.base import Layer
from ..naming import snake_case


def _h5py():
    try:
        import h5py
    except ImportError:
        raise CheckpointError('files that end in .h5 need h5py: pip install "tinygrad_ml[h5]"') from None
    return h5py


def _own(layer: Layer) -> list[Tensor]:
    """The weights of a layer that are not those of a layer inside of it."""
    inner = {weight for part in layer._sublayers() for weight in part.weights}
    return [weight for weight in layer.weights if weight not in inner]


def _groups(model: Any, prefix: str = "") -> Iterator[tuple[str, list[Tensor]]]:
    """(path of a group, weights in it) for each layer that has weights of its own."""
    counts: Counter[str] = Counter()
    for layer in model.layers:
        name = snake_case(type(layer).__name__)
        counts[name] += 1
        path = f"{prefix}layers/{name}" + (f"_{counts[name] - 1}" if counts[name] > 1 else "")
        if hasattr(layer, "layers"):
            yield from _groups(layer, f"{path}/")
        elif _own(layer):
            yield f"{path}/vars", _own(layer)
    if _own(model):
        yield f"{prefix}vars", _own(model)


def save(model: Any, path: Path) -> None:
    """Write the weights as Keras does."""
    h5py = _h5py()
    with h5py.File(path, "w") as file:
        for group, weights in _groups(model):
            for number, weight in enumerate(weights):
                file[f"{group}/{number}"] = weight.numpy()


def load(model: Any, path: Path) -> None:
    """Read the weights of the same model of Keras. Raises `CheckpointError`, before anything is changed."""
    h5py = _h5py()
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist; check the path of the weights")
    found: list[tuple[Tensor, Any]] = []
    problems = []
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise CheckpointError(f"{path} is no HDF5 file, or a damaged one: {error}") from None
    with file:
        for group, weights in _groups(model):
            for number, weight in enumerate(weights):
                name = f"{group}/{number}"
                if name not in file:
                    problems.append(f"missing: {name}, of shape {weight.shape}")
                elif file[name].shape != weight.shape:
                    problems.append(f"wrong shape: {name} is {file[name].shape}, and must be {weight.shape}")
                else:
                    found.append((weight, file[name][()]))
    if not found and not problems:
        problems = ["the model has no weights yet: build it, or call it on data, before"]
    if problems:
        raise CheckpointError(
            f"{path} does not fit the model {model.name!r}. Nothing was loaded.\n  " + "\n  ".join(problems)
        )
    for weight, array in found:
        weight.assign(as_tensor(array).to(weight.device))
