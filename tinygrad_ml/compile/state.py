"""What a function can reach: the tensors that it may change, and the modules and optimisers it may call.

A function reaches what it closes over: variables of the function around it, global variables that it
names, its defaults, the object whose method it is; and what these reach in turn. What is found is
watched from the first instruction on; a tensor that is not found here is met when it is first used.
"""

from __future__ import annotations

import inspect
import pickle
import random
import types
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy

from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor

PACKAGE = __name__.partition(".")[0]
ROOM = __name__.rpartition(".")[0]
MANY = 1000
"""A longer list of things that are no tensors is taken for data, and not looked through."""


class Found:
    """The tensors, modules and optimisers that a function can reach, and what holds these and everything else.

    holders  (dictionary, list, set or variables of a function; whose they are if not this library's, else None)
    """

    def __init__(self):
        self.tensors: list[Tensor] = []
        self.modules: list[Module] = []
        self.optimizers: list[Optimizer] = []
        self.holders: list[tuple[Any, str | None]] = []

    def conditions(self) -> list[tuple[Callable[[], Any], Any]]:
        """(function, what it returns now): on what, besides numbers, it depends what a step does."""
        functions = [partial(_attributes, module) for module in self.modules]
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

    def now(self) -> Held:
        """What all holders hold now, to be restored after a recording that failed."""
        return Held(self.holders)

    def numbers(self, everybodys: bool = False) -> Callable[[], tuple]:
        """A function that returns the plain values in attributes and variables: of code that is not this library's, or of
        everybody's."""
        holders = [
            holder
            for holder, owner in self.holders
            if (everybodys or owner is not None) and not isinstance(holder, GENERATORS)
        ]
        return lambda: tuple(value for holder in holders for value in _content(holder).values() if _is_plain(value))


class HeldMethod:
    """A method of an object that holds on to it, as a function: it does not hold on to the object.

    So an object and its compiled methods, with all the memory that these have planned, go when nobody wants them.
    """

    def __init__(self, function: Callable, instance: Any):
        self.function, self._instance = function, weakref.ref(instance)
        self.__name__, self.__doc__ = function.__name__, function.__doc__
        self.__signature__ = inspect.signature(function.__get__(instance))

    @property
    def instance(self) -> Any:
        """The object; None if it is gone."""
        return self._instance()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self._instance(), *args, **kwargs)


class Held:
    """What dictionaries, lists, attributes and the variables of functions hold at one moment."""

    def __init__(self, holders: list[tuple[Any, str | None]]):
        self._held = [(holder, owner, _content(holder)) for holder, owner in holders]

    def restore(self) -> None:
        """Put everything back."""
        for holder, _, content in self._held:
            if _differences(_content(holder), content):
                _fill(holder, content)

    @contextmanager
    def back(self) -> Iterator[None]:
        """Inside, all is as it was at that moment."""
        now = Held([(holder, owner) for holder, owner, _ in self._held])
        self.restore()
        try:
            yield
        finally:
            now.restore()

    def change(self) -> str | None:
        """One thing that is another now, and is not this library's."""
        for holder, owner, content in self._held:
            if owner is not None:
                for name in _differences(_content(holder), content):
                    return owner if isinstance(holder, (list, set, GENERATORS)) else f"{owner}.{name}"
        return None


GENERATORS = (numpy.random.Generator, numpy.random.RandomState, random.Random)
"""Streams of random numbers that are not this library's."""


class Variables:
    """The variables outside of a function that it can name: those of the functions around it, and global ones."""

    def __init__(self, function: types.FunctionType):
        self.cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        self.globals, self.names = function.__globals__, _names(function.__code__)


def _content(holder: Any) -> dict:
    """What a holder holds, by name or number."""
    if isinstance(holder, dict):
        return dict(holder)
    if isinstance(holder, GENERATORS):
        return {"stream": pickle.dumps(_bits(holder))}
    if isinstance(holder, Variables):
        held = {name: holder.globals[name] for name in holder.names if name in holder.globals}
        return held | {name: cell.cell_contents for name, cell in holder.cells.items() if _filled(cell)}
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
        for name, value in content.items():
            if name in holder.cells:
                holder.cells[name].cell_contents = value
            else:
                holder.globals[name] = value
    elif isinstance(holder, list):
        holder[:] = content.values()
    else:
        holder.clear()
        holder.update(content if isinstance(holder, dict) else content.values())


def _differences(now: dict, before: dict) -> list[Any]:
    """The names under which there is something else now, or nothing more."""
    same = [name for name in now.keys() & before.keys() if _is_same(now[name], before[name])]
    return list((now.keys() | before.keys()) - set(same)) if len(same) < max(len(now), len(before)) else []


def _is_same(now: Any, before: Any) -> bool:
    return now is before or (type(now) is type(before) and _is_plain(now) and now == before)


PLAIN = (bool, int, float, str, bytes, tuple, type(None))


def _is_plain(value: Any) -> bool:
    return all(map(_is_plain, value)) if isinstance(value, tuple) else isinstance(value, PLAIN)


def _attributes(module: Module) -> tuple:
    """Its mode, who listens, its plain attributes such as a dropout's p, and which parameters and parts it has."""
    inside = vars(module)
    return (
        module.training,
        module._hooks,
        *[(name, value if isinstance(value, PLAIN) else id(value)) for name, value in inside.items() if name[0] != "_"],
    )


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


def reachable(*roots: Any) -> Found:
    """What the functions and objects in `roots` can reach."""
    found, seen = Found(), set()
    waiting: list[tuple[Any, str | None]] = [(root, None) for root in roots]
    keep = []  # whose ids are in `seen`
    while waiting:
        thing, owner = waiting.pop()
        if id(thing) in seen or isinstance(thing, (type, types.ModuleType, str, bytes, int, float, type(None))):
            continue
        seen.add(id(thing))
        keep.append(thing)
        if isinstance(thing, Tensor):
            found.tensors.append(thing)
        elif isinstance(thing, Module):
            found.modules.append(thing)
        elif isinstance(thing, Optimizer):
            found.optimizers.append(thing)
        owner = _owner(thing, owner)
        holder, parts = _inside(thing)
        if holder is not None:
            found.holders.append((holder, owner))
        waiting.extend((part, owner) for part in parts)
    return found


def _owner(thing: Any, holds_it: str | None) -> str | None:
    """Whose the thing is: the name of a function or class that is not this library's; what is in a list, the list's."""
    if isinstance(thing, types.FunctionType):
        return thing.__qualname__ if _is_users(thing) else None
    if isinstance(thing, GENERATORS):
        return holds_it
    if isinstance(getattr(thing, "__dict__", None), dict) and not isinstance(
        thing, (types.MethodType, HeldMethod, partial)
    ):
        return None if _in(PACKAGE, type(thing).__module__) else type(thing).__qualname__
    return holds_it


def _inside(thing: Any) -> tuple[Any, Iterable[Any]]:
    """What holds something for the thing, if that can change; and what can be reached from there in one step."""
    if isinstance(thing, HeldMethod):
        return None, [thing.instance, thing.function]
    if _in(ROOM, type(thing).__module__):  # of a compiled step its function, and not the programs that it has
        return None, [getattr(thing, "function", None)]
    if isinstance(thing, types.FunctionType):
        variables = Variables(thing) if _is_users(thing) else None
        named = [] if variables is None else [thing.__globals__.get(name) for name in variables.names]
        cells = [cell.cell_contents for cell in thing.__closure__ or () if _filled(cell)]
        return variables, [*cells, *named, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    if isinstance(thing, types.MethodType):
        return None, [thing.__self__, thing.__func__]
    if isinstance(thing, GENERATORS):
        return thing, []
    if isinstance(thing, partial):
        return None, [thing.func, *thing.args, *thing.keywords.values()]
    if isinstance(thing, dict):
        return (thing, [*thing.keys(), *thing.values()]) if _worth_looking(list(thing.values())) else (None, [])
    if isinstance(thing, (list, tuple, set, frozenset)):
        holder = thing if isinstance(thing, (list, set)) else None
        return (holder, thing) if _worth_looking(list(thing)) else (None, [])
    inside = getattr(thing, "__dict__", None)
    return (inside, list(inside.values())) if isinstance(inside, dict) else (None, [])


def _worth_looking(items: list) -> bool:
    return len(items) <= MANY or isinstance(items[0], Tensor)


def _filled(cell) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _is_users(function: types.FunctionType) -> bool:
    return not _in(PACKAGE, function.__module__ or "")


def _in(room: str, module: str) -> bool:
    return f"{module}.".startswith(f"{room}.")


def _names(code: types.CodeType) -> set[str]:
    """The names in the body of a function, and of the functions within it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
