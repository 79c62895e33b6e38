"""What a function can reach: the tensors that it may change, and the modules and optimisers it may call.

A function reaches what it closes over: variables of the function around it, global variables that it
names, its defaults, the object whose method it is; and what these reach in turn. What is found is
watched from the first instruction on; a tensor that is not found here is met when it is first used.

An object reaches its attributes, if its class does not say by `_reached_by_steps()` what it reaches instead.

Read before: `code.py`, `snapshots.py`. Read next: `conditions.py`, `watch.py`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from ...tensor import Tensor
from .code import Variables, closed_over, is_ours, is_users, name_of, names_in
from .method import HeldMethod
from .snapshots import CONTAINERS, GENERATORS, Holder, Snapshot, content
from .values import PLAIN, snapshot

REACHED_ITEMS = 1000
"""A longer list of things that are no tensors is taken for data, and not looked through."""
WRAPPERS = (property, staticmethod, classmethod, cached_property)
"""What stands around a function in a class."""

Part = tuple[str, Any]
"""(what to call it, thing)"""
Spot = tuple[Any, str | None, str]
"""(thing, who holds it, what to call it)"""


class Reach:
    """The tensors, modules and optimisers that functions and objects (`roots`) can reach, and what holds these and everything else.

    tensors    and what to call their places
    reporters  modules, optimisers, and what else says on what steps rely (`conditions.py`)
    holders    what holds something and can change (`snapshots.py`)
    objects    what is of a class that is not this library's
    spaces     classes and modules that are not
    transient  objects that must not be held on to
    words      the names of attributes that code which is not this library's reads
    ours       ids of containers that an object of this library has
    """

    def __init__(self, *roots: Any):
        self.tensors: dict[Tensor, str] = {}
        self.reporters: list[Any] = []
        self.holders: list[Holder] = []
        self.objects: list[Any] = []
        self.spaces: list[Any] = []
        self.transient: list[Any] = []
        self.words: set[str] = set()
        self.ours: set[int] = set()
        self._seen: dict[int, Any] = {}  # by its id, which is its own as long as it is kept
        self._named: set[str] = set()
        self._unnamed: dict[str, list[Spot]] = {}
        self._waiting: list[Spot] = []
        self._insides: list[tuple[Any, Spot]] = []  # (holder, the thing for which it holds something)
        self.look_at(*roots)

    def place(self, wanted: Callable[[Tensor], bool]) -> str | None:
        """What to call the place of a tensor that is `wanted`, if there is one."""
        return next((path for tensor, path in self.tensors.items() if wanted(tensor)), None)

    def look_at(self, *roots: Any) -> None:
        """Find what these reach, too."""
        self._waiting += [(root, None, name_of(root)) for root in roots]
        while self._waiting:
            thing, owner, path = self._waiting.pop()
            if isinstance(thing, (str, bytes, int, float, type(None))) or id(thing) in self._seen:
                continue
            self._seen[id(thing)] = thing
            if isinstance(thing, (type, types.ModuleType)):
                if is_users(thing):
                    self.spaces.append(thing)
                    if isinstance(thing, type):
                        self.holders.append((thing, name_of(thing)))
                    self._look_into_space(thing)
            else:
                self._look_at_thing(thing, owner, path)

    def look_again(self, before: Snapshot) -> None:
        """Find what is reached where something is another now than it was `before`."""
        changed = set(map(id, before.changed()))
        for holder, spot in self._insides:
            if holder is None or id(holder) in changed:
                self._look_into_thing(*spot)
        for space in tuple(self.spaces):
            self._look_into_space(space)
        self.look_at()

    def _look_into_space(self, space: type | types.ModuleType) -> None:
        """Find what a class or a module of the user's has that some code of theirs calls by its name, or that Python or
        this library calls: a method `fit` that a step does not name is none of its business."""
        owner = name_of(space)
        for name, part in snapshot(vars(space)).items():
            known = name in self._named or (isinstance(space, type) and _is_called_by_others(space, name))
            (self._waiting if known else self._unnamed.setdefault(name, [])).append((part, owner, f"{owner}.{name}"))

    def _look_at_thing(self, thing: Any, holds_it: str | None, path: str) -> None:
        if isinstance(thing, Tensor):
            self.tensors[thing] = path
            if not hasattr(thing, "__dict__"):
                return
        elif isinstance(thing, HeldMethod):
            self.transient.append(thing.instance)
        elif hasattr(type(thing), "_relied_on_by_steps"):
            self.reporters.append(thing)
        owner = _owner(thing, holds_it)
        if isinstance(thing, types.FunctionType) and owner is not None:
            self._look_for_names(thing)
        holder = self._look_into_thing(thing, owner, path)
        if holder is not None:
            self.holders.append((holder, owner))
        if holder is not None or hasattr(type(thing), "_reached_by_steps"):
            self._insides.append((holder, (thing, owner, path)))
        if owner is not None and isinstance(holder, dict) and holder is not thing:
            self.objects.append(thing)
            self._waiting += [(part, owner, "") for part in type(thing).__mro__]

    def _look_into_thing(self, thing: Any, owner: str | None, path: str) -> Any:
        """Find what it holds; what holds that, if it can change."""
        holder, parts = _inside(thing, path)
        if is_ours(type(thing)) or id(thing) in self.ours:
            self.ours.update(id(part) for _, part in parts if isinstance(part, CONTAINERS))
        self._waiting += [(part, owner, name) for name, part in parts]
        return holder

    def _look_for_names(self, function: types.FunctionType) -> None:
        """Note the names of attributes in the code of the user's, and look at what was left because nobody named it."""
        names = names_in(function.__code__)
        self.words |= names.read_attributes
        for name in names.attributes - self._named:
            self._waiting += self._unnamed.pop(name, ())
        self._named |= names.attributes


def _is_called_by_others(kind: type, name: str) -> bool:
    """Whether Python, or this library, may call what the class has under that name."""
    return name[:2] == "__" or any(name in vars(base) for base in kind.__mro__ if is_ours(base))


def _owner(thing: Any, holds_it: str | None) -> str | None:
    """Whose the thing is: the name of a function or class that is not this library's; what is in a list, the list's."""
    if isinstance(thing, types.FunctionType):
        return thing.__qualname__ if is_users(thing) else None
    inside = isinstance(getattr(thing, "__dict__", None), dict)
    if not inside or isinstance(thing, (*GENERATORS, types.MethodType, HeldMethod, partial, *WRAPPERS)):
        return holds_it
    return None if is_ours(type(thing)) else type(thing).__qualname__


def _inside(thing: Any, path: str) -> tuple[Any, list[Part]]:
    """What holds something for the thing, if that can change; and what can be reached from there in one step."""
    for kinds, look in _INSIDE:
        if isinstance(thing, kinds):
            return look(thing, path)
    if hasattr(type(thing), "_reached_by_steps"):
        return None, [(path, part) for part in thing._reached_by_steps()]
    inside = getattr(thing, "__dict__", None)
    if not isinstance(inside, dict):
        return None, []
    return inside, [(f"{type(thing).__qualname__}.{name}", part) for name, part in snapshot(inside).items()]


def _inside_function(function: types.FunctionType, path: str) -> tuple[Variables | None, list[Part]]:
    variables = Variables(function) if is_users(function) else None
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    named = closed_over(cells) if variables is None else variables.now()
    given = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    if function.__dict__:
        given.append(function.__dict__)
    return variables, [*named.items(), *((path, part) for part in given)]


def _inside_container(things: Any, path: str) -> tuple[Any, list[Part]]:
    held = content(things)
    if len(held) > REACHED_ITEMS and not isinstance(next(iter(held.values())), Tensor):
        return None, []
    named = isinstance(things, (dict, list, tuple))
    keys = [(path, key) for key in held] if isinstance(things, dict) else []
    parts = [(f"{path}[{key!r}]" if named and isinstance(key, PLAIN) else path, part) for key, part in held.items()]
    return things if isinstance(things, CONTAINERS) else None, [*keys, *parts]


def _parts(*names: str) -> Callable[[Any, str], tuple[None, list[Part]]]:
    """Of a thing that does not change: what it has under these names."""
    return lambda thing, path: (None, [(path, getattr(thing, name, None)) for name in names])


_INSIDE: tuple[tuple[Any, Callable[[Any, str], tuple[Any, list[Part]]]], ...] = (
    ((*CONTAINERS, tuple, frozenset), _inside_container),
    (types.FunctionType, _inside_function),
    (types.MethodType, _parts("__self__", "__func__")),
    (WRAPPERS, _parts("fget", "fset", "__func__", "func")),
    (partial, _parts("func", "args", "keywords")),
    (GENERATORS, lambda stream, path: (stream, [])),
)
"""(kinds of things, what is inside: its holder, its parts)"""
