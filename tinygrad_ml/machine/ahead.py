"""Work that is done before somebody needs what it gives, by threads of its own, where processors have nothing else to do.

Machine code is made so: most of the time of a first call is the compiler's, which lets other threads run. Who needs what
is not begun yet does it; so where there is one processor there are no threads, and nothing is another.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

Given = TypeVar("Given")
MOST_COMPILERS = 7


class Ahead(Generic[Given]):
    """What `work()` gives, which is done once: after `begin` as soon as a thread is free, or when it is asked for."""

    def __init__(self, work: Callable[[], Given]):
        self._work: Callable[[], Given] | None = work
        self._given: Any = None
        self._doing = threading.RLock()
        _all.add(self)

    def begin(self) -> None:
        """Let it be done."""
        if self._work is not None:
            _waiting.append(self)
            _see_that_somebody_works()

    def __call__(self) -> Given:
        """What it gives; errors are those of the work."""
        if self._work is not None:
            with self._doing:  # or wait for who does it
                if self._work is not None:
                    self._given = self._work()
                    self._work = None
        return self._given


def do_what_waits() -> None:
    """Do, beside the threads, what was begun and is not done yet."""
    while _waiting:
        with suppress(Exception):  # an error is told to who asks
            _waiting.popleft()()


_all: weakref.WeakSet[Ahead] = weakref.WeakSet()
_waiting: deque[Ahead] = deque()
_threads: list[threading.Thread] = []


def _see_that_somebody_works() -> None:
    """Have a thread for each processor but the caller's, if there is something for it to do."""
    _threads[:] = [thread for thread in _threads if thread.is_alive()]
    if len(_threads) < min(_processors() - 1, MOST_COMPILERS, len(_waiting)):
        # The process waits for it at its end.
        thread = threading.Thread(target=do_what_waits, name="tinygrad_ml compiler")
        _threads.append(thread)
        thread.start()


def _processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _go_on_alone() -> None:
    """In a process that was forked there are none of the threads, and what they were doing is to be done."""
    _threads.clear()
    for ahead in tuple(_all):
        ahead._doing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_alone)
