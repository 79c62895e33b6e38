"""What constructors take, and were given: in today's spelling, or in an old one with a warning."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..errors import OptionError
from .warn import warn


def old_spelling(what: str, old: str, new: str) -> None:
    """The one warning that an old spelling gives, at the line of the program that has it."""
    warn(f"{what}: {old} is an old spelling; today it is {new}", DeprecationWarning)


def accepts_old(**renamed: str) -> Callable:
    """A decorator: the function takes the arguments `old=` too, as `old="new"` says, each with a DeprecationWarning."""

    def decorate(function: Callable) -> Callable:
        what = function.__qualname__.split(".")[0] if function.__name__ == "__init__" else function.__name__

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if not renamed.keys().isdisjoint(kwargs):
                kwargs = today(renamed, kwargs, lambda old, new: old_spelling(what, f"{old}=", f"{new}="))
            return function(*args, **kwargs)

        vars(wrapped)["renamed"] = renamed
        return wrapped

    return decorate


def today(renamed: dict[str, str], given: dict[str, Any], tell: Callable = lambda old, new: None) -> dict[str, Any]:
    """`given` with old names replaced by new ones; `tell(old, new)` is called for each."""
    found = {}
    for name, value in given.items():
        new = renamed.get(name, name)
        if new != name:
            tell(name, new)
        if new in found:
            raise OptionError(f"{name}= and {new}= are the same option, and both were given: keep {new}=")
        found[new] = value
    return found


def bound_arguments(function: Callable, args: tuple, kwargs: dict[str, Any]) -> dict[str, Any]:
    """{name: value} of the arguments of a call, in today's spelling, those of `*rest` as {"*rest": values}; {} if they do
    not fit."""
    kwargs = today(getattr(function, "renamed", {}), kwargs)
    try:
        bound = inspect.signature(function).bind(None, *args, **kwargs)
    except TypeError:
        return {}
    found = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found.update(value)
        else:
            found[f"*{name}" if kind is inspect.Parameter.VAR_POSITIONAL else name] = value
    return found


@functools.cache
def options_of(kind: type, until: type = object) -> dict[str, Any]:
    """{name: default} of what can be given by name to the constructor of a class: its own options, and those of the
    classes up to `until` that it hands the rest to."""
    found: dict[str, Any] = {}
    below = False
    for cls in kind.__mro__[: kind.__mro__.index(until)]:
        if "__init__" not in vars(cls):
            continue
        rest = False
        for parameter in list(inspect.signature(vars(cls)["__init__"]).parameters.values())[1:]:
            by_name = parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
            needed = parameter.default is inspect.Parameter.empty
            if by_name and not (needed and below):  # what a class above needs, the class itself gives it
                found.setdefault(parameter.name, parameter.default)
            rest |= parameter.kind is inspect.Parameter.VAR_KEYWORD
        if not rest:
            break
        below = True
    return found
