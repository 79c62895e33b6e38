"""What is noticed between two calls of a compiled function: numbers and objects that its code reads by a name.

Read before: `state.py`, which says what a function can reach.
"""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Mapping
from operator import is_
from typing import Any

import numpy

from .signature import became
from .state import CONTAINERS, MISSING, Found, Variables, filled, is_plain, is_same, is_users, name_of


class Noticed:
    """What code that is not this library's reads by a name: the variables of functions, and attributes of objects, classes
    and modules. Plain values count by value, all else by identity; of a list, a dictionary or a set what is in it, too; of
    an array of NumPy, and of what else holds numbers for others to read, the numbers.

    A container with more than `SMALL` items counts by how many there are, and of an array with more than `FEW` bytes some
    numbers are looked at, from everywhere in it.
    """

    def __init__(self, found: Found):
        held = {id(thing) for thing in found.held}
        self._variables = [holder for holder, *_ in found.holders if isinstance(holder, Variables)]
        self._spaces, self._words, self._ours = found.spaces, found.words, found.ours
        self._objects = [thing for thing in found.objects if id(thing) not in held]
        self._held = [weakref.ref(thing) for thing in found.objects if id(thing) in held]
        self.renew()

    def renew(self) -> None:
        """Notice what there is now."""
        # (where, a name there, what is there, what to call it): in dictionaries, in cells, in objects that are not held
        self._named: list[tuple[Mapping, str, Any, str]] = []
        self._cells: list[tuple[Any, str, Any, str]] = []
        self._weak: list[tuple[weakref.ref, str, Any, str]] = []
        for variables in self._variables:
            here = variables.read & variables.globals.keys()
            self._named += [(variables.globals, name, variables.globals[name], name) for name in here]
            self._cells += [(cell, name, _inside_of(cell), name) for name, cell in variables.cells.items()]
        for space in self._spaces:
            inside = vars(space)
            here = self._words & inside.keys()
            self._named += [(inside, name, inside[name], f"{name_of(space)}.{name}") for name in here]
        for thing in self._objects:
            self._named += [(vars(thing), *attribute) for attribute in self._attributes(thing)]
        for reference in self._held:
            self._weak += [(reference, *attribute) for attribute in self._attributes(reference())]
        self._contents: list[tuple[Any, list, str]] = []
        self._arrays: list[tuple[Any, tuple, str]] = []
        waiting = [(value, path) for *_, value, path in (*self._named, *self._cells, *self._weak)]
        waiting += [(value, name) for variables in self._variables for name, value in variables.defaults.items()]
        seen = set(self._ours)
        while waiting:
            value, path = waiting.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if isinstance(value, CONTAINERS):
                items = _items(value)
                self._contents.append((value, items, path))
                waiting += [(item, f"{path}[...]") for item in items]
            elif isinstance(value, tuple):
                waiting += [(item, f"{path}[{i}]") for i, item in enumerate(value[:SMALL])]
            elif isinstance(value, BUFFERS):
                self._arrays.append((value, _numbers(value), path))

    def _attributes(self, thing: Any) -> list[tuple[str, Any, str]]:
        """(name, value, what to call it) of those that are read; classes may have some that an object has not yet."""
        inside, kind = vars(thing), type(thing)
        names = self._words & {*inside, *(name for base in kind.__mro__ if is_users(base) for name in vars(base))}
        return [(name, inside.get(name, MISSING), f"{kind.__qualname__}.{name}") for name in names]

    def same(self) -> bool:
        """Whether all is as it was."""
        return self.same_names() and all(_numbers(given) == numbers for given, numbers, _ in self._arrays)

    def same_names(self) -> bool:
        """Whether all is as it was, but perhaps for the numbers in arrays."""
        for inside, name, value, _ in self._named:
            if inside.get(name, MISSING) is not value and not is_same(inside.get(name, MISSING), value):
                return False
        for cell, _, value, _ in self._cells:
            if _inside_of(cell) is not value and not is_same(_inside_of(cell), value):
                return False
        for reference, name, value, _ in self._weak:
            now = vars(reference()).get(name, MISSING)
            if now is not value and not is_same(now, value):
                return False
        return all(_same_items(_items(container), items) for container, items, _ in self._contents)

    def change(self) -> str | None:
        """What to say of one thing that is another now."""
        now = (
            *((path, inside.get(name, MISSING), value) for inside, name, value, path in self._named),
            *((path, _inside_of(cell), value) for cell, _, value, path in self._cells),
            *((path, vars(reference()).get(name, MISSING), value) for reference, name, value, path in self._weak),
        )
        for path, value, before in now:
            if not is_same(value, before):
                return became(path, *map(_told, (value, before)))
        changed = [path for x, items, path in self._contents if not _same_items(_items(x), items)]
        changed += [path for given, numbers, path in self._arrays if _numbers(given) != numbers]
        return next((f"there is something else in {path} than before" for path in changed), None)


def _told(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    return repr(value) if is_plain(value) else f"a {type(value).__qualname__}"


SMALL = 100
FEW = 65536
SAMPLES = 512
BUFFERS = (numpy.ndarray, memoryview, bytearray, array)


def _numbers(given: Any) -> tuple:
    """What is in an array, to be compared."""
    if not isinstance(given, numpy.ndarray):
        given = numpy.asarray(given)
    if given.nbytes <= FEW:
        return given.shape, given.dtype, given.tobytes()
    flat = given.ravel("K") if given.flags.forc else given.flat
    return given.shape, given.dtype, flat[:: given.size // SAMPLES | 1].tobytes()


def _items(container: Any) -> list:
    """What is in a container that may change, keys included; of a large one, how much that is."""
    if len(container) > SMALL:
        return [len(container)]
    return [*container, *container.values()] if isinstance(container, dict) else list(container)


def _same_items(now: list, before: list) -> bool:
    return len(now) == len(before) and (all(map(is_, now, before)) or all(map(is_same, now, before)))


def _inside_of(cell) -> Any:
    return cell.cell_contents if filled(cell) else MISSING
