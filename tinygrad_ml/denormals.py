"""Numbers so near 0 that they have no exponent of their own, taken for 0 while parameters are updated.

A running mean of gradients that have become 0 halves and halves, until it is a *denormal*: below 1.2e-38 in float32. With
these many processors compute up to a hundred times as slowly as with others, and nothing is learned from them. Told so, a
processor takes each that it reads or computes for 0. That holds for one thread, until it is told otherwise; so whoever
computes beside, or later, finds the numbers as they are.

Where it is not known how to tell the processor (but for x86-64, on Linux and macOS), denormals stay what they are.

Read next: `optim/optimizer.py`, which updates parameters so.
"""

import ctypes
import platform
from collections.abc import Callable
from functools import cache
from typing import Any

FLUSH = 1 << 15 | 1 << 6
"""The bits of the register MXCSR that say so, for results and for operands."""
_PLACES = {("Linux", "x86_64"): 28, ("Darwin", "x86_64"): 4}
"""(system, processor) -> where in the `fenv_t` of C's library that register is, in bytes."""


_ENVIRONMENT = ctypes.c_uint32 * 16
"""Memory for a `fenv_t` of any system."""


@cache
def _library() -> tuple[Callable, Callable, int] | None:
    """(what reads the environment of floats, what sets it, the place of the register in it), if all is known."""
    place = _PLACES.get((platform.system(), platform.machine()))
    try:
        library: Any = ctypes.CDLL(None)
        return None if place is None else (library.fegetenv, library.fesetenv, place // 4)
    except (OSError, AttributeError, TypeError):
        return None


def can_flush() -> bool:
    """Whether `flushed` does anything here."""
    return _library() is not None


class flushed:
    """Inside, denormal numbers are 0 to this thread: `with flushed():`"""

    def __init__(self):
        self._environment, self._before = _ENVIRONMENT(), 0

    def __enter__(self) -> None:
        library = _library()
        if library is not None:
            get, put, place = library
            get(self._environment)
            self._before = self._environment[place]
            self._environment[place] = self._before | FLUSH
            put(self._environment)

    def __exit__(self, *_: object) -> None:
        library = _library()
        if library is not None:
            put, place = library[1:]
            self._environment[place] = self._before
            put(self._environment)
