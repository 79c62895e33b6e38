"""`keras.tree`: what is nested in lists, tuples and dictionaries. Dictionaries go by their sorted keys, as Keras has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import OptionError, ShapeError

MAP_TO_NONE = object()
"""What a function of `traverse` returns where None shall stand."""


def is_nested(structure: Any) -> bool:
    """Whether it is a list, a tuple or a dictionary."""
    return isinstance(structure, (list, tuple, Mapping))


def _children(structure: Any) -> list[tuple[Any, Any]]:
    """(key or index, part) of what is directly inside."""
    if isinstance(structure, Mapping):
        return [(key, structure[key]) for key in sorted(structure)]
    return list(enumerate(structure))


def _like(structure: Any, parts: Iterable[Any]) -> Any:
    """The same list, tuple or dictionary with other parts, which come in the order of `_children`."""
    if isinstance(structure, Mapping):
        made = dict(zip(sorted(structure), parts, strict=True))
        ordered = {key: made[key] for key in structure}
        return ordered if type(structure) is dict else type(structure)(ordered)  # type: ignore[call-arg]
    if hasattr(structure, "_fields"):
        return type(structure)(*parts)
    return type(structure)(parts)


def flatten(structure: Any) -> list[Any]:
    """The leaves in a list; None is one, too."""
    return [leaf for _, leaf in flatten_with_path(structure)]


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """(path, leaf) of all leaves, a path being the keys and indices that lead there."""
    if not is_nested(structure):
        return [((), structure)]
    return [((key, *path), leaf) for key, part in _children(structure) for path, leaf in flatten_with_path(part)]


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """The same structure with `func(leaf, ...)` of the leaves that stand at one place of all of them.

    none_is_leaf  whether `func` is called for None, too; else None stays
    """
    if not callable(func) or not structures:
        raise OptionError("map_structure takes a function, and one structure or more")
    first, *others = structures
    for other in others:
        assert_same_structure(first, other)
    return map_structure_up_to(first, func, *structures, _none_is_leaf=none_is_leaf)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any, _none_is_leaf: bool = True) -> Any:
    """The structure `shallow_structure` with `func(part, ...)` of what stands at its leaves in the others."""
    if not is_nested(shallow_structure):
        if not _none_is_leaf and all(part is None for part in structures):
            return None
        return func(*structures)
    for one in structures:
        if not is_nested(one) or [key for key, _ in _children(one)] != [key for key, _ in _children(shallow_structure)]:
            raise ShapeError(f"the structures differ: {shallow_structure!r} and {one!r}")
    columns = zip(_children(shallow_structure), *map(_children, structures), strict=True)
    parts = [
        map_structure_up_to(shallow[1], func, *[part for _, part in rest], _none_is_leaf=_none_is_leaf)
        for shallow, *rest in columns
    ]
    return _like(shallow_structure, parts)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """The same for a structure of shapes, which are tuples or lists of sizes, or of None."""
    if isinstance(structure, (list, tuple)) and all(isinstance(size, int) or size is None for size in structure):
        return func(tuple(structure))
    return _like(structure, [map_shape_structure(func, part) for _, part in _children(structure)])


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """The structure with other leaves, which come in the order of `flatten`."""
    leaves = list(flat_sequence)
    if len(leaves) != len(flatten(structure)):
        raise ShapeError(f"there are {len(flatten(structure))} leaves in the structure, and {len(leaves)} to put there")
    rest = iter(leaves)
    return map_structure_up_to(structure, lambda _: next(rest), structure)


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raises `ShapeError` where two structures are nested in other ways, or by lists here and tuples there."""
    if is_nested(a) != is_nested(b) or (is_nested(a) and isinstance(a, Mapping) != isinstance(b, Mapping)):
        raise ShapeError(f"the structures differ: {a!r} and {b!r}")
    if not is_nested(a):
        return
    if not isinstance(a, Mapping) and type(a) is not type(b):
        raise ShapeError(f"the structures differ: one is a {type(a).__name__}, and the other a {type(b).__name__}")
    first, second = _children(a), _children(b)
    if [key for key, _ in first] != [key for key, _ in second]:
        raise ShapeError(f"the structures differ: {a!r} and {b!r}")
    for (_, one), (_, other) in zip(first, second, strict=True):
        assert_same_structure(one, other)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises `ShapeError` where the leaves of two structures stand at other places; lists are as good as tuples."""
    first, second = ([path for path, _ in flatten_with_path(one)] for one in (a, b))
    if first != second:
        raise ShapeError(f"the leaves stand at {first} in one structure, and at {second} in the other")


def lists_to_tuples(structure: Any) -> Any:
    """The same with tuples in place of lists."""
    if not is_nested(structure):
        return structure
    made = _like(structure, [lists_to_tuples(part) for _, part in _children(structure)])
    return tuple(made) if isinstance(structure, list) else made


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """The structure with what `func(part)` returns for its parts, of which None means: as it is, with its own parts done.

    top_down  call it for a list before what is in it, which then is not looked at if something was returned
    """
    if top_down and (made := func(structure)) is not None:
        return None if made is MAP_TO_NONE else made
    if is_nested(structure):
        structure = _like(structure, [traverse(func, part, top_down) for _, part in _children(structure)])
    if not top_down and (made := func(structure)) is not None:
        return None if made is MAP_TO_NONE else made
    return structure
