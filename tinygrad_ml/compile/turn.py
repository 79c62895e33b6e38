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

    __slots__ = ("_lock", "__weakref__")

    def __init__(self):
        self._lock: Any = threading.RLock()
        _all.add(self)

    def __enter__(self) -> bool:
        mine = not self._lock._is_owned()
        self._lock.acquire()
        return mine

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple:
        return Turn, ()


_all: weakref.WeakSet[Turn] = weakref.WeakSet()


def _open_those_of_others() -> None:
    for turn in tuple(_all):
        if not turn._lock._is_owned():
            turn._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open_those_of_others)
