"""Keras's `.weights.h5`: read, and written so that Keras reads it. Needs h5py, the extra `h5`.

A model or layer is a group, in which `vars` has its own weights "0", "1", ..., and the layers inside of it have groups,
named after the attributes that hold them. In lists and dictionaries, and in `layers`, where Sequential and functional
models begin, they are named after their classes (dense, dense_1, ..., whatever the layers are called). What is met
twice stands where it was met first.
"""

from __future__ import annotations

import importlib.util
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy

from ...errors import CheckpointError
from ...nn import Module
from ...tensor import Tensor, as_tensor
from ..layers.weights import Weights
from ..naming import snake_case
from ..warn import warn


def available() -> bool:
    """Whether h5py is installed."""
    return importlib.util.find_spec("h5py") is not None


def installed() -> Any:
    """h5py. Raises `CheckpointError` where it is not installed."""
    try:
        import h5py
    except ImportError:
        raise CheckpointError('files that end in .h5 need h5py: pip install "tinygrad_ml[h5]"') from None
    return h5py


def _groups(part: Any, path: str, met: set[int]) -> Iterator[tuple[str, Module]]:
    """(path of a group, module whose own weights are in it) for a module, a list or a dictionary, and all inside."""
    if id(part) in met:
        return
    met.add(id(part))
    inside: dict[str, Any] = {}
    if isinstance(part, Module):
        yield f"{path}vars", part
        inside = _attributes(part) if isinstance(part, Weights) else {}
    elif isinstance(part, (list, tuple, dict)):
        counts: Counter[str] = Counter()
        for one in part.values() if isinstance(part, dict) else part:
            if isinstance(one, (Module, list, tuple, dict)):
                name = snake_case(type(one).__name__) if isinstance(one, Module) else "container"
                inside[f"{name}_{counts[name]}" if counts[name] else name] = one
                counts[name] += 1
    for name, one in inside.items():
        yield from _groups(one, f"{path}{name}/", met)


def _attributes(layer: Weights) -> dict[str, Any]:
    """{name: value} in the order in which Keras looks: `layers`, for models that are made of them; then all by name, private
    ones last."""
    held = {name: value for name, value in vars(layer).items() if name not in layer._NO_PARTS}
    made_of_layers = held.pop("_layers", None) is not None
    held["layers"] = getattr(layer, "layers", None)
    order = sorted(held, key=lambda name: (name != "layers" or not made_of_layers, name.startswith("_"), name))
    return {name: held[name] for name in order}


def _own(module: Module) -> list[Tensor]:
    return module._own_variables() if isinstance(module, Weights) else [*module.parameters(), *module.buffers()]


def keeping_themselves(model: Any) -> dict[str, Any]:
    """{path of a group: layer} of the layers that have a `save_own_variables` or `load_own_variables` of their own."""
    layers = {group: one for group, one in _groups(model, "", set()) if isinstance(one, Weights)}
    usual = Weights.save_own_variables, Weights.load_own_variables
    return {
        at: one for at, one in layers.items() if (type(one).save_own_variables, type(one).load_own_variables) != usual
    }


def stored(module: Any) -> dict[str, numpy.ndarray]:
    """What a module or an optimizer puts into a file for itself: weights by their numbers, or what it says."""
    if not hasattr(module, "save_own_variables"):
        return {str(number): weight.numpy() for number, weight in enumerate(_own(module))}
    store: dict[str, Any] = {}
    module.save_own_variables(store)
    return {name: numpy.asarray(value) for name, value in store.items()}


def packed(model: Any, optimizer: Any = None) -> bytes:
    """A file with the weights as Keras writes it, and with the state of the optimizer, if one is given."""
    h5py, content = installed(), io.BytesIO()
    with h5py.File(content, "w", libver=("v110", "v110")) as file:  # since then descriptions have checksums

        def put(group: str, store: Mapping[str, numpy.ndarray]) -> None:
            for name, array in store.items():
                # In one chunk, which can have a checksum: so a flipped bit is told of.
                chunk = {"chunks": array.shape, "fletcher32": True} if array.ndim and array.size else {}
                file.create_dataset(f"{group}/{name}", data=array, **chunk)

        for group, module in _groups(model, "", set()):
            put(group, stored(module))
        if optimizer is not None:
            put(_OPTIMIZER, stored(optimizer))
    return content.getvalue()


def load(model: Any, path: Path, skip_mismatch: bool = False) -> None:
    """Read the weights of the same model of Keras. Raises `CheckpointError`, before anything is changed."""
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist; check the path of the weights")
    unpack(model, path, path, skip_mismatch)


def unpack(model: Any, path: Path, content: Any, skip_mismatch: bool = False, optimizer: Any = None) -> None:
    """Set the weights of a model, and the state of its optimizer, if it is given.

    path     for messages
    content  a path, or a file that is open
    """
    h5py, apart = installed(), keeping_themselves(model)
    found: list[tuple[Tensor, Any]] = []
    stores: list[tuple[Any, dict]] = []  # of the layers that look themselves for what they need
    problems = []
    try:
        with h5py.File(content, "r") as file:
            for group, module in _groups(model, "", set()):
                if group in apart:
                    stores.append((module, _store(file, group)))
                    continue
                for number, weight in enumerate(_own(module)):
                    array, problem = _array(file, f"{group}/{number}", weight)
                    problems += [problem] if problem else []
                    found.append((weight, array))
            state = {} if optimizer is None else _store(file, _OPTIMIZER)
    except CheckpointError:
        raise
    except Exception as error:  # h5py has no error of its own: OSError, RuntimeError, KeyError, ValueError and others
        raise CheckpointError(f"{path} is no HDF5 file, or a damaged one: {error}") from error
    if not found and not stores and content is path:
        problems = ["the model has no weights yet: build it, or call it on data, before"]
    if problems and not skip_mismatch:
        raise CheckpointError(
            f"{path} does not fit the model {model.name!r}. Nothing was loaded.\n  " + "\n  ".join(problems)
        )
    if problems:
        warn(f"{path}: what does not fit the model {model.name!r} was left as it was\n  " + "\n  ".join(problems))
    for weight, array in found:
        if array is not None:
            weight.assign(as_tensor(array).to(weight.device))
    for layer, store in stores:
        layer.load_own_variables(store)
    if optimizer is not None and state and (len(state) > 2 or state["0"]):  # else it has done no update
        optimizer.build(model._weights_to_update())
        optimizer.load_own_variables(state)


_OPTIMIZER = "optimizer/vars"
_MOST_BYTES = 1 << 34
"""What one array in a file may have at most, in bytes, where no weight says its size."""


def _store(file: Any, group: str) -> dict[str, numpy.ndarray]:
    """All arrays of a group, by their names."""
    found = {}
    for name in list(at(file, group) or ()):
        there = at(file, f"{group}/{name}")
        if not hasattr(there, "nbytes") or there.nbytes > _MOST_BYTES:
            raise CheckpointError(f"{group}/{name} of {file.filename} is no array, or one of more than 16 GiB")
        found[name] = numpy.asarray(there)
    return found


def at(file: Any, name: str) -> Any:
    """What is there in a file; None if nothing is. Raises `CheckpointError` for links, which may lead out of the file."""
    found: Any = file
    for part in name.split("/"):
        link = found.get(part, getlink=True) if hasattr(found, "get") else None
        if link is None:
            return None
        if type(link).__name__ != "HardLink":
            raise CheckpointError(
                f"{type(link).__name__}: {name} of {file.filename} is not in this file, and is not read"
            )
        found = found[part]
    if getattr(found, "is_virtual", False) or getattr(found, "external", None):
        raise CheckpointError(f"the numbers of {name} are in another file than {file.filename}, and are not read")
    return found


def _array(file: Any, name: str, weight: Tensor) -> tuple[numpy.ndarray | None, str | None]:
    """The numbers of that name, or what is wrong with them."""
    there = at(file, name)
    if there is None:
        return None, f"missing: {name}, of shape {weight.shape}"
    if getattr(there, "shape", None) != weight.shape:
        return None, f"wrong shape: {name} is {getattr(there, 'shape', 'a group')}, and must be {weight.shape}"
    if there.dtype.kind not in "fiub":
        return None, f"no numbers: {name} is of dtype {there.dtype}"
    return there[()].astype(weight.dtype), None
