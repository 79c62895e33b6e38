"""Options that must be numbers of some kind, or one of some words, told of where they are given."""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Iterable
from typing import Any

from ..errors import OptionError


def whole(what: str, value: Any, least: int = 1) -> int:
    """`value`, if it is an integer of `least` or more."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise OptionError(f"{what}={value!r} must be an integer of {least} or more")
    return int(value)


def number(what: str, value: Any, least: float = float("-inf"), most: float = float("inf")) -> float:
    """`value`, if it is a finite number from `least` to `most`."""
    real: type = numbers.Real
    if not isinstance(value, real) or not abs(value) < float("inf") or not least <= value <= most:
        bounds = "" if least == float("-inf") else f" of {least} or more" if most == float("inf") else ""
        bounds = f" from {least} to {most}" if most < float("inf") else bounds
        raise OptionError(f"{what}={value!r} must be a number{bounds}")
    return value


def alike(name: Any, known: Iterable[Any]) -> str:
    """ " (did you mean 'relu'?)", if one of the names that there are looks like the one that was given; else nothing."""
    names = {str(each).lower(): str(each) for each in known}
    found = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.7)
    return f" (did you mean {names[found[0]]!r}?)" if found else ""


def one_of(what: str, value: Any, known: Iterable[Any]) -> Any:
    """`value`, if it is one of those known."""
    known = list(known)
    if not isinstance(value, (str, bool, type(None))) or value not in known:
        *others, last = map(repr, known)
        raise OptionError(f"{what}={value!r} is not {', '.join(others)} or {last}")
    return value


def seed(value: Any) -> int | None:
    """`value`, if it is None or an integer."""
    integral: type = numbers.Integral
    if value is not None and (isinstance(value, bool) or not isinstance(value, integral)):
        raise OptionError(f"seed={value!r} must be an integer, or None for numbers of the library's own stream")
    return value


def truth(what: str, value: Any) -> bool:
    """`value`, if it is True or False."""
    if not isinstance(value, bool):
        raise OptionError(f"{what}={value!r} must be True or False")
    return value
