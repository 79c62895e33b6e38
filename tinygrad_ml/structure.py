"""Nested tuples, named tuples, lists and dictionaries: what arguments, results, and the inputs of models are made of."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any


@functools.lru_cache(maxsize=512)
def _holding(kind: type) -> str | None:
    """How things of a type hold others; None for leaves. Remembered, for this is asked of each argument of each call."""
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return "fields"
    if issubclass(kind, (tuple, list)):
        return "items"
    if issubclass(kind, dict) and kind is not dict:
        return "values of its own kind"  # it knows more: a default, an order
    return "values" if issubclass(kind, Mapping) else None


def is_nested(part: Any) -> bool:
    """Whether it is a tuple, a list or a dictionary, and no leaf."""
    return _holding(type(part)) is not None


def mapped(function: Callable[[Any], Any], part: Any) -> Any:
    """The same structure, with `function` of each leaf in its place."""
    holding = _holding(type(part))
    if holding is None:
        return function(part)
    if holding == "fields":
        return type(part)(*[mapped(function, item) for item in part])
    if holding == "items":
        return type(part)([mapped(function, item) for item in part])
    if holding == "values":
        return {name: mapped(function, item) for name, item in part.items()}
    made = copy.copy(part)
    for name, item in part.items():
        made[name] = mapped(function, item)
    return made


def leaves(part: Any) -> list[Any]:
    """What is in a structure, in order; of anything else, the thing itself."""
    found: list[Any] = []
    _gather(part, found)
    return found


def _gather(part: Any, found: list[Any]) -> None:
    holding = _holding(type(part))
    if holding is None:
        found.append(part)
        return
    for item in part.values() if holding.startswith("values") else part:
        _gather(item, found)


def packed_like(part: Any, others: Iterable[Any]) -> Any:
    """The same structure with other leaves, in order: the inverse of `leaves`."""
    rest = iter(others)
    return mapped(lambda _: next(rest), part)


def paths(part: Any, path: tuple = ()) -> Iterator[tuple]:
    """The names and indices that lead to each leaf, in the order of `leaves`."""
    if not is_nested(part):
        yield path
        return
    for name, item in part.items() if isinstance(part, Mapping) else enumerate(part):
        yield from paths(item, (*path, name))


def at(part: Any, path: tuple) -> Any:
    """What these names and indices lead to; None where a dictionary has no such name."""
    for name in path:
        part = part.get(name) if isinstance(part, Mapping) else part[name]
    return part


def nesting(part: Any) -> Any:
    """Its lists, tuples and dictionaries alone, to be compared with another's; a list is as good as a tuple."""
    if isinstance(part, Mapping):
        return {name: nesting(item) for name, item in part.items()}
    return tuple(map(nesting, part)) if is_nested(part) else None


def containers(part: Any) -> Iterator[list | dict]:
    """The lists and dictionaries of a structure."""
    if isinstance(part, (list, dict)):
        yield part
    if isinstance(part, (tuple, list, dict)):
        for item in part.values() if isinstance(part, dict) else part:
            yield from containers(item)
