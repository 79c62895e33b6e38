"""Several recordings of one function, at several sizes, laid over each other: what is equal in all, and what depends on sizes.

A program that was recorded at batches of 3, 6 and 10 says three times the same, in other numbers. Where a number differs there
stands a `VaryingNumber`. How it follows from the sizes of the inputs, nobody has to know here: `sizes.py` finds it out.

Read next: `wires.py`, `sizes.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

Extents = tuple[Any, ...]
"""A shape whose sizes are integers, or `VaryingNumber`."""


class VaryingNumber(tuple):
    """A number that depends on the sizes of the inputs: what it is in each of the recordings."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{', '.join(map(str, self))}>"


class DifferenceError(Exception):
    """The recordings do not do the same, and differ in more than numbers."""


def merged(parts: Sequence[Any]) -> Any:
    """One structure of those that the recordings have in one place, with `VaryingNumber` where integers or floats differ."""
    first = parts[0]
    if any(type(part) is not type(first) for part in parts):
        raise DifferenceError(f"{first!r} and {next(p for p in parts if type(p) is not type(first))!r}")
    if isinstance(first, (tuple, list)):
        if any(len(part) != len(first) for part in parts):
            raise DifferenceError(f"{first!r} and {next(p for p in parts if len(p) != len(first))!r}")
        items = [merged(items) for items in zip(*parts, strict=True)]
        return tuple(items) if isinstance(first, tuple) else items
    if isinstance(first, Mapping):
        if any(part.keys() != first.keys() for part in parts):
            raise DifferenceError(f"{set(first)} and {set(parts[-1])}")
        return {key: merged([part[key] for part in parts]) for key in first}
    if isinstance(first, slice):
        return slice(*[merged([getattr(part, end) for part in parts]) for end in ("start", "stop", "step")])
    if isinstance(first, numpy.ndarray):
        return first if all(_same(part, first) for part in parts) else VaryingNumber(parts)
    if isinstance(first, (int, float, numpy.number)) and not isinstance(first, bool):
        return (
            first if all(part == first or (part != part and first != first) for part in parts) else VaryingNumber(parts)
        )
    if all(part is first or part == first for part in parts):
        return first
    raise DifferenceError(f"{first!r} and {parts[-1]!r}")


def _same(a: numpy.ndarray, b: numpy.ndarray) -> bool:
    return a.dtype == b.dtype and numpy.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def in_run(part: Any, run: int) -> Any:
    """A merged structure as it is in one of the recordings."""
    if isinstance(part, VaryingNumber):
        return part[run]
    if isinstance(part, (tuple, list)):
        return tuple(in_run(item, run) for item in part)
    return part


def varies(part: Any) -> bool:
    """Whether something in it depends on the sizes."""
    if isinstance(part, slice):
        return any(map(varies, (part.start, part.stop, part.step)))
    if isinstance(part, (tuple, list)) and not isinstance(part, VaryingNumber):
        return any(map(varies, part))
    return isinstance(part, VaryingNumber)


def lifted(function: Any, *numbers: Any) -> Any:
    """`function` of numbers, some of which may be `VaryingNumber`."""
    runs = next((len(number) for number in numbers if isinstance(number, VaryingNumber)), 0)
    if not runs:
        return function(*numbers)
    return merged([function(*[in_run(number, run) for number in numbers]) for run in range(runs)])
