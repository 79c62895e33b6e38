"""What is noticed between two calls of a compiled function: numbers and objects that its code reads by a name.

Read before: `reach.py`, which says what a function can reach.
"""

from __future__ import annotations

import types
import weakref
from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import numpy

from .code import Variables, inside_of, is_users, name_of
from .glance import Glance
from .reach import Reach
from .snapshots import CONTAINERS
from .values import MISSING, are_same, became, is_same, told

NOTICED_ITEMS = 100
NOTICED_BYTES = 65536
SAMPLES = 512
BUFFERS = (numpy.ndarray, memoryview, bytearray, array)


class NamedPlace(Protocol):
    """Where code looks by a name."""

    def __call__(self) -> Any:
        """What is there; `MISSING` if nothing is."""
        ...

    def glance(self, value: Any, glance: Glance) -> None:
        """Let it be looked at whether this is there."""
        ...


class NamedItem(NamedTuple):
    """What a dictionary has under a name."""

    inside: Any
    name: str

    def __call__(self) -> Any:
        return self.inside.get(self.name, MISSING)

    def glance(self, value: Any, glance: Glance) -> None:
        """What of it is seen at a glance."""
        if value is MISSING:
            glance.require(f"{self.name!r} not in {glance.word(self.inside)}")
        else:
            glance.items(self.inside, {self.name: value})


class HeldItem(NamedTuple):
    """An attribute of an object that must not be held on to."""

    reference: weakref.ref
    name: str

    def __call__(self) -> Any:
        return vars(self.reference()).get(self.name, MISSING)

    def glance(self, value: Any, glance: Glance) -> None:
        """What of it is seen at a glance."""
        inside = f"{glance.word(self.reference)}().__dict__"
        missing = f"{self.name!r} not in {inside}"
        glance.require(missing if value is MISSING else f"{inside}[{self.name!r}] is {glance.word(value)}")


class NamedCell(NamedTuple):
    """A variable of an enclosing function."""

    cell: types.CellType

    def __call__(self) -> Any:
        return inside_of(self.cell)

    def glance(self, value: Any, glance: Glance) -> None:
        """What of it is seen at a glance."""
        if value is MISSING:
            glance.call(self, MISSING)
        else:
            glance.attribute(self.cell, "cell_contents", value)


class Watch:
    """What code that is not this library's reads by a name: the variables of functions, and attributes of objects, classes
    and modules. Plain values count by value, all else by identity; of a list, a dictionary or a set what is in it, too; of
    an array of NumPy, and of what else holds numbers for others to read, the numbers.

    A container with more than `NOTICED_ITEMS` counts by how many there are, and of an array with more than `NOTICED_BYTES` some
    numbers are looked at, from everywhere in it.
    """

    def __init__(self, reached: Reach):
        held = set(map(id, reached.transient))
        self._variables = [holder for holder, *_ in reached.holders if isinstance(holder, Variables)]
        self._spaces, self._words, self._ours = reached.spaces, reached.words, reached.ours
        self._objects = [thing for thing in reached.objects if id(thing) not in held]
        self._held = [weakref.ref(thing) for thing in reached.objects if id(thing) in held]
        self.renew()

    def renew(self) -> None:
        """Notice what there is now."""
        self._named = [(place, place(), path) for place, path in self._places()]
        """(where to look, what was there, what to call that)"""
        self._contents: list[tuple[Any, list, str]] = []
        self._arrays: list[tuple[Any, tuple, str]] = []
        waiting = [(value, path) for _, value, path in self._named]
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
                waiting += [(item, f"{path}[{i}]") for i, item in enumerate(value[:NOTICED_ITEMS])]
            elif isinstance(value, BUFFERS):
                self._arrays.append((value, _numbers(value), path))

    def _places(self) -> Iterable[tuple[NamedPlace, str]]:
        """(what gives what stands behind a name, what to call that)"""
        for variables in self._variables:
            for name in variables.read & variables.globals.keys():
                yield NamedItem(variables.globals, name), name
            for name, cell in variables.cells.items():
                yield NamedCell(cell), name
        for space in self._spaces:
            for name in self._words & vars(space).keys():
                yield NamedItem(vars(space), name), f"{name_of(space)}.{name}"
        for thing in self._objects:
            for name, path in self._attributes(thing):
                yield NamedItem(vars(thing), name), path
        for reference in self._held:
            for name, path in self._attributes(reference()):
                yield HeldItem(reference, name), path

    def _attributes(self, thing: Any) -> list[tuple[str, str]]:
        """(name, what to call it) of those that are read; classes may have some that an object has not yet."""
        kind = type(thing)
        names = self._words & {*vars(thing), *(name for base in kind.__mro__ if is_users(base) for name in vars(base))}
        return [(name, f"{kind.__qualname__}.{name}") for name in names]

    def same(self) -> bool:
        """Whether all is as it was."""
        return self.same_names() and all(_numbers(given) == numbers for given, numbers, _ in self._arrays)

    def same_names(self) -> bool:
        """Whether all is as it was, but perhaps for the numbers in arrays."""
        for place, value, _ in self._named:
            now = place()
            if now is not value and not is_same(now, value):
                return False
        return all(are_same(_items(container), items) for container, items, _ in self._contents)

    def glance(self, glance: Glance) -> None:
        """Let it be looked at whether all is the same."""
        for place, value, _ in self._named:
            place.glance(value, glance)
        for container, items, _ in self._contents:
            if len(container) > NOTICED_ITEMS:
                glance.require(f"len({glance.word(container)}) == {len(container)}")
            elif isinstance(container, dict):
                glance.members(container, items[: len(container)])
                glance.items(container, dict(container))
            else:
                glance.members(container, items)
        for given, numbers, _ in self._arrays:
            glance.require(f"{glance.word(_numbers)}({glance.word(given)}) == {glance.word(numbers)}")

    def change(self) -> str | None:
        """What to say of one thing that is another now."""
        for place, before, path in self._named:
            now = place()
            if not is_same(now, before):
                return became(path, told(now), told(before))
        changed = [path for x, items, path in self._contents if not are_same(_items(x), items)]
        changed += [path for given, numbers, path in self._arrays if _numbers(given) != numbers]
        return next((f"there is something else in {path} than before" for path in changed), None)


def _numbers(given: Any) -> tuple:
    """What is in an array, to be compared."""
    if not isinstance(given, numpy.ndarray):
        given = numpy.asarray(given)
    if given.nbytes <= NOTICED_BYTES:
        return given.shape, given.dtype, given.tobytes()
    flat = given.ravel("K") if given.flags.forc else given.flat
    return given.shape, given.dtype, flat[:: given.size // SAMPLES | 1].tobytes()


def _items(container: Any) -> list:
    """What is in a container that may change, keys included; of a large one, how much that is."""
    if len(container) > NOTICED_ITEMS:
        return [len(container)]
    return [*container, *container.values()] if isinstance(container, dict) else list(container)
