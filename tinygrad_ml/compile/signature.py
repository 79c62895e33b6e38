"""The arguments of a call, taken apart: tensors, whose numbers may differ, and all the rest, which may not.

Two calls with equal keys run the same program.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy

from ..backend import as_array, current_device
from ..modes import modes
from ..tensor import Tensor
from .structure import mapped


def take_apart(args: tuple, kwargs: dict[str, Any]) -> tuple[list[Tensor], tuple, tuple, dict]:
    """(tensors, key, args, kwargs): the arguments with arrays made tensors, those tensors, and what else they are.

    Tuples, lists and dictionaries are looked into. A tensor counts by shape, dtype and device; a
    number, a string, and any other object by its value, or by its identity if it has none.
    """
    tensors: list[Tensor] = []

    def with_tensor(leaf: Any) -> Any:
        if isinstance(leaf, numpy.ndarray) or hasattr(leaf, "__cuda_array_interface__"):
            leaf = Tensor(as_array(leaf))
        if isinstance(leaf, Tensor):
            if leaf.grad is not None:
                tensors.append(leaf.grad)  # to which more may be added
            tensors.append(leaf)
        return leaf

    args, kwargs = mapped(with_tensor, (args, kwargs))
    key = (
        tuple(map(_key, args)),
        tuple((name, _key(kwargs[name])) for name in sorted(kwargs)),
        _shared(tensors),
        bool(modes.grad),
        str(current_device()),
    )
    return tensors, key, args, kwargs


def argument_names(function: Callable, args: tuple, kwargs: dict[str, Any]) -> list[str]:
    """What to call each tensor among the arguments, in the order of `take_apart`: `images`, `batch[0]`, `given['x']`."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function that is not written in Python need not have one
        parameters = ()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names += [f"{p.name}[{i}]" for p in parameters if p.kind == p.VAR_POSITIONAL for i in range(len(args) - len(names))]
    named = [(names[i] if i < len(names) else str(i), part) for i, part in enumerate(args)]
    return [found for name, part in (*named, *kwargs.items()) for found in _names_in(part, name)]


def _names_in(part: Any, name: str) -> Iterator[str]:
    if isinstance(part, Tensor):
        if part.grad is not None:
            yield f"{name}.grad"
        yield name
    elif isinstance(part, dict):
        for key, inner in part.items():
            yield from _names_in(inner, f"{name}[{key!r}]")
    elif isinstance(part, (tuple, list)):
        for i, inner in enumerate(part):
            yield from _names_in(inner, f"{name}[{i}]")


def _shared(tensors: list[Tensor]) -> tuple[int, ...]:
    """For each tensor, which one is the first with the same array."""
    first: dict[int, int] = {}
    return tuple(first.setdefault(id(tensor._data), position) for position, tensor in enumerate(tensors))


def _key(part: Any):
    if isinstance(part, Tensor):
        return "tensor", part.shape, part.dtype.str, str(part.device), part._needs, part.grad is not None
    if isinstance(part, (tuple, list)):
        return type(part), tuple(map(_key, part))
    if isinstance(part, dict):
        return dict, tuple((name, _key(value)) for name, value in part.items())
    if isinstance(part, (bool, int, float, str, type(None))):
        return type(part), part
    return type(part), id(part)
