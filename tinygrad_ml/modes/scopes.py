"""Inside which module code runs, and inside which backward walk: what nodes remember, and errors say."""

from collections.abc import Callable
from typing import Any

from .state import Place, modes

BACKWARD = Place("", "backward")
"""In front of a node's modules: a backward walk made the node, for the gradient of a node of those modules.
Twice: a walk that went through such nodes did, the backward of the backward. And so on."""


def path(places: tuple[Place, ...]) -> str:
    """Nested modules as users write them: `encoder.layers.0`. The outermost goes without saying."""
    return ".".join(place.name for place in places if place.name)


def inside(places: tuple[Place, ...]) -> str:
    """ " in module encoder.layers.0", for an error message; nothing outside of modules."""
    modules = [place for place in places if place is not BACKWARD]
    return f" in module {path(places) or modules[0].kind}" if modules else ""


class scope:
    """Inside, recorded nodes remember that they were made in the module that its parent calls `name`."""

    def __init__(self, name: str, kind: str):
        self.place = Place(name, kind)

    def __enter__(self) -> None:
        modes.scope = (*modes.scope, self.place)
        modes.busy = True

    def __exit__(self, *_: object) -> None:
        modes.scope = modes.scope[:-1]
        modes.busy = bool(modes.watchers or modes.scope)


class differentiating:
    """Inside, recorded nodes remember the modules of the node that is being differentiated, behind `BACKWARD`.

    What it gives is what `backpropagate` calls to `observe` its walk.
    """

    def __enter__(self) -> Callable:
        self.outer = modes.scope, modes.busy
        self.prefix = (BACKWARD,)
        return self._follow

    def __exit__(self, *_: object) -> None:
        modes.scope, modes.busy = self.outer

    def _follow(self, node: Any, position: int | None, *_: object) -> None:
        if position is not None:  # not the turn of a node, but one of its shares
            return
        modules = node.scope
        order = 1
        while modules and modules[0] is BACKWARD:
            modules = modules[1:]
            order += 1
        if order > len(self.prefix):
            self.prefix = (BACKWARD,) * order
        modes.scope = (*self.prefix, *modules)
        modes.busy = True
