"""The names that a function's code reads and sets: the one door behind which Python's bytecode is read.

Read next: `reach.py`.
"""

from __future__ import annotations

import dis
import sys
import types
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from .values import MISSING

PACKAGE = __name__.partition(".")[0]
NOT_THE_USERS = {PACKAGE, "numpy", *sys.stdlib_module_names}


class NamesInCode(NamedTuple):
    """The names in the body of a function, and of the functions within it: of variables outside of all of them, and of
    attributes; those that are read, and all, some of which are only set."""

    read: frozenset[str]
    variables: frozenset[str]
    read_attributes: frozenset[str]
    attributes: frozenset[str]


_NAMING = (
    ("LOAD_GLOBAL", "LOAD_NAME"),
    ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_NAME"),
    ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"),
    ("STORE_ATTR", "DELETE_ATTR"),
)
"""The instructions of Python that name variables and attributes."""


@lru_cache(maxsize=1000)
def names_in(code: types.CodeType) -> NamesInCode:
    met: dict[str, set[str]] = {}
    for instruction in dis.get_instructions(code):
        met.setdefault(instruction.opname, set()).add(instruction.argval)
    by_kind = [set().union(*(met.get(name, ()) for name in names)) for names in _NAMING]
    if by_kind[0] & {"getattr", "hasattr", "vars"}:  # by the names of attributes as strings
        by_kind[2].update(text for text in code.co_consts if isinstance(text, str) and text.isidentifier())
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            by_kind = [names | inner for names, inner in zip(by_kind, names_in(constant), strict=True)]
    read, variables, read_attributes, attributes = by_kind
    return NamesInCode(*map(frozenset, (read, read | variables, read_attributes, read_attributes | attributes)))


class Variables:
    """The variables outside of a function that it can name: those of the functions around it, and global ones."""

    def __init__(self, function: types.FunctionType):
        self.cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        names = names_in(function.__code__)
        self.globals, self.names, self.read = function.__globals__, names.variables, names.read
        given = function.__defaults__ or ()
        last = function.__code__.co_varnames[: function.__code__.co_argcount][-len(given) :]
        self.defaults = dict(zip(last, given, strict=False)) | (function.__kwdefaults__ or {})

    def now(self) -> dict[str, Any]:
        """What they are now, by name; those that are."""
        held = {name: self.globals[name] for name in self.names if name in self.globals}
        return held | closed_over(self.cells)

    def put(self, values: dict[str, Any]) -> None:
        """Let them be these, and no others."""
        for name in self.names - values.keys():
            self.globals.pop(name, None)
        for name, value in values.items():
            if name in self.cells:
                self.cells[name].cell_contents = value
            else:
                self.globals[name] = value


def closed_over(cells: dict[str, types.CellType]) -> dict[str, Any]:
    """The variables of functions around a function, by name; those that are set."""
    return {name: value for name, cell in cells.items() if (value := inside_of(cell)) is not MISSING}


def inside_of(cell: types.CellType) -> Any:
    """What a variable of an enclosing function holds; `MISSING` before it is set."""
    try:
        return cell.cell_contents
    except ValueError:  # a variable that is not set yet
        return MISSING


def name_of(thing: Any) -> str:
    """What to call a function, a class or a module; anything else by its class."""
    return getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None) or type(thing).__qualname__


def is_users(thing: Any) -> bool:
    """Whether a function, a class or a module is the user's: not this library's, nor Python's, nor an installed package's."""
    name = thing.__name__ if isinstance(thing, types.ModuleType) else getattr(thing, "__module__", None)
    return not isinstance(name, str) or _is_users_module(name)


@lru_cache(maxsize=1000)
def _is_users_module(name: str) -> bool:
    if name.partition(".")[0] in NOT_THE_USERS:
        return False
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return not {"site-packages", "dist-packages"} & {*Path(file).parts}


def is_ours(kind: type) -> bool:
    """Whether a class is this library's."""
    return f"{kind.__module__}.".startswith(f"{PACKAGE}.")
