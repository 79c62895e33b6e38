"""Nested tuples, named tuples, lists and dictionaries: what arguments, results, and the inputs of models are made of."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any


def is_nested(part: Any) -> bool:
    """Whether it is a tuple, a list or a dictionary, and no leaf."""
    return isinstance(part, (tuple, list, Mapping))


def mapped(function: Callable[[Any], Any], part: Any) -> Any:
    """The same structure, with `function` of each leaf in its place."""
    if isinstance(part, tuple) and hasattr(part, "_fields"):
        return type(part)(*(mapped(function, item) for item in part))
    if isinstance(part, (tuple, list)):
        return type(part)([mapped(function, item) for item in part])
    if type(part) is not dict and isinstance(part, dict):
        made = copy.copy(part)  # of its kind, and with what else it knows: a default, an order
        for name, item in part.items():
            made[name] = mapped(function, item)
        return made
    if isinstance(part, Mapping):
        return {name: mapped(function, item) for name, item in part.items()}
    return function(part)


def leaves(part: Any) -> list[Any]:
    """What is in a structure, in order; of anything else, the thing itself."""
    if not is_nested(part):
        return [part]
    return [leaf for item in (part.values() if isinstance(part, Mapping) else part) for leaf in leaves(item)]


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
