"""Inside which module and which function code runs, and inside which backward walk: what nodes remember, and errors say."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..state import BACKWARD, UPDATE, Place, modes


@contextmanager
def scope(name: str, kind: str) -> Iterator[None]:
    """Inside, recorded nodes remember that they were made in this call of the module that its parent calls `name`."""
    outer = modes.scope, modes.busy
    modes.scope, modes.busy = (*modes.scope, Place(name, kind)), True
    try:
        yield
    finally:
        modes.scope, modes.busy = outer


class updating:
    """Inside, what a compiled step does is part of an update by `kind`, of the parameter called `name`, or of all."""

    def __init__(self, name: str | None, kind: str):
        self.place = Place(name or "", kind)

    def __enter__(self) -> None:
        self.outer = modes.scope
        if modes.recorder is not None:  # nodes are no part of it
            modes.scope = (UPDATE, self.place)

    def __exit__(self, *_: object) -> None:
        modes.scope = self.outer


class differentiating:
    """Inside, recorded nodes remember the modules of the node that is being differentiated, behind `BACKWARD`.

    What it gives is what `backpropagate` calls to let a walk be followed.
    """

    def __enter__(self) -> Callable:
        self.outer = modes.scope, modes.busy
        self.prefix = (BACKWARD,)
        return self._follow

    def __exit__(self, *_: object) -> None:
        modes.scope, modes.busy = self.outer

    def _follow(self, node: Any) -> None:
        modules = node.scope
        order = 1
        while modules and modules[0] is BACKWARD:
            modules = modules[1:]
            order += 1
        if order > len(self.prefix):
            self.prefix = (BACKWARD,) * order
        modes.scope = (*self.prefix, *modules)
        modes.busy = True
        if modes.recorder is not None:
            modes.recorder.gradient_of = node.op.name if node.op else node.name
