"""Work during which Python does not look for garbage.

A first call makes some hundred thousand objects, which stay. Each time that there are some more, Python looks at all there are
for rings of objects that nobody reaches, and finds none: that was a fourth of the time that it takes to write down 200
steps of a recurrent network, and to make a loop of them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Inside, or in the calls of a function below `@uncollected()`, Python looks for no garbage, in all threads. Afterwards it
    does if it did before."""
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()
