"""Names: of layers that were given none, of old spellings, and of what Keras has and this library has not."""

from __future__ import annotations

import dis
import functools
import inspect
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from ..errors import OptionError, TinygradError

_HERE = str(Path(__file__).parent)
_counts: Counter[str] = Counter()


def snake_case(name: str) -> str:
    """`MaxPooling2D` -> `max_pooling2d`, as Keras names things after their class."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(kind: type) -> str:
    """dense, dense_1, dense_2, ...: the name of the next thing of a kind that was given none."""
    name = snake_case(kind.__name__)
    _counts[name] += 1
    number = _counts[name] - 1
    return f"{name}_{number}" if number else name


def clear_session(free_memory: bool = True) -> None:
    """Count names from the beginning again. (`free_memory` changes nothing: what nobody holds is freed at once.)"""
    _counts.clear()


def old_spelling(what: str, old: str, new: str) -> None:
    """The one warning that an old spelling gives, at the line of the program that has it."""
    level, frame = 1, sys._getframe(0)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(f"{what}: {old} is an old spelling; today it is {new}", DeprecationWarning, stacklevel=level)


def accepts_old(**renamed: str) -> Callable:
    """A decorator: the function takes the arguments `old=` too, as `old="new"` says, each with a DeprecationWarning."""

    def decorate(function):
        what = function.__qualname__.split(".")[0] if function.__name__ == "__init__" else function.__name__

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            if not renamed.keys().isdisjoint(kwargs):
                kwargs = today(renamed, kwargs, lambda old, new: old_spelling(what, f"{old}=", f"{new}="))
            return function(*args, **kwargs)

        wrapped.renamed = renamed
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


class NotOfferedError(TinygradError):
    """Something of Keras that this library does not have; the message says what to use."""


class NotOfferedAttributeError(NotOfferedError, AttributeError):
    """It was looked up, so that `hasattr` is False, and editors and `inspect` go on."""


class NotYetError(OptionError, AttributeError):
    """An attribute that is there once something has been done, such as the output of a layer that was called."""


class NotOfferedImportError(NotOfferedError, ImportError):
    """It was to be imported."""


def not_offered(module: str, instead: dict[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` that says what to use instead of what it lacks."""

    def look_up(name: str):
        if name in instead:
            kind = NotOfferedImportError if _imports(sys._getframe(1)) else NotOfferedAttributeError
            raise kind(f"tinygrad_ml.{module} has no {name}: {instead[name]}")
        raise AttributeError(f"module 'tinygrad_ml.{module}' has no attribute {name!r}")

    return look_up


def _imports(frame: FrameType) -> bool:
    """Whether the code that runs in `frame` is a `from ... import`, which words of an AttributeError would not survive."""
    if frame.f_code.co_name == "_handle_fromlist":
        return True
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM"
