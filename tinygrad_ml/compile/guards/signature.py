"""The arguments of a call, taken apart: tensors, whose numbers may differ, and all the rest, which may not.

Two calls with equal keys run the same program.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy

from ...backend import as_array, current_device
from ...modes import modes
from ...structure import mapped
from ...tensor import Tensor
from .values import became, is_plain


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
    """In what a key of `take_apart` differs from an earlier one; `names` are those of the positional arguments."""
    for i, (now, before) in enumerate(zip(key[0], other[0], strict=False)):
        if now != before:
            return _first_difference(f"argument {names[i] if i < len(names) else i}", now, before)
    for (name, now), (_, before) in zip(key[1], other[1], strict=False):
        if now != before:
            return _first_difference(f"argument {name}", now, before)
    if len(key[0]) != len(other[0]):
        return became("the number of positional arguments", len(key[0]), len(other[0]))
    if key[1] != other[1]:
        return became("the names of arguments", *(", ".join(name for name, _ in named) for named in (key[1], other[1])))
    if key[2] != other[2]:
        return "other arguments than before are one tensor"
    if key[3] != other[3]:
        return f"{'outside' if key[3] else 'inside'} of no_grad(), and it was {'inside' if key[3] else 'outside'}"
    return became("the device", key[4], other[4])


def _first_difference(name: str, now: tuple, before: tuple) -> str:
    """In what two keys of one argument differ."""
    if now[0] == before[0] and isinstance(now[0], type) and issubclass(now[0], (tuple, list, dict)):
        of_dict, inside = issubclass(now[0], dict), (now[1], before[1])
        if len(now[1]) != len(before[1]):
            return became(f"the length of {name}", *map(len, inside))
        for i, (one, two) in enumerate(zip(*inside, strict=True)):
            if one != two:
                one, two = ((one[1], two[1]) if one[0] == two[0] else (one, two)) if of_dict else (one, two)
                return _first_difference(f"{name}[{now[1][i][0]!r}]" if of_dict else f"{name}[{i}]", one, two)
    return became(name, _told(now), _told(before))


def _told(key: tuple) -> str:
    """What an argument is, of whose key we know."""
    kind, *inside = key
    if kind == "tensor":
        shape, dtype, device, needs, has_gradient = inside
        more = (
            [f" on {device}"] * (device != "cpu") + [" that needs a gradient"] * needs + [" and has one"] * has_gradient
        )
        return f"{numpy.dtype(dtype)}[{', '.join(map(str, shape))}]{''.join(more)}"
    if kind is slice:
        return f"a slice of {', '.join(map(_told, inside))}"
    if kind is float:
        return repr(float.fromhex(inside[0]))
    if kind in (bool, int, str, bytes, range, type(None)):
        return repr(inside[0])
    if isinstance(kind, type) and issubclass(kind, (complex, numpy.generic)):
        return inside[0]
    return f"a {kind.__qualname__}"


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
