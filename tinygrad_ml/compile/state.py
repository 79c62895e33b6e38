"""What a function can reach: the tensors that it may change, and the modules and optimisers it may call.

A function reaches what it closes over: variables of the function around it, global variables that it
names, its defaults, the object whose method it is; and what these reach in turn. What is found is
watched from the first instruction on; a tensor that is not found here is met when it is first used.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..nn import Module
from ..optim import Optimizer
from ..tensor import Tensor

PACKAGE = __name__.partition(".")[0]
ROOM = __name__.rpartition(".")[0]
MANY = 1000
"""A longer list of things that are no tensors is taken for data, and not looked through."""


class Found:
    """The tensors, modules and optimisers that a function can reach."""

    def __init__(self):
        self.tensors: list[Tensor] = []
        self.modules: list[Module] = []
        self.optimizers: list[Optimizer] = []

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

    def counts(self) -> Counts:
        """What the optimisers count, to be restored after a recording that failed."""
        return Counts(self.optimizers)


class Counts:
    """The step counts and options of optimisers as they are now."""

    def __init__(self, optimizers: list[Optimizer]):
        self._steps = [(kept, kept["step"]) for o in optimizers for kept in o.state.values()]
        self._options = [(group, dict(group)) for o in optimizers for group in o.param_groups]
        self._states = [(o, dict(o.state)) for o in optimizers]

    def restore(self) -> None:
        for kept, step in self._steps:
            kept["step"] = step
        for group, options in self._options:
            group.update(options)
        for optimizer, state in self._states:
            optimizer.state.clear()
            optimizer.state.update(state)


PLAIN = (bool, int, float, str, tuple, type(None))


def _attributes(module: Module) -> tuple:
    """Its mode, its plain attributes such as a dropout's p, and which parameters and parts it has."""
    inside = vars(module)
    return module.training, *[
        (name, value if isinstance(value, PLAIN) else id(value)) for name, value in inside.items() if name[0] != "_"
    ]


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


def _needs(tensors: list[Tensor]) -> list[bool]:
    return [tensor._needs for tensor in tensors]


def reachable(*roots: Any) -> Found:
    """What the functions and objects in `roots` can reach."""
    found, seen, waiting = Found(), set(), list(roots)
    keep = []  # whose ids are in `seen`
    while waiting:
        thing = waiting.pop()
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
        waiting.extend(_parts(thing))
    return found


def _parts(thing: Any) -> Iterable[Any]:
    """What can be reached from a thing in one step."""
    if type(thing).__module__.startswith(ROOM):  # of a compiled step its function, and not the programs that it has
        return [getattr(thing, "function", None)]
    if isinstance(thing, types.FunctionType):
        cells = [cell.cell_contents for cell in thing.__closure__ or () if _filled(cell)]
        named = [thing.__globals__.get(name) for name in _names(thing.__code__)] if _is_users(thing) else []
        return [*cells, *named, *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    if isinstance(thing, types.MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    if isinstance(thing, dict):
        return [*thing.keys(), *thing.values()] if _worth_looking(list(thing.values())) else []
    if isinstance(thing, (list, tuple, set, frozenset)):
        return thing if _worth_looking(list(thing)) else []
    inside = getattr(thing, "__dict__", None)
    return list(inside.values()) if isinstance(inside, dict) else []


def _worth_looking(items: list) -> bool:
    return len(items) <= MANY or isinstance(items[0], Tensor)


def _filled(cell) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _is_users(function: types.FunctionType) -> bool:
    return not (function.__module__ or "").startswith(PACKAGE + ".")


def _names(code: types.CodeType) -> set[str]:
    """The names in the body of a function, and of the functions within it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
