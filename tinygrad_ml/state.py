"""What holds for the code that a thread runs: is a graph recorded, who watches, inside which module and function.

It is plain data, which operations look at. What sets it for a while, such as `no_grad`, is in `modes/`.
"""

import threading
from collections.abc import Callable
from typing import Any
from weakref import ref


class Place:
    """One call of a module, or of a function that is composed of several operations. Two calls are two places.

    name    what its parent calls the module; nothing for the outermost one, and for functions
    kind    the class of the module, or the name of the function
    module  a weak reference to the module: places of one module are calls of it
    given   of a function: what it was called with that needs no gradient, and so leaves no trace in the graph; None
            for a module
    """

    __slots__ = ("given", "kind", "module", "name")

    def __init__(self, name: str, kind: str, module: Callable[[], Any] = lambda: None, given: tuple | None = None):
        self.name, self.kind, self.module, self.given = name, kind, module, given

    @property
    def is_function(self) -> bool:
        """Whether it is a function's call, and not a module's."""
        return self.given is not None

    @property
    def identity(self) -> int:
        """What is equal for the calls of one module, also when that has gone: a module has one weak reference."""
        return id(self.module if isinstance(self.module, ref) else self)

    def __repr__(self) -> str:
        return f"<call of {self.kind}{self.name and f' {self.name!r}'}>"


class _Modes(threading.local):
    grad: Any = True  # whether operations are recorded; a bool, or a `_Depends`
    blocks: tuple = ()  # the open GradMode blocks, outermost first
    watchers: tuple[Callable, ...] = ()  # called after every operation: watcher(primitive, inputs, parameters, output)
    scope: tuple[Place, ...] = ()  # the modules and composed functions that are running, outermost first
    recorder: Any = None  # what writes down the operations of a step that is being compiled
    stream: Callable | None = None  # what gives the random stream of a device, in place of the device's own
    endings: list[Callable] | None = None  # called when the backward pass that runs has put its gradients in place
    overwriting: Callable | None = None  # asked before memory is overwritten: whether it must not be
    tracer: Any = None  # what writes down a loop's body, or applies to many samples what is done to one; the innermost
    apart = False  # whether functions that could be computed as a whole are composed of their operations
    busy = False  # whether there are watchers or scopes: one look instead of two, after every operation


modes = _Modes()
unrecorded: list[Callable] = []
"""Called as watchers are, after each operation inside of a scope that leaves no node, because nothing wants its gradient."""

BACKWARD = Place("", "backward")
"""In front of a node's modules: a backward walk made the node, for the gradient of a node of those modules.
Twice: a walk that went through such nodes did, the backward of the backward. And so on."""
UPDATE = Place("", "update")
"""In front of a place that is no module: what changes the parameter that gives the place its name."""


def path(places: tuple[Place, ...]) -> str:
    """Nested modules as users write them: `encoder.layers.0`. The outermost goes without saying."""
    return ".".join(place.name for place in places if place.name)


def inside(places: tuple[Place, ...]) -> str:
    """ " in module encoder.layers.0", for an error message; nothing outside of modules."""
    modules = [place for place in places if place is not BACKWARD and not place.is_function]
    if places[:1] == (UPDATE,):
        return f" in {modules[-1].kind} of {path(places) or 'all parameters'}"
    return f" in module {path(places) or modules[0].kind}" if modules else ""


def part_of(places: tuple[Place, ...]) -> str:
    """The same for one operation of a composed function: " in cross_entropy in module head"."""
    called = [place.kind for place in places if place.is_function]
    return (f" in {called[0]}" if called else "") + inside(places)
