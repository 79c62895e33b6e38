"""Work during which Python does not look for garbage.

A first call makes some hundred thousand objects, which stay. Each time that there are some more, Python looks at all there are
for rings of objects that nobody reaches, and finds none: that was a fourth of the time that it takes to write down 200
steps of a recurrent network, and to make a loop of them. Nor does it look at them all at once afterwards: they are old at once.
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
            if not gc.get_freeze_count():  # else what others have frozen would thaw
                gc.freeze()
                gc.unfreeze()  # what was frozen is old, and was looked at for nothing
            gc.enable()
