"""Functions that are composed of several operations: nodes remember the call of which they are a part.

Read before: `../modes/scopes.py`.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import unwrap
from typing import Any, NamedTuple, ParamSpec, TypeVar
from weakref import ref

from ..modes import Place, modes
from ..origins import remember
from ..spellings import beyond_numpy, refuse_unbound
from ..state import unrecorded

unrecorded.append(remember)

P = ParamSpec("P")
R = TypeVar("R")


BARE = {int, float, bool, str, type(None)}


class PlainArgument(NamedTuple):
    """A tensor or an array that a function was called with, and that needs no gradient: its parameter, a weak reference
    to it (to nothing, if it cannot be referred to), its shape and dtype, and the name it has, if any."""

    name: str
    thing: Callable[[], Any]
    shape: tuple[int, ...]
    dtype: Any
    called: str | None


def composed(function: Callable[P, R]) -> Callable[P, R]:
    """Let nodes remember that they are parts of one call of this function: pictures show the call as one box."""
    kind, names = function.__name__, unwrap(function).__code__.co_varnames

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        outer, busy = modes.scope, modes.busy
        place = Place("", kind, given=plain_arguments(names, args, kwargs))
        modes.scope = (*outer, place)
        modes.busy = True
        try:
            result = function(*args, **kwargs)
            if modes.recorder is not None:
                modes.recorder.called(place, function, args, kwargs, result)
            return result
        except TypeError:
            if (ours := beyond_numpy(kwargs)) != kwargs:
                return function(*args, **ours)  # type: ignore[call-arg]
            refuse_unbound(function, args, kwargs)
            raise
        finally:
            modes.scope, modes.busy = outer, busy

    return call


def overheard(function: Callable[P, R]) -> Callable[P, R]:
    """Let who reads recorded programs know of calls of this function, as of one that is composed; pictures show no box."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        recorder, outer = modes.recorder, modes.scope
        if recorder is None or not recorder.listens:
            return function(*args, **kwargs)
        place = Place("", function.__name__)
        modes.scope = (*outer, place)
        try:
            result = function(*args, **kwargs)
            recorder.called(place, function, args, kwargs, result)
            return result
        finally:
            modes.scope = outer

    return call


def plain_arguments(names: tuple[str, ...], args: tuple, kwargs: Mapping[str, Any]) -> tuple[PlainArgument, ...]:
    """The arguments with a shape and a dtype that need no gradient, under the names of the parameters."""
    found = [  # an argument mostly is a tensor that needs one: one look decides
        (name, thing)
        for name, thing in (*zip(names, args, strict=False), *kwargs.items())
        if type(thing) not in BARE
        and not getattr(thing, "requires_grad", False)
        and hasattr(thing, "shape")
        and hasattr(thing, "dtype")
    ]
    return (
        tuple(
            [
                PlainArgument(name, _reference(thing), thing.shape, thing.dtype, getattr(thing, "name", None))
                for name, thing in found
            ]
        )
        if found
        else ()
    )


def _reference(thing: Any) -> Callable[[], Any]:
    return ref(thing) if type(thing).__weakrefoffset__ else _nothing


def _nothing() -> None:
    return None
