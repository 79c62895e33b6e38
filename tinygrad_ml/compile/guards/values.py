"""Plain values, which count by what they are, and all else, which counts by its identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any

from ...modes import Options

PLAIN = (bool, int, float, str, bytes, tuple, type(None), Options)
MISSING: Any = object()
"""Stands for what there is not."""


def snapshot(names: Mapping[Any, Any]) -> dict:
    """What a dictionary, or what `vars` gives, holds at this moment: taken in one step, as other threads may add to it.

    `list(names.items())` makes a tuple for each, and the garbage collector may let another thread in between two.
    """
    return dict.copy(names) if isinstance(names, dict) else names.copy()  # type: ignore[attr-defined]


def is_plain(value: Any) -> bool:
    """Whether it is a number, a text, nothing, or a tuple of such."""
    return all(map(is_plain, value)) if isinstance(value, tuple) else isinstance(value, PLAIN)


def is_same(now: Any, before: Any) -> bool:
    """Whether it is the same object, or a plain value that is written the same: 0.0 is not -0.0."""
    if now is before:
        return True
    kind = type(now)
    if kind is not type(before) or not is_plain(now) or now != before:
        return False
    return kind is Options or repr(now) == repr(before)  # equal options are written the same


def are_same(now: Sequence[Any], before: Sequence[Any]) -> bool:
    """Whether as many things are pairwise the same."""
    return len(now) == len(before) and (all(map(is_, now, before)) or all(map(is_same, now, before)))


def differences(now: dict, before: dict) -> list[Any]:
    """The names under which there is something else now, or nothing more."""
    return [name for name in before | now if not is_same(now.get(name, MISSING), before.get(name, MISSING))]


def became(name: str, now: str, before: str) -> str:
    """How to say that something is another now."""
    if now == before:
        return f"{name} is another one of these"
    return f"{name} is {now} here, and was {before}"


def told(value: Any) -> str:
    """A plain value as it is written, or what kind of thing it is."""
    if value is MISSING:
        return "nothing"
    return repr(value) if is_plain(value) else f"a {type(value).__qualname__}"
