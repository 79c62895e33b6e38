"""The arguments of a call, taken apart: tensors, whose numbers may differ, and all the rest, which may not.

Two calls with equal keys run the same program.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy

from ...backend import Device, as_array, current_device
from ...modes import modes
from ...structure import is_nested, mapped
from ...tensor import Tensor
from .glance import Glance
from .values import became, is_plain, told


class Arguments:
    """The arguments of one call, taken apart once.

    args, kwargs  with arrays made tensors
    tensors       those in them; the gradient of one comes before it, as to that more may be added
    key           what else they are

    Tuples, lists and dictionaries are looked into. A tensor counts by shape, dtype and device; a
    number, a string, a slice, a frozen dataclass of such by its value, and any other object by its identity.
    """

    def __init__(self, function: Callable, args: tuple, kwargs: dict[str, Any]):
        self.function = function
        self.tensors: list[Tensor] = []
        self.args, self.kwargs = mapped(self._with_tensor, (args, kwargs))
        self.key = (
            tuple(map(_key, self.args)),
            tuple((name, _key(self.kwargs[name])) for name in sorted(self.kwargs)),
            _shared(self.tensors),
            bool(modes.grad),
            str(current_device()),
        )

    def _with_tensor(self, leaf: Any) -> Any:
        if isinstance(leaf, numpy.ndarray) or hasattr(leaf, "__cuda_array_interface__"):
            leaf = Tensor(as_array(leaf))
        if isinstance(leaf, Tensor):
            if leaf.grad is not None:
                self.tensors.append(leaf.grad)
            self.tensors.append(leaf)
        return leaf

    def glance(self, glance: Glance, args: tuple, kwargs: dict[str, Any]) -> list[str] | None:
        """Let it be looked at whether a call is like this one, which was made with `args` and `kwargs`: expressions for its
        tensors. None where a glance is not enough: of gradients among the arguments, of structures of other kinds."""
        if modes.grad is not True and modes.grad is not False:
            return None
        glance.require(f"len(args) == {len(args)}", f"len(kwargs) == {len(kwargs)}")
        taken = [*((f"args[{i}]", x, self.args[i]) for i, x in enumerate(args))]
        taken += [(f"kwargs[{name!r}]", x, self.kwargs[name]) for name, x in kwargs.items()]
        found: list[tuple[str, Tensor]] = []
        for i, (where, given, part) in enumerate(taken):
            glance.lines.append(f"a{i} = {where}")
            if not _glance_at(f"a{i}", given, part, found, glance):
                return None
        for i, (name, tensor) in enumerate(found):
            for other, earlier in found[:i]:
                if tensor.shape == earlier.shape and tensor.dtype == earlier.dtype:
                    same = "is" if tensor._data is earlier._data else "is not"
                    glance.require(f"{name}._data {same} {other}._data")
        glance.attribute(modes, "grad", modes.grad)
        glance.require(f"{glance.word(current_device)}() is {glance.word(current_device())}")
        return [name for name, _ in found]

    @cached_property
    def named(self) -> list[tuple[str, Any]]:
        """(what it is called, argument)"""
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):  # a function that is not written in Python need not have one
            parameters = ()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        many = [p.name for p in parameters if p.kind == p.VAR_POSITIONAL]
        names += [f"{many[0]}[{i}]" if many else str(len(names) + i) for i in range(len(self.args) - len(names))]
        return [*zip(names, self.args, strict=False), *self.kwargs.items()]

    def parts(self) -> Iterator[tuple[str, Any]]:
        """(what it is called, argument or part of one): `images`, `batch[0]`, `given['x']`."""
        return (part for whole in self.named for part in _inside(*whole))

    def names(self) -> list[str]:
        """What to call each of the tensors."""
        tensors = [(name, part) for name, part in self.parts() if isinstance(part, Tensor)]
        return [one for name, part in tensors for one in ([f"{name}.grad", name] if part.grad is not None else [name])]

    @cached_property
    def words(self) -> dict[str, tuple[Any, str]]:
        """What the call is given: name -> (what counts of it, that in words)."""
        said: dict[str, tuple[Any, str]] = {}
        for name, part in self.parts():
            if isinstance(part, (tuple, list, dict)):
                said[f"argument {name}"] = type(part), f"a {type(part).__qualname__}"
                said[f"the length of argument {name}"] = len(part), str(len(part))
            else:
                said[f"argument {name}"] = _key(part), _told(part)
        beside = {
            "the number of positional arguments": str(len(self.args)),
            "the names of arguments": ", ".join(sorted(self.kwargs)),
            "the mode": f"{'outside' if modes.grad else 'inside'} of no_grad()",
            "the device": str(current_device()),
        }
        return said | {name: (words, words) for name, words in beside.items()}


def _inside(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    """(what it is called, thing) of a structure and all that is in it."""
    yield name, part
    if isinstance(part, (tuple, list, dict)):
        for key, item in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _inside(f"{name}[{key!r}]", item)


def difference(now: dict[str, tuple[Any, str]], before: dict[str, tuple[Any, str]]) -> str:
    """In what a call differs from an earlier one, by the words of both."""
    for name in now:
        if name in before and now[name][0] != before[name][0]:
            return became(name, now[name][1], before[name][1])
    return "other arguments than before are one tensor"


def _told(part: Any) -> str:
    """An argument in words."""
    if isinstance(part, Tensor):
        where = "" if str(part.device) == "cpu" else f" on {part.device}"
        needs = " that needs a gradient" * part._needs + " and has one" * (part.grad is not None)
        return f"{part.dtype}[{', '.join(map(str, part.shape))}]{where}{needs}"
    if isinstance(part, slice):
        return f"a slice of {', '.join(map(_told, (part.start, part.stop, part.step)))}"
    return repr(part) if isinstance(part, (range, complex, numpy.generic)) else told(part)


def _shared(tensors: list[Tensor]) -> tuple[int, ...]:
    """For each tensor, which one is the first with the same array."""
    first: dict[int, int] = {}
    return tuple(first.setdefault(id(tensor._data), position) for position, tensor in enumerate(tensors))


def _key(part: Any) -> tuple:
    if isinstance(part, Tensor):
        return "tensor", part.shape, part.dtype.str, str(part.device), part._needs, part.grad is not None
    if isinstance(part, (tuple, list)):
        return type(part), tuple(map(_key, part))
    if isinstance(part, dict):
        return type(part), tuple((name, _key(value)) for name, value in part.items())
    if isinstance(part, (float, complex, numpy.generic)):
        return type(part), repr(part)  # 0.0 is not -0.0, and nan is nan
    if isinstance(part, (bool, int, str, bytes, range, type(None))):
        return type(part), part
    if isinstance(part, slice):
        return slice, _key(part.start), _key(part.stop), _key(part.step)
    if _is_frozen(part):
        return type(part), tuple(_key(value) for value in vars(part).values())
    return type(part), id(part)


def _glance_at(name: str, given: Any, part: Any, found: list[tuple[str, Tensor]], glance: Glance) -> bool:
    """Let an argument, by the name of a variable, be looked at; whether a glance is enough. Tensors are added to `found`."""
    kind = glance.word(type(given))
    if isinstance(part, Tensor):
        if not isinstance(given, Tensor):  # an array
            glance.lines.append(f"{name} = {glance.word(_tensor_of)}({name}, {kind})")
        elif part._grad is not None:
            return False
        else:
            needs = glance.word(part._needs)
            glance.require(f"type({name}) is {kind}", f"{name}._grad is None", f"{name}._needs is {needs}")
        array = f"{name}._data"
        glance.require(f"type({array}) is {glance.word(type(part._data))}", f"{array}.shape == {part.shape}")
        glance.require(f"{array}.dtype == {glance.word(part.dtype)}")
        found.append((name, part))
        return Device.of(part._data).kind == "cpu"
    if type(given) in (tuple, list, dict):
        glance.lines.append(f"if type({name}) is not {kind} or len({name}) != {len(given)}: return NotImplemented")
        if type(given) is dict:
            glance.require(f"all(map(is_, {name}, {glance.word(list(given))}))")
        parts = given.items() if isinstance(given, dict) else enumerate(given)
        for i, (key, item) in enumerate(parts):
            glance.lines.append(f"{name}_{i} = {name}[{key!r}]")
            if type(key) not in (int, str) or not _glance_at(f"{name}_{i}", item, part[key], found, glance):
                return False
        return True
    glance.require(f"{name} is {glance.word(given)}")
    return not is_nested(given) and not _is_frozen(given)


def _tensor_of(array: Any, kind: type) -> Tensor | None:
    """An array that is an argument, if it is of that type, as a tensor."""
    return Tensor(as_array(array)) if type(array) is kind else None


def _is_frozen(part: Any) -> bool:
    """Whether it is an instance of a frozen dataclass, with plain values in it."""
    parameters = getattr(type(part), "__dataclass_params__", None)
    return (
        parameters is not None
        and parameters.frozen
        and all(map(is_plain, getattr(part, "__dict__", {"": part}).values()))
    )
