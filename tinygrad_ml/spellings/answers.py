"""The errors that tell which line to write. Read before: `call.py`."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Self, TypeVar

from ..errors import SpellingError, SpellingImportError
from .call import TypedCall
from .caller import PACKAGE, SourceCall, calls, imports, user, written
from .rows import ANOTHER_WORD, MODULES, UNKNOWN, Spelling, rows

P = ParamSpec("P")
R = TypeVar("R")

TENSOR = "x"
"""What a tensor is called where the table has its methods."""


def attribute_of(owner: object, name: str, place: str, what: str) -> Any:
    """What `__getattr__` of a tensor or a module does about a name of PyTorch's: a call of it raises the error that has
    what it was called with, and to ask for it alone one that has not.

    place  where the table has it
    what   what to call the owner

    Raises `SpellingError`, which is an `AttributeError`; a plain one where the table does not know the name.
    """
    known = getattr(type(owner), name, None)
    if isinstance(known, property):  # whose own AttributeError has led here: let it be seen
        return known.__get__(owner)
    frame, found = sys._getframe(2), () if name.startswith("_") else rows(place, name)
    if found:
        return _Misspelling(name, found, f"{what} has no attribute {name!r}", owner).looked_up(frame)
    raise AttributeError(f"{what} has no attribute {name!r}", name=name, obj=owner)


def missing_from(module: str, *places: str) -> Callable[[str], Any]:
    """A module's `__getattr__`: what PyTorch has under a name that is not here.

    module  its whole name
    places  where the table has what PyTorch's module of that name offers
    """
    said = f"module {module!r} has no attribute"

    def look_up(name: str) -> Any:
        found = () if name.startswith("_") else tuple(row for place in places for row in rows(place, name))
        frame = user()
        if not found:
            room = sys.modules.get(module)  # in which Python looks for a name like it
            raise AttributeError(f"{said} {name!r}", name=name, obj=room)
        if imports(frame):
            line = found[0].as_it_stands()
            raise SpellingImportError(f"cannot import {name!r} from {module!r}{_here(found[0], line)}", name=module)
        return _Misspelling(name, found, f"{said} {name!r}").looked_up(frame)

    return look_up


class _Misspelling:
    """A function of PyTorch's: calling it raises the error that says what to write."""

    def __init__(self, name: str, found: Sequence[Spelling], said: str, *owner: object):
        self.name, self.found, self.said, self.owner = name, found, said, owner

    def looked_up(self, frame: FrameType) -> _Misspelling:
        """Itself where it is called next, which is when it is known with what; else the error."""
        if not any(row.called for row in self.found) or not calls(frame):
            self._raise(frame, (), {}, [row for row in self.found if not row.called])
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._raise(user(), args, kwargs, self.found)

    def _raise(self, frame: FrameType, args: tuple, kwargs: dict[str, Any], found: Sequence[Spelling]) -> NoReturn:
        typed = written(frame, self.name)
        call = TypedCall(frame, typed, (*self.owner, *args), kwargs, owner=bool(self.owner))
        row, line = call.translated(found) or (self.found[0], self.found[0].as_it_stands())
        raise _error(self.said, row, line, typed, name=self.name)


class Size(int):
    """How many elements a tensor has. Called as `x.size(0)` is in PyTorch, it tells which line to write."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`SpellingError`: the sizes of axes are `x.shape`."""
        return _Misspelling("size", rows(TENSOR, "size"), "x.size is a number", UNKNOWN)(*args, **kwargs)

    def __reduce__(self) -> tuple:
        return int, (int(self),)


def beyond_numpy(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without those by which NumPy says nothing, where `np.sum(x)` asks for `x.sum(axis=None, out=None)`.

    `np.std(x, ddof=1)` asks for `x.std(axis=None, dtype=None, out=None, ddof=1)`, and ddof is `correction`.
    """
    if given.get("out", given) is not None:
        return dict(given)
    rest = {word: value for word, value in given.items() if word != "out" and (word, value) != ("dtype", None)}
    return {"correction" if word == "ddof" else word: value for word, value in rest.items()}


def misspelt(function: Callable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> SpellingError:
    """The error for a call of a function, or a class, of ours with PyTorch's arguments.

    args, kwargs  what it was called with, in our order and words; arguments that have their defaults count as not given
    """
    parameters = inspect.signature(function.__init__ if isinstance(function, type) else function).parameters
    parameters = {name: parameter for name, parameter in parameters.items() if name != "self"}
    names = [name for name, parameter in parameters.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    args, given = _as_given(names, parameters, args, kwargs)
    name, frame = function.__name__, user()
    typed = written(frame, name)
    owner = typed is not None and not _is_module(typed.function, frame)
    call = TypedCall(frame, typed, args, given, names, owner)
    unknown = [word for word in given if word not in parameters]
    said = (
        f"{name}() has no {unknown[0]!r}" if unknown else f"{typed.text if typed else f'such a {name}()'} is PyTorch's"
    )
    for found in (found for place in _places(function) if (found := rows(place, name))):
        if (filled := call.translated(found)) is not None:
            return _error(said, *filled, typed)
    ours = ast.Attribute(call.root(_root_of(function)), name)
    line = call.renamed(ours, {word: ANOTHER_WORD.get(word, "") for word in unknown}, parameters)
    if line:
        return SpellingError(f"{said}; write {line}", line=line, typed=typed and typed.text)
    takes = ", ".join(str(known.replace(annotation=known.empty)) for known in parameters.values() if _is_ours(known))
    said = said if unknown else f"{name}() was given too much"
    return SpellingError(f"{said}; it takes ({takes})", typed=typed and typed.text)


def _as_given(
    names: Sequence[str], parameters: Mapping[str, inspect.Parameter], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments without those that have their defaults; what stands behind one of these, by its name."""
    places = [*names, *[""] * len(args)]
    given = [not (name and _is_default(value, parameters[name])) for name, value in zip(places, args, strict=False)]
    first = given.index(False) if False in given else len(args)
    behind = {
        name: value for name, value, there in zip(places[first:], args[first:], given[first:], strict=False) if there
    }
    words = {
        word: value
        for word, value in kwargs.items()
        if not (word in parameters and _is_default(value, parameters[word]))
    }
    return list(args[:first]), behind | words


def _is_ours(parameter: inspect.Parameter) -> bool:
    return parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)


def refuse_unknown(kind: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """`SpellingError` for arguments of PyTorch's with which a class of ours cannot be made."""
    if kwargs and kind.__module__.startswith(f"{PACKAGE}."):
        known = inspect.signature(kind.__init__).parameters
        free = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
        if not free and not kwargs.keys() <= known.keys():
            error = misspelt(kind, args, kwargs)
            if error.line:  # others are Python's to tell
                raise error


class Speller:
    """A class that tells which line to write where it is made with PyTorch's arguments, or asked for PyTorch's attributes."""

    _in_the_table = ""  # what the table calls it

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        refuse_unknown(cls, args, kwargs)
        return super().__new__(cls)

    if not TYPE_CHECKING:  # to whom every name would be one of the class

        def __getattr__(self, name: str) -> Any:
            return attribute_of(self, name, self._in_the_table, f"a {type(self).__name__}")


def spelt(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function tell which line to write where it is called with PyTorch's arguments."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError:
            refuse_unbound(function, args, kwargs)
            raise

    return call


def refuse_unbound(function: Callable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """`SpellingError` for arguments that a function of ours does not take."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        raise misspelt(function, args, kwargs) from None


def _root_of(function: Callable) -> str:
    """The module of the table in which a function of ours is found."""
    (place, *_) = _places(function)
    return place if place in MODULES else "tg"


def _is_default(value: object, parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty and value is parameter.default


def _is_module(function: ast.Attribute, frame: FrameType) -> bool:
    """Whether what stands before a name is a module, as in `tg.sum`, and no tensor."""
    root: ast.expr = function.value
    while isinstance(root, ast.Attribute):
        root = root.value
    name = root.id if isinstance(root, ast.Name) else ""
    return isinstance(frame.f_locals.get(name, frame.f_globals.get(name)), ModuleType)


def _places(function: Callable) -> tuple[str, ...]:
    """Where the table has the functions of a module."""
    module = function.__module__ + "."
    for place, where in (
        ("F", "nn.functional"),
        ("init", "nn.init"),
        ("utils", "nn.utils"),
        ("nn", "nn"),
        ("data", "data"),
        ("lr_scheduler", "optim.lr_scheduler"),
        ("optim", "optim"),
        ("torch.linalg", "linalg"),
    ):
        if module.startswith(f"{PACKAGE}.{where}."):
            return (place,)
    return TENSOR, "torch", "F"


def _here(row: Spelling, line: str) -> str:
    """What an error says of a row."""
    if not line:
        return f": {row.differs}"
    return f"; here it is {line}" + (f" ({row.differs})" if row.differs else "")


def _error(said: str, row: Spelling, line: str, typed: SourceCall | None = None, **where: Any) -> SpellingError:
    error = SpellingError(said + _here(row, line), line=line, typed=typed and typed.text)
    if where:
        error.name, error.obj = where.get("name"), where.get("obj")
    return error
