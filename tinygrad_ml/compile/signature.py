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
from .state import is_plain
from .structure import mapped


def take_apart(args: tuple, kwargs: dict[str, Any]) -> tuple[list[Tensor], tuple, tuple, dict]:
    """(tensors, key, args, kwargs): the arguments with arrays made tensors, those tensors, and what else they are.

    Tuples, lists and dictionaries are looked into. A tensor counts by shape, dtype and device; a
    number, a string, a slice, a frozen dataclass of such by its value, and any other object by its identity.
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
    return [found for name, part in named_arguments(function, args, kwargs) for found in _names_in(part, name)]


def named_arguments(function: Callable, args: tuple, kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
    """(what it is called, argument)"""
    names = positional_names(function, len(args))
    return [*((names[i] if i < len(names) else str(i), part) for i, part in enumerate(args)), *kwargs.items()]


def positional_names(function: Callable, count: int) -> list[str]:
    """What the first `count` arguments are called."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function that is not written in Python need not have one
        parameters = ()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return names + [
        f"{p.name}[{i}]" for p in parameters if p.kind == p.VAR_POSITIONAL for i in range(count - len(names))
    ]


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


def difference(key: tuple, other: tuple, names: list[str]) -> str:
    """In what two keys of `take_apart` differ; `names` are those of the positional arguments."""
    for i, (one, two) in enumerate(zip(key[0], other[0], strict=False)):
        if one != two:
            return f"argument {names[i] if i < len(names) else i}"
    for (name, one), (_, two) in zip(key[1], other[1], strict=False):
        if one != two:
            return f"argument {name}"
    what = (
        "the positional arguments",
        "the named arguments",
        "which arguments are one tensor",
        "no_grad()",
        "the device",
    )
    return next((word for word, one, two in zip(what, key, other, strict=True) if one != two), "nothing")


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
        return type(part), tuple((name, _key(value)) for name, value in part.items())
    if isinstance(part, float):
        return type(part), part.hex()  # 0.0 is not -0.0, and nan is nan
    if isinstance(part, (bool, int, str, bytes, range, type(None))):
        return type(part), part
    if isinstance(part, slice):
        return slice, _key(part.start), _key(part.stop), _key(part.step)
    if isinstance(part, (complex, numpy.generic)):
        return type(part), repr(part)
    if _is_frozen(part):
        return type(part), tuple(_key(value) for value in vars(part).values())
    return type(part), id(part)


def _is_frozen(part: Any) -> bool:
    """Whether it is an instance of a frozen dataclass, with plain values in it."""
    parameters = getattr(type(part), "__dataclass_params__", None)
    return (
        parameters is not None
        and parameters.frozen
        and all(map(is_plain, getattr(part, "__dict__", {"": part}).values()))
    )
