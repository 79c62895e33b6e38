"""Modules that hold modules, or parameters: one after the other, in a list, in a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from ..errors import RangeError
from ..tensor import Tensor
from .module import Module
from .parameter import Parameter


class _NumberedContainer(Module):
    """Modules called "0", "1", ..., with what one does to a list."""

    _kind = "module"

    def _entries(self) -> list[tuple[str, Any]]:
        """What it holds, with the names."""
        return list(self.named_children())

    def append(self, module: Module) -> Self:
        """Put a module at the end. Returns the container."""
        self.register_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Put several modules at the end. Returns the container."""
        for module in modules:
            self.append(module)
        return self

    def __len__(self) -> int:
        return len(self._entries())

    def __iter__(self) -> Iterator[Any]:
        return (part for _, part in self._entries())

    def _name_at(self, index: int) -> str:
        names = [name for name, _ in self._entries()]
        if not -len(names) <= index < len(names):
            raise RangeError(f"there is no {self._kind} {index} in a {type(self).__name__} of {len(names)}")
        return names[index]

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._of(self._entries()[index])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name_at(index), module)

    def _of(self, named: list[tuple[str, Module]]) -> Self:
        """The same kind of container with other modules."""
        made = type(self)()
        made.training = self.training
        for _, module in named:
            made.append(module)
        return made


class Sequential(_NumberedContainer):
    """y = fₙ(… f₂(f₁(x))): the modules one after the other.

    Takes modules, or a dictionary (such as an `OrderedDict`) of names and modules.

    >>> nn.Sequential(nn.Linear(784, 500), nn.Sigmoid(), nn.Linear(500, 10))
    """

    @overload
    def __init__(self, *modules: Module): ...
    @overload
    def __init__(self, modules: Mapping[str, Module], /): ...
    def __init__(self, *modules: Any):
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.register_module(name, module)
        else:
            self.extend(modules)

    def _of(self, named: list[tuple[str, Module]]) -> Self:
        made = type(self)(dict(named))
        made.training = self.training
        return made

    def forward(self, input: Any) -> Tensor:
        for module in self.children():
            input = module(input)
        return input


class ModuleList(_NumberedContainer):
    """A list of modules. What happens to them is up to the module around it."""

    def __init__(self, modules: Iterable[Module] = ()):
        self.extend(modules)

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at `index`; those behind move up by one."""
        modules = list(self)
        modules.insert(index, module)
        for name, _ in list(self.named_children()):
            delattr(self, name)
        self.extend(modules)


class ParameterList(_NumberedContainer):
    """A list of parameters. What happens to them is up to the module around it. Tensors and arrays become parameters."""

    _kind = "parameter"

    def __init__(self, values: Iterable[Any] = ()):
        self.extend(values)

    def _entries(self) -> list[tuple[str, Parameter]]:
        return list(self._own_parameters())

    def append(self, value: Any) -> Self:
        """Put a parameter at the end. Returns the list."""
        self.register_parameter(str(len(self)), _parameter(value))
        return self

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._name_at(index), _parameter(value))


def _parameter(value: Any) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)


class _KeyedContainer(Module):
    """Parts under keys of your own, with what one does to a dictionary."""

    def _entries(self) -> list[tuple[str, Any]]:
        return list(self.named_children())

    def update(self, parts: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Put several parts in."""
        for key, part in dict(parts).items():
            self[key] = part

    def keys(self) -> list[str]:
        """The keys, in the order in which they came in."""
        return [name for name, _ in self._entries()]

    def values(self) -> list[Any]:
        """The parts."""
        return [part for _, part in self._entries()]

    def items(self) -> list[tuple[str, Any]]:
        """(key, part) pairs."""
        return self._entries()

    def __getitem__(self, key: str) -> Any:
        return dict(self._entries())[key]

    def __setitem__(self, key: str, part: Any) -> None:
        self.register_module(key, part)

    def __delitem__(self, key: str) -> None:
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._entries())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()


class ModuleDict(_KeyedContainer):
    """Modules under keys of your own. What happens to them is up to the module around it."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()):
        self.update(modules)


class ParameterDict(_KeyedContainer):
    """Parameters under keys of your own. What happens to them is up to the module around it.

    Tensors and arrays become parameters.
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()):
        self.update(parameters)

    def _entries(self) -> list[tuple[str, Parameter]]:
        return list(self._own_parameters())

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, _parameter(value))
