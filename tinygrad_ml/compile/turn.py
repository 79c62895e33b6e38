"""One thread at a time."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any


class Turn:
    """A block that one thread at a time is in; others wait. What it gives is whether the thread was not in it before::

        with turn as mine:
            ...

    A copy is another one, and so is that of a process that was forked.
    """

    __slots__ = ("_lock", "_inside", "__weakref__")

    def __init__(self):
        self._open()
        _all.add(self)

    def _open(self) -> None:
        self._lock: Any = threading.RLock()
        self._inside = 0

    def __enter__(self) -> bool:
        self._lock.acquire()
        self._inside += 1
        return self._inside == 1

    def __exit__(self, *_: object) -> None:
        self._inside -= 1
        self._lock.release()

    def __reduce__(self) -> tuple:
        return Turn, ()


_all: weakref.WeakSet[Turn] = weakref.WeakSet()


def _open_those_of_others() -> None:
    for turn in tuple(_all):
        if not turn._lock._is_owned():
            turn._open()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_those_of_others)
