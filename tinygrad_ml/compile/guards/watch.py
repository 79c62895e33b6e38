"""What is noticed between two calls of a compiled function: numbers and objects that its code reads by a name.

Read before: `reach.py`, which says what a function can reach.
"""

from __future__ import annotations

import types
import weakref
from array import array
from collections.abc import Iterator
from typing import Any

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


class Watch:
    """What code that is not this library's reads by a name: the variables of functions, and attributes of objects, classes
    and modules. Plain values count by value, all else by identity; of a list, a dictionary or a set what is in it, too; of
    an array of NumPy, and of what else holds numbers for others to read, the numbers.

    A container with more than `NOTICED_ITEMS` counts by how many there are, and of an array with more than `NOTICED_BYTES` some
    numbers are looked at, from everywhere in it.
    """

    def __init__(self, reached: Reach):
        self._variables = [holder for holder, *_ in reached.holders if isinstance(holder, Variables)]
        self._spaces, self._words, self._ours = reached.spaces, reached.words, reached.ours
        fleeting = set(map(id, reached.transient))
        self._objects = [weakref.ref(thing) if id(thing) in fleeting else thing for thing in reached.objects]
        self.renew()

    def renew(self) -> None:
        """Notice what there is now."""
        self._named = [(inside, name, _found(inside, name), path) for inside, name, path in self._places()]
        self._contents: list[tuple[Any, list, str]] = []
        self._arrays: list[tuple[Any, tuple, str]] = []
        waiting = [(value, path) for *_, value, path in self._named]
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

    def _places(self) -> Iterator[tuple[Any, str, str]]:
        """(inside of what, name, what to call that): see `_found`."""
        for variables in self._variables:
            yield from ((variables.globals, name, name) for name in variables.read & variables.globals.keys())
            yield from ((cell, name, name) for name, cell in variables.cells.items())
        for space in self._spaces:
            yield from ((vars(space), name, f"{name_of(space)}.{name}") for name in self._words & vars(space).keys())
        for held in self._objects:
            thing, inside = (held(), held) if type(held) is weakref.ref else (held, vars(held))
            kind = type(thing)  # some of whose attributes the object may not have yet
            names = {*vars(thing), *(name for base in kind.__mro__ if is_users(base) for name in vars(base))}
            yield from ((inside, name, f"{kind.__qualname__}.{name}") for name in self._words & names)

    def changes(self, numbers: bool = True) -> Iterator[str]:
        """What to say of each thing that is another now, the numbers in arrays included or not."""
        for inside, name, before, path in self._named:
            now = _found(inside, name)
            if now is not before and not is_same(now, before):
                yield became(path, told(now), told(before))
        changed = [path for container, items, path in self._contents if not are_same(_items(container), items)]
        if numbers:
            changed += [path for given, before, path in self._arrays if _numbers(given) != before]
        yield from (f"there is something else in {path} than before" for path in changed)

    def same(self, numbers: bool = True) -> bool:
        """Whether all is as it was."""
        return not any(self.changes(numbers))

    def glance(self, glance: Glance) -> None:
        """Let it be looked at whether all is the same."""
        for inside, name, value, _ in self._named:
            word = glance.word(inside)
            if isinstance(inside, types.CellType):
                glance.attribute(inside, "cell_contents", value)
                continue
            if type(inside) is weakref.ref:
                word = f"{word}().__dict__"
            glance.require(
                f"{name!r} not in {word}" if value is MISSING else f"{word}[{name!r}] is {glance.word(value)}"
            )
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


def _found(inside: Any, name: str) -> Any:
    """What stands under a name: in a dictionary, in a variable of an enclosing function, in an object that must not be held on
    to, which is a reference. `MISSING` if nothing does."""
    if isinstance(inside, types.CellType):
        return inside_of(inside)
    if type(inside) is weakref.ref:
        inside = vars(inside())
    return inside.get(name, MISSING)


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
