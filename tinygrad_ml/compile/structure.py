"""Nested tuples, named tuples, lists and dictionaries: what arguments and results are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def mapped(function: Callable[[Any], Any], part: Any) -> Any:
    """The same structure, with `function` of each leaf in its place."""
    if isinstance(part, tuple) and hasattr(part, "_fields"):
        return type(part)(*(mapped(function, item) for item in part))
    if isinstance(part, (tuple, list)):
        return type(part)(mapped(function, item) for item in part)
    if isinstance(part, dict):
        return {name: mapped(function, item) for name, item in part.items()}
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
