"""Nested tuples, named tuples, lists and dictionaries: what arguments and results are made of."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any


def mapped(function: Callable[[Any], Any], part: Any) -> Any:
    """The same structure, with `function` of each leaf in its place."""
    if isinstance(part, tuple) and hasattr(part, "_fields"):
        return type(part)(*(mapped(function, item) for item in part))
    if isinstance(part, (tuple, list)):
        return type(part)(mapped(function, item) for item in part)
    if type(part) is dict:
        return {name: mapped(function, item) for name, item in part.items()}
    if isinstance(part, dict):
        made = copy.copy(part)  # of its kind, and with what else it knows: a default, an order
        for name, item in part.items():
            made[name] = mapped(function, item)
        return made
    return function(part)


def leaves(part: Any) -> Iterator[Any]:
    """What is in a structure, in order."""
    if isinstance(part, dict):
        part = part.values()
    elif not isinstance(part, (tuple, list)):
        yield part
        return
    for item in part:
        yield from leaves(item)


def containers(part: Any) -> Iterator[list | dict]:
    """The lists and dictionaries of a structure."""
    if isinstance(part, (list, dict)):
        yield part
    if isinstance(part, (tuple, list, dict)):
        for item in part.values() if isinstance(part, dict) else part:
            yield from containers(item)
