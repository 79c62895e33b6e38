"""What a function can reach: the tensors that it may change, and the modules and optimisers it may call.

A function reaches what it closes over: variables of the function around it, global variables that it
names, its defaults, the object whose method it is; and what these reach in turn. What is found is
watched from the first instruction on; a tensor that is not found here is met when it is first used.
"""

from __future__ import annotations

import dis
import functools
import inspect
import pickle
import random
import sys
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache, partial
from operator import is_
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from ...errors import CompileError
from ...nn import Module
from ...optim import Optimizer
from ...tensor import Tensor

PACKAGE = __name__.partition(".")[0]
ROOM = __package__.rpartition(".")[0]
MANY = 1000
"""A longer list of things that are no tensors is taken for data, and not looked through."""


class Found:
    """The tensors, modules and optimisers that a function can reach, and what holds these and everything else.

    paths    what to call the places of the tensors
    holders  (dictionary, list, set, class, or variables of a function; whose they are if not this library's, else None;
             what to call it)
    objects  what is of a class that is not this library's
    spaces   classes and modules that are not
    held     objects that must not be held on to
    words    the names of attributes that code which is not this library's reads
    ours     ids of containers that an object of this library has
    """

    def __init__(self):
        self.tensors: list[Tensor] = []
        self.paths: list[str] = []
        self.modules: list[Module] = []
        self.optimizers: list[Optimizer] = []
        self.holders: list[tuple[Any, str | None, str]] = []
        self.objects: list[Any] = []
        self.spaces: list[Any] = []
        self.held: list[Any] = []
        self.words: set[str] = set()
        self.ours: set[int] = set()

    def conditions(self) -> list[tuple[Callable[[], Any], Any]]:
        """(function, what it returns now): on what, besides numbers, it depends what a step does."""
        functions: list[Callable] = [_Attributes(module) for module in self.modules]
        functions += [partial(_options, optimizer) for optimizer in self.optimizers]
        functions += [partial(_uses, optimizer, optimizer.state) for optimizer in self.optimizers]
        functions.append(partial(_needs, self.tensors))
        return [(function, function()) for function in functions]

    def names(self) -> dict[int, str]:
        """The id of each tensor that an optimiser keeps -> what to call it: `0.weight.exp_avg`."""
        return {
            id(tensor): f"{parameter.name}.{name}" if parameter.name else name
            for optimizer in self.optimizers
            for parameter, kept in optimizer.state.items()
            for name, tensor in kept.items()
        }

    def place(self, wanted: Callable[[Tensor], bool]) -> str | None:
        """What to call the place of a tensor that is `wanted`, if there is one."""
        return next((path for tensor, path in zip(self.tensors, self.paths, strict=True) if wanted(tensor)), None)

    def now(self) -> Held:
        """What all holders hold now, to be restored after a recording that failed."""
        return Held(self.holders)

    def numbers(self, everybodys: bool = False) -> Callable[[], tuple]:
        """A function that returns the plain values in attributes and variables: of code that is not this library's, or of
        everybody's."""
        holders = [
            holder
            for holder, owner, _ in self.holders
            if (everybodys or owner is not None) and not isinstance(holder, GENERATORS)
        ]
        return lambda: tuple(value for holder in holders for value in _content(holder).values() if is_plain(value))


class HeldMethod:
    """A method of an object that holds on to it, as a function: it does not hold on to the object.

    So an object and its compiled methods, with all the memory that these have planned, go when nobody wants them.
    """

    def __init__(self, function: Callable, instance: Any):
        self.function, self._instance = function, weakref.ref(instance)
        functools.update_wrapper(self, function, updated=())
        del self.__wrapped__  # which takes the object, too
        self.__signature__ = inspect.signature(function.__get__(instance))

    def is_of(self, thing: Any) -> bool:
        """Whether it is a method of that very object."""
        return self._instance() is thing

    @property
    def instance(self) -> Any:
        """The object. `CompileError` if it is gone."""
        instance = self._instance()
        if instance is None:
            raise CompileError(
                f"the object whose method {self.__name__} this is, is gone: keep it as long as you call it"
            )
        return instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self.instance, *args, **kwargs)


class Held:
    """What dictionaries, lists, attributes and the variables of functions hold at one moment."""

    def __init__(self, holders: list[tuple[Any, str | None, str]]):
        self._held = [(holder, owner, path, _content(holder)) for holder, owner, path in holders]

    def restore(self) -> None:
        """Put everything back."""
        _restore(self._held)

    @contextmanager
    def back(self, optimizers: list[Optimizer]) -> Iterator[None]:
        """Inside, the state of these optimisers is as it was at that moment."""
        theirs = {id(part) for one in optimizers for part in (vars(one), one.state, *one.state.values())}
        held = [entry for entry in self._held if id(entry[0]) in theirs]
        now = Held([holder for *holder, _ in held])
        _restore(held)
        try:
            yield
        finally:
            now.restore()

    def change(self) -> str | None:
        """One thing that is another now, and is not this library's."""
        for holder, owner, _, content in self._held:
            if owner is not None:
                for name in _differences(_content(holder), content):
                    return owner if isinstance(holder, (list, set, deque, *GENERATORS)) else f"{owner}.{name}"
        return None

    def counted(self, now: Found) -> list[tuple[dict, str]]:
        """(dictionary, name) of the plain values that are others now than then: step counts, learning rates."""
        before = {id(holder): content for holder, *_, content in self._held}
        return [
            (holder, name)
            for holder, *_ in now.holders
            if isinstance(holder, dict)
            for name in _differences(holder, before.get(id(holder), {}))
            if is_plain(holder.get(name, MISSING))
        ]


def _restore(held: list[tuple]) -> None:
    for holder, *_, content in held:
        if _differences(_content(holder), content):
            _fill(holder, content)


CONTAINERS = (list, dict, set, deque)
MISSING = object()
"""Stands for what there is not."""

GENERATORS = (numpy.random.Generator, numpy.random.RandomState, random.Random)
"""Streams of random numbers that are not this library's."""


class Variables:
    """The variables outside of a function that it can name: those of the functions around it, and global ones."""

    def __init__(self, function: types.FunctionType):
        self.cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        names = _names(function.__code__)
        self.globals, self.names, self.read = function.__globals__, names.variables, names.read
        given = function.__defaults__ or ()
        last = function.__code__.co_varnames[: function.__code__.co_argcount][-len(given) :]
        self.defaults = dict(zip(last, given, strict=False)) | (function.__kwdefaults__ or {})


def _content(holder: Any) -> dict:
    """What a holder holds, by name or number."""
    if isinstance(holder, dict):
        return dict(holder)
    if isinstance(holder, type):
        return {name: value for name, value in list(vars(holder).items()) if name[:2] != "__"}
    if isinstance(holder, GENERATORS):
        return {"stream": pickle.dumps(_bits(holder))}
    if isinstance(holder, Variables):
        held = {name: holder.globals[name] for name in holder.names if name in holder.globals}
        return held | {name: cell.cell_contents for name, cell in holder.cells.items() if filled(cell)}
    return dict(enumerate(holder))


def _bits(stream: Any) -> Any:
    """Where a stream of random numbers is."""
    if isinstance(stream, random.Random):
        return stream.getstate()
    return stream.get_state() if isinstance(stream, numpy.random.RandomState) else stream.bit_generator.state


def _fill(holder: Any, content: dict) -> None:
    if isinstance(holder, random.Random):
        holder.setstate(pickle.loads(content["stream"]))
    elif isinstance(holder, numpy.random.RandomState):
        holder.set_state(pickle.loads(content["stream"]))
    elif isinstance(holder, numpy.random.Generator):
        holder.bit_generator.state = pickle.loads(content["stream"])
    elif isinstance(holder, Variables):
        for name in holder.names - content.keys():
            holder.globals.pop(name, None)
        for name, value in content.items():
            if name in holder.cells:
                holder.cells[name].cell_contents = value
            else:
                holder.globals[name] = value
    elif isinstance(holder, type):
        for name in vars(holder).keys() - content.keys():
            if name[:2] != "__":
                delattr(holder, name)
        for name, value in content.items():
            if vars(holder).get(name, MISSING) is not value:
                setattr(holder, name, value)
    elif isinstance(holder, list):
        holder[:] = content.values()
    elif isinstance(holder, deque):
        holder.clear()
        holder.extend(content.values())
    else:
        holder.clear()
        holder.update(content if isinstance(holder, dict) else content.values())


def _differences(now: dict, before: dict) -> list[Any]:
    """The names under which there is something else now, or nothing more."""
    same = [name for name in now.keys() & before.keys() if is_same(now[name], before[name])]
    return list((now.keys() | before.keys()) - set(same)) if len(same) < max(len(now), len(before)) else []


def is_same(now: Any, before: Any) -> bool:
    if now is before:
        return True
    return (
        type(now) is type(before) and is_plain(now) and now == before and repr(now) == repr(before)
    )  # not so 0.0, -0.0


PLAIN = (bool, int, float, str, bytes, tuple, type(None))


def is_plain(value: Any) -> bool:
    """Whether it is a number, a text, nothing, or a tuple of such."""
    return all(map(is_plain, value)) if isinstance(value, tuple) else isinstance(value, PLAIN)


class _Attributes:
    """Whether a module is as it was: its mode, who listens, its plain attributes such as a dropout's p, and which parameters
    and parts it has."""

    def __init__(self, module: Module):
        self.args = (module,)
        self._names, self._values = list(vars(module)), list(vars(module).values())
        self._seen = self._look()

    def __call__(self) -> bool:
        inside = vars(self.args[0])
        same = len(inside) == len(self._names) and all(map(is_, inside.values(), self._values))
        if same and all(map(is_, inside, self._names)):  # as nearly always
            return True
        return not _differences(self._look(), self._seen)

    def _look(self) -> dict[str, Any]:
        (module,) = self.args
        public = {name: value for name, value in list(vars(module).items()) if name[0] != "_"}
        return public | {"": module._hooks, "training": module.training}


def _options(optimizer: Optimizer) -> tuple:
    """Which options are on, and how many parameters there are."""
    on = [(name, _on(value)) for group in optimizer.param_groups for name, value in group.items() if name != "params"]
    return *(len(group["params"]) for group in optimizer.param_groups), *on


def _on(option: Any) -> Any:
    """What a program may depend on: whether an option is 0. By how much it is not, is asked anew in each step."""
    if isinstance(option, (tuple, list)):
        return tuple(map(_on, option))
    return bool(option) if isinstance(option, (int, float)) else repr(option)


def _uses(optimizer: Optimizer, state: dict) -> bool:
    """Whether it still has that state: `load_state_dict` brings another one."""
    return optimizer.state is state


def _needs(tensors: list[Tensor]) -> list[Any]:
    """For each tensor whether it needs a gradient, and who listens to that."""
    return [tensor._needs and (tensor._node is None or tensor._node.hooks) for tensor in tensors]


def has_gradient(tensor: Tensor) -> bool:
    """Whether there is a gradient to which more would be added."""
    return tensor._grad is not None


def describe_condition(function: Callable) -> str:
    """What a condition of a recording looks at."""
    about = getattr(function, "args", ())
    kind = type(about[0]).__qualname__ if about else ""
    words = {
        _Attributes: f"an attribute, a part, the mode or the hooks of a {kind}",
        _options: f"which options of {kind} are on, or how many parameters it has",
        _uses: f"the state of {kind}, which was loaded",
        _needs: "which tensors need a gradient, or their hooks",
        has_gradient: "which tensors have a gradient before the step",
    }
    return words.get(getattr(function, "func", type(function)), "which parameters have been updated equally often")


def reachable(*roots: Any) -> Found:
    """What the functions and objects in `roots` can reach.

    Of a class or a module that is the user's, what some code of theirs calls by its name, and what Python or this library
    calls: a method `fit` that a step does not name is none of its business.
    """
    found, seen, named = Found(), set(), set()
    waiting: list[tuple[Any, str | None, str]] = [(root, None, name_of(root)) for root in roots]
    unnamed: dict[str, list[tuple[Any, str | None, str]]] = {}
    keep = []  # whose ids are in `seen`
    while waiting:
        thing, owner, path = waiting.pop()
        if id(thing) in seen or isinstance(thing, (str, bytes, int, float, type(None))):
            continue
        seen.add(id(thing))
        keep.append(thing)
        if isinstance(thing, (type, types.ModuleType)):
            if is_users(thing):
                owner = name_of(thing)
                found.spaces.append(thing)
                if isinstance(thing, type):
                    found.holders.append((thing, owner, owner))
                for name, part in list(vars(thing).items()):  # to which other threads may add
                    known = name in named or (isinstance(thing, type) and _is_called_by_others(thing, name))
                    (waiting if known else unnamed.setdefault(name, [])).append((part, owner, f"{owner}.{name}"))
            continue
        if isinstance(thing, Tensor):
            found.tensors.append(thing)
            found.paths.append(path)
        elif isinstance(thing, Module):
            found.modules.append(thing)
        elif isinstance(thing, Optimizer):
            found.optimizers.append(thing)
        elif isinstance(thing, HeldMethod):
            found.held.append(thing.instance)
        owner = _owner(thing, owner)
        if isinstance(thing, types.FunctionType) and owner is not None:
            names = _names(thing.__code__)
            found.words |= names.read_attributes
            waiting.extend(part for name in names.attributes - named for part in unnamed.pop(name, ()))
            named |= names.attributes
        holder, parts = _inside(thing, path)
        if holder is not None:
            found.holders.append((holder, owner, path))
        if _in(PACKAGE, type(thing).__module__) or id(thing) in found.ours:
            found.ours.update(id(part) for _, part in parts if isinstance(part, CONTAINERS))
        waiting.extend((part, owner, name) for name, part in parts)
        if owner is not None and isinstance(holder, dict) and holder is not thing:
            found.objects.append(thing)
            waiting.extend((part, owner, "") for part in type(thing).__mro__)
    return found


def name_of(thing: Any) -> str:
    return getattr(thing, "__qualname__", None) or getattr(thing, "__name__", None) or type(thing).__qualname__


def _is_called_by_others(kind: type, name: str) -> bool:
    """Whether Python, or this library, may call what the class has under that name."""
    return name[:2] == "__" or any(name in vars(base) for base in kind.__mro__ if _in(PACKAGE, base.__module__))


def _owner(thing: Any, holds_it: str | None) -> str | None:
    """Whose the thing is: the name of a function or class that is not this library's; what is in a list, the list's."""
    if isinstance(thing, types.FunctionType):
        return thing.__qualname__ if is_users(thing) else None
    if isinstance(thing, GENERATORS):
        return holds_it
    if isinstance(getattr(thing, "__dict__", None), dict) and not isinstance(
        thing, (types.MethodType, HeldMethod, partial, *WRAPPERS)
    ):
        return None if _in(PACKAGE, type(thing).__module__) else type(thing).__qualname__
    return holds_it


WRAPPERS = (property, staticmethod, classmethod, cached_property)
"""What stands around a function in a class."""


def _inside(thing: Any, path: str) -> tuple[Any, Iterable[tuple[str, Any]]]:
    """What holds something for the thing, if that can change; and what can be reached from there in one step, each with
    what to call it."""
    if isinstance(thing, HeldMethod):
        return None, [(path, thing.instance), (path, thing.function)]
    if _in(ROOM, type(thing).__module__):  # of a compiled step its function, and not the programs that it has
        return None, [(path, getattr(thing, "function", None))]
    if isinstance(thing, types.FunctionType):
        variables = Variables(thing) if is_users(thing) else None
        named = [] if variables is None else [(name, thing.__globals__.get(name)) for name in variables.names]
        cells = zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True)
        closed = [(name, cell.cell_contents) for name, cell in cells if filled(cell)]
        given = [(path, part) for part in (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())]
        return variables, [*closed, *named, *given, *[(path, thing.__dict__) for _ in thing.__dict__]]
    if isinstance(thing, types.MethodType):
        return None, [(path, thing.__self__), (path, thing.__func__)]
    if isinstance(thing, WRAPPERS):
        return None, [(path, getattr(thing, name, None)) for name in ("fget", "fset", "__func__", "func")]
    if isinstance(thing, GENERATORS):
        return thing, []
    if isinstance(thing, partial):
        return None, [(path, part) for part in (thing.func, *thing.args, *thing.keywords.values())]
    if isinstance(thing, dict):
        if not _worth_looking(list(thing.values())):
            return None, []
        named = [(f"{path}[{name!r}]" if isinstance(name, PLAIN) else path, part) for name, part in list(thing.items())]
        return thing, [*((path, name) for name in list(thing)), *named]
    if isinstance(thing, (list, tuple, set, frozenset, deque)):
        holder = thing if isinstance(thing, (list, set, deque)) else None
        if not _worth_looking(list(thing)):
            return None, []
        return holder, [
            (f"{path}[{i}]" if isinstance(thing, (list, tuple)) else path, x) for i, x in enumerate(list(thing))
        ]
    inside = getattr(thing, "__dict__", None)
    if not isinstance(inside, dict):
        return None, []
    return inside, [(f"{type(thing).__qualname__}.{name}", part) for name, part in list(inside.items())]


def _worth_looking(items: list) -> bool:
    return len(items) <= MANY or isinstance(items[0], Tensor)


def filled(cell) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


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


NOT_THE_USERS = {PACKAGE, "numpy", *sys.stdlib_module_names}


def _in(room: str, module: str) -> bool:
    return f"{module}.".startswith(f"{room}.")


class _Names(NamedTuple):
    """The names in the body of a function, and of the functions within it: of variables outside of all of them, and of
    attributes; those that are read, and all, some of which are only set."""

    read: frozenset[str]
    variables: frozenset[str]
    read_attributes: frozenset[str]
    attributes: frozenset[str]


@lru_cache(maxsize=1000)
def _names(code: types.CodeType) -> _Names:
    met: dict[str, set[str]] = {}
    for instruction in dis.get_instructions(code):
        met.setdefault(instruction.opname, set()).add(instruction.argval)
    found = [set().union(*(met.get(name, ()) for name in names)) for names in _NAMING]
    if found[0] & {"getattr", "hasattr", "vars"}:  # by the names of attributes as strings
        found[2].update(text for text in code.co_consts if isinstance(text, str) and text.isidentifier())
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found = [names | inner for names, inner in zip(found, _names(constant), strict=True)]
    read, variables, read_attributes, attributes = found
    return _Names(*map(frozenset, (read, read | variables, read_attributes, read_attributes | attributes)))


_NAMING = (
    ("LOAD_GLOBAL", "LOAD_NAME"),
    ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_NAME"),
    ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR"),
    ("STORE_ATTR", "DELETE_ATTR"),
)
"""The instructions of Python that name variables and attributes."""
