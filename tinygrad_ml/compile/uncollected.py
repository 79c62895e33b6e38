"""Work during which Python does not look for garbage.

A first call makes some hundred thousand objects, which stay. Each time that there are some more, Python looks at all there are
for rings of objects that nobody reaches, and finds none: that was a fourth of the time that it takes to write down 200
steps of a recurrent network, and to make a loop of them.
"""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable)


def uncollected(function: Function) -> Function:
    """The function, during whose calls Python does not look for garbage, in all threads. Afterwards it does if it did before."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        looked = gc.isenabled()
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:
            if looked:
                gc.enable()

    return call  # type: ignore[return-value]
