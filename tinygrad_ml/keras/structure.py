"""Nested inputs and outputs: a tensor, or lists, tuples and dictionaries of such."""

from collections.abc import Callable, Mapping
from typing import Any


def flatten(structure: Any) -> list:
    """What stands in the lists, tuples and dictionaries of `structure`, in order; of anything else, the thing itself."""
    if isinstance(structure, Mapping):
        structure = list(structure.values())
    elif not is_nested(structure):
        return [structure]
    return [leaf for part in structure for leaf in flatten(part)]


def map_structure(function: Callable, structure: Any) -> Any:
    """The same nesting, with `function` of each thing in it."""
    if isinstance(structure, Mapping):
        return {key: map_structure(function, part) for key, part in structure.items()}
    if is_nested(structure):
        parts = [map_structure(function, part) for part in structure]
        return tuple(parts) if isinstance(structure, tuple) else parts
    return function(structure)


def pack_like(structure: Any, leaves: list) -> Any:
    """The nesting of `structure`, with other things in it: the inverse of `flatten`."""
    rest = iter(leaves)
    return map_structure(lambda _: next(rest), structure)


def nesting(structure: Any) -> Any:
    """Its lists, tuples and dictionaries alone, to be compared with another's; a list is as good as a tuple."""
    if isinstance(structure, Mapping):
        return {key: nesting(part) for key, part in structure.items()}
    return tuple(map(nesting, structure)) if is_nested(structure) else None


def is_nested(value: Any) -> bool:
    """Whether it is a list, a tuple or a dictionary."""
    return isinstance(value, (list, tuple, Mapping))
