"""How a recording changes tensors, and nobody else sees it.

The thread that records a function needs `Traced` arrays in the tensors that this reaches; all other threads go on with
the numbers. So each recording has a *shadow* of every tensor that it has taken, with an array, a node and a gradient of
its own, and for as long as there is one the tensor is of a class that looks there first. Nothing is to be put back
afterwards, and a tensor of which nobody records anything costs nothing.

Read before: `traced.py`. Read next: `recorder.py`.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from ...modes import modes
from ...tensor import Tensor

FIELDS = ("_data", "_node", "_needs", "_grad")
WAITING = frozenset(("threading", "queue", "concurrent.futures._base", "multiprocessing.pool", "selectors"))
"""Modules of Python in which a thread is while it waits for another."""


class Original(NamedTuple):
    """What a tensor had at the start."""

    data: Any
    node: Any
    needs: bool
    gradient: Tensor | None


class Shadow:
    """What a recording sees of a tensor. It does not keep the tensor.

    before     what the tensor had at the start
    gradient   that of the tensor
    first_use  what was done with the gradient first: "read", or "put", after which it does not matter what it was before
    """

    __slots__ = ("tensor", "before", "gradient", "first_use", "_data", "_node", "_needs")

    def __init__(self, tensor: Tensor, data: Any):
        self.tensor = weakref.ref(tensor)
        self.before = Original(tensor._data, tensor._node, tensor._needs, tensor._grad)
        self._data, self._node, self._needs, self.gradient = data, *self.before[1:]
        self.first_use: str | None = None

    @property
    def _grad(self) -> Tensor | None:
        self.first_use = self.first_use or "read"
        return self.gradient

    @_grad.setter
    def _grad(self, gradient: Tensor | None) -> None:
        self.first_use = self.first_use or "put"
        self.gradient = gradient


class Shadows:
    """Those of one recording."""

    def __init__(self):
        self._of: dict[int, Shadow] = {}  # by the id of the tensor
        self._thread = threading.get_ident()
        self.awaited = False
        """Whether another thread has used one of the tensors while this one waited for some thread."""

    def cast(self, tensor: Tensor, data: Any) -> None:
        """From now on the tensor holds `data` for this thread."""
        self._of[id(tensor)] = Shadow(tensor, data)
        with _turn:
            _all.add(self)
            if not hasattr(type(tensor), "_recorded"):
                _turn_into(tensor, _shadowed(type(tensor)))

    def of(self, tensor: Tensor) -> Shadow | None:
        """That of the tensor, if there is one."""
        shadow = self._of.get(id(tensor))
        return shadow if shadow is not None and shadow.tensor() is tensor else None

    def __iter__(self) -> Iterator[tuple[Tensor, Shadow]]:
        """(tensor, its shadow) of those that are still there."""
        return ((tensor, shadow) for shadow in tuple(self._of.values()) if (tensor := shadow.tensor()) is not None)

    def lift(self) -> None:
        """The recording is over."""
        with _turn:
            _all.discard(self)
            for tensor, _ in self:
                if not any(other.of(tensor) for other in _all):
                    kind: Any = type(tensor)
                    _turn_into(tensor, kind._recorded)
        self._of.clear()

    def used_elsewhere(self, tensor: Tensor) -> None:
        """Another thread uses the tensor: note whether this one waits for it, perhaps."""
        if not self.awaited and self.of(tensor) is not None:
            frame = sys._current_frames().get(self._thread)
            self.awaited = frame is not None and frame.f_globals.get("__name__") in WAITING


_all: set[Shadows] = set()
_turn = threading.RLock()
"""Held while a tensor changes its class."""
_turn_into = object.__dict__["__class__"].__set__


@lru_cache(maxsize=100)
def _shadowed(kind: type[Tensor]) -> type[Tensor]:
    """The class of tensors of that kind while they are recorded: it says that it is `kind`."""
    inside = {"__slots__": (), "__module__": kind.__module__, "__qualname__": kind.__qualname__, "_recorded": kind}
    inside |= {"__class__": property(lambda self: kind)} | {name: _field(name) for name in FIELDS}
    return type(kind.__name__, (kind,), inside)


def _field(name: str) -> property:
    real = vars(Tensor)[name]

    def place(tensor: Tensor) -> Any:
        """Where this thread finds the field; None if that is the tensor itself."""
        if modes.recorder is not None:
            return modes.recorder.shadows.of(tensor)
        for shadows in tuple(_all):
            shadows.used_elsewhere(tensor)
        return None

    def get(tensor: Tensor) -> Any:
        shadow = place(tensor)
        return real.__get__(tensor) if shadow is None else getattr(shadow, name)

    def put(tensor: Tensor, value: Any) -> None:
        shadow = place(tensor)
        if shadow is None:
            real.__set__(tensor, value)
        else:
            setattr(shadow, name, value)

    return property(get, put)


def _forget_others() -> None:
    """In a process that was forked, the recordings of other threads do not go on."""
    global _turn
    _turn = threading.RLock()
    for shadows in tuple(_all):
        if shadows._thread != threading.get_ident():
            shadows.lift()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_others)
