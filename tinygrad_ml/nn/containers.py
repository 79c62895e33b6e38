"""Modules that hold modules: one after the other, in a list, in a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import RangeError
from .module import Module


class _Numbered(Module):
    """Modules called "0", "1", ..., with what one does to a list."""

    def append(self, module: Module) -> _Numbered:
        """Put a module at the end. Returns the container."""
        self.register_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> _Numbered:
        """Put several modules at the end. Returns the container."""
        for module in modules:
            self.append(module)
        return self

    def __len__(self) -> int:
        return len(list(self.children()))

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def _name_at(self, index: int) -> str:
        names = [name for name, _ in self.named_children()]
        if not -len(names) <= index < len(names):
            raise RangeError(f"there is no module {index} in a {type(self).__name__} of {len(names)}")
        return names[index]

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._of(list(self.named_children())[index])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name_at(index), module)

    def _of(self, named: list[tuple[str, Module]]) -> _Numbered:
        """The same kind of container with other modules."""
        made = type(self)()
        made.training = self.training
        for _, module in named:
            made.append(module)
        return made


class Sequential(_Numbered):
    """y = fₙ(… f₂(f₁(x))): the modules one after the other.

    Takes modules, or a dictionary (such as an `OrderedDict`) of names and modules.

    >>> nn.Sequential(nn.Linear(784, 500), nn.Sigmoid(), nn.Linear(500, 10))
    """

    def __init__(self, *modules: Module | Mapping[str, Module]):
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.register_module(name, module)
        else:
            self.extend(modules)

    def _of(self, named: list[tuple[str, Module]]) -> Sequential:
        made = type(self)(dict(named))
        made.training = self.training
        return made

    def forward(self, input):
        for module in self.children():
            input = module(input)
        return input


class ModuleList(_Numbered):
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


class ModuleDict(Module):
    """Modules under keys of your own. What happens to them is up to the module around it."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()):
        self.update(modules)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Put several modules in."""
        for key, module in dict(modules).items():
            self[key] = module

    def keys(self) -> list[str]:
        """The keys, in the order in which they came in."""
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        """The modules."""
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        """(key, module) pairs."""
        return list(self.named_children())

    def __getitem__(self, key: str) -> Module:
        return dict(self.named_children())[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.register_module(key, module)

    def __delitem__(self, key: str) -> None:
        delattr(self, key)

    def __len__(self) -> int:
        return len(self.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()
