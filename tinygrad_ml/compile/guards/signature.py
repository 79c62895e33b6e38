"""The arguments of a call, taken apart: tensors, whose numbers may differ, and all the rest, which may not.

Two calls with equal keys run the same program.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
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


def named_arguments(function: Callable, args: tuple, kwargs: dict[str, Any]) -> list[tuple[str, Any]]:
    """(what it is called, argument)"""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function that is not written in Python need not have one
        parameters = ()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    many = [p.name for p in parameters if p.kind == p.VAR_POSITIONAL]
    names += [f"{many[0]}[{i}]" if many else str(len(names) + i) for i in range(len(args) - len(names))]
    return [*zip(names, args, strict=False), *kwargs.items()]


def argument_names(named: Iterable[tuple[str, Any]]) -> list[str]:
    """What to call each tensor in arguments with these names, in the order of `take_apart`: `images`, `batch[0]`,
    `given['x']`."""
    tensors = [(name, part) for whole in named for name, part in _inside(*whole) if isinstance(part, Tensor)]
    return [one for name, part in tensors for one in ([f"{name}.grad", name] if part.grad is not None else [name])]


def _inside(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    """(what it is called, thing) of a structure and all that is in it."""
    yield name, part
    if isinstance(part, dict):
        for key, item in part.items():
            yield from _inside(f"{name}[{key!r}]", item)
    elif isinstance(part, (tuple, list)):
        for i, item in enumerate(part):
            yield from _inside(f"{name}[{i}]", item)


def described(function: Callable, args: tuple, kwargs: dict[str, Any]) -> dict[str, tuple[Any, str]]:
    """What a call is given: name -> (what counts of it, that in words)."""
    found: dict[str, tuple[Any, str]] = {}
    named = (pair for whole in named_arguments(function, args, kwargs) for pair in _inside(*whole))
    for name, part in named:
        if isinstance(part, (tuple, list, dict)):
            found[f"argument {name}"] = type(part), f"a {type(part).__qualname__}"
            found[f"the length of argument {name}"] = len(part), str(len(part))
        else:
            found[f"argument {name}"] = _key(part), _told(part)
    names, mode = ", ".join(sorted(kwargs)), "inside of no_grad()" if not modes.grad else "outside of no_grad()"
    beside = {"number of positional arguments": str(len(args)), "names of arguments": names, "mode": mode}
    beside["device"] = str(current_device())
    return found | {f"the {name}": (words, words) for name, words in beside.items()}


def difference(now: dict[str, tuple[Any, str]], before: dict[str, tuple[Any, str]]) -> str:
    """In what a call differs from an earlier one; `described` has told of both."""
    for name in now:
        if name in before and now[name][0] != before[name][0]:
            return became(name, now[name][1], before[name][1])
    return "other arguments than before are one tensor"


def _told(part: Any) -> str:
    """An argument in words."""
    if isinstance(part, Tensor):
        where = "" if str(part.device) == "cpu" else f" on {part.device}"
        needs = " that needs a gradient" * part._needs + " and has one" * (part.grad is not None)
        return f"{part.dtype}[{', '.join(map(str, part.shape))}]{where}{needs}"
    if isinstance(part, (bool, int, float, str, bytes, range, type(None), complex, numpy.generic)):
        return repr(part)
    if isinstance(part, slice):
        return f"a slice of {', '.join(map(_told, (part.start, part.stop, part.step)))}"
    return f"a {type(part).__qualname__}"


def _shared(tensors: list[Tensor]) -> tuple[int, ...]:
    """For each tensor, which one is the first with the same array."""
    first: dict[int, int] = {}
    return tuple(first.setdefault(id(tensor._data), position) for position, tensor in enumerate(tensors))


def _key(part: Any) -> tuple:
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
