"""What holds while code runs, per thread: is a graph recorded, who watches, inside which module.

A thread begins with nothing of what holds in the one that starts it: a pool's threads do not inherit `no_grad`.

The only subtle part is `no_grad` inside a generator. Between two `next()` calls the generator's
`with` block is still open, yet the code that runs then is the caller's, to which the block does not
apply. A block that was opened by a generator's (or coroutine's) frame therefore counts only while
that frame is on the stack.
"""

import functools
import inspect
import sys
import threading
from typing import NamedTuple

_SUSPENDABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class Place(NamedTuple):
    """A module whose forward is running: what its parent calls it, and its class."""

    name: str
    kind: str


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


class _Modes(threading.local):
    grad = True  # whether operations are recorded; a bool, or a `_Depends`
    blocks = ()  # the open GradMode blocks, outermost first
    watchers = ()  # functions called after every operation: watcher(primitive, inputs, parameters, output)
    scope: tuple[Place, ...] = ()  # the modules whose forward is running, outermost first
    recorder = None  # what writes down the operations of a step that is being compiled
    busy = False  # whether there are watchers or scopes: one look instead of two, after every operation


modes = _Modes()


def each_time(function, beside=None):
    """The value of `function()`, host code that is part of a training step: a compiled step runs it in each replay.

    beside  a tensor: the value is then a dictionary of numbers that change from step to step, to compute with
            beside that tensor
    """
    return function() if modes.recorder is None else modes.recorder.each_time(function, beside)


def rely_on(function) -> None:
    """Note that what a step does depends on `function()`, as it is before the step: if that is another one day, a
    compiled step is recorded anew."""
    if modes.recorder is not None:
        modes.recorder.rely_on(function)


class _Depends:
    """A truth value that depends on which frames are on the stack right now."""

    def __bool__(self) -> bool:
        stack = set()
        frame = sys._getframe(1)
        while frame is not None:
            stack.add(id(frame))
            frame = frame.f_back
        for block in reversed(modes.blocks):
            if block.frame is None or block.frame in stack:
                return block.enabled
        return True


class GradMode:
    """A context manager, and a decorator, that switches recording on or off for this thread.

    Nests, is undone by an exception, and does not leak out of a generator that yields inside it.
    """

    enabled: bool

    def __enter__(self) -> None:
        _set_blocks((*modes.blocks, _Block(self, _suspendable(sys._getframe(1)))))

    def __exit__(self, *_) -> None:
        # One object may be open several times, in other threads and generators too: this closes its own block.
        frame = _suspendable(sys._getframe(1))
        own = [block for block in modes.blocks if block.mode is self and block.frame == frame]
        _set_blocks(tuple(block for block in modes.blocks if block is not own[-1]))

    def __call__(self, function):
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def wrapped(*args, **kwargs):
                with self:  # this wrapper is a generator itself, so the block does not leak
                    return (yield from function(*args, **kwargs))
        else:

            @functools.wraps(function)
            def wrapped(*args, **kwargs):
                with self:
                    return function(*args, **kwargs)

        return wrapped


def _suspendable(frame) -> int | None:
    """What identifies the frame of a generator or coroutine; None for a function's, which is never suspended."""
    return id(frame) if frame.f_code.co_flags & _SUSPENDABLE else None


class _Block:
    __slots__ = ("enabled", "frame", "mode")

    def __init__(self, mode: GradMode, frame: int | None):
        self.mode, self.enabled, self.frame = mode, mode.enabled, frame


def _set_blocks(blocks: tuple) -> None:
    modes.blocks = blocks
    if any(block.frame is not None for block in blocks):
        modes.grad = _Depends()
    else:
        modes.grad = blocks[-1].enabled if blocks else True


class no_grad(GradMode):
    """Inside, operations of this thread are computed and not recorded: results do not require gradients.

    Threads that are started inside begin without it; decorate the function that they run.

    ``with tg.no_grad(): ...`` or ``@tg.no_grad()`` above a function.
    """

    enabled = False


class enable_grad(GradMode):
    """Inside, operations are recorded again, within a `no_grad` block around it too."""

    enabled = True


class watching:
    """Inside, `watcher(primitive, inputs, parameters, output)` is called after every operation of this thread."""

    def __init__(self, watcher):
        self.watcher = watcher

    def __enter__(self) -> None:
        modes.watchers = (*modes.watchers, self.watcher)
        modes.busy = True

    def __exit__(self, *_) -> None:
        rest = list(modes.watchers)
        rest.reverse()
        rest.remove(self.watcher)
        modes.watchers = tuple(reversed(rest))
        modes.busy = bool(modes.watchers or modes.scope)


class scope:
    """Inside, recorded nodes remember that they were made in the module that its parent calls `name`."""

    def __init__(self, name: str, kind: str):
        self.place = Place(name, kind)

    def __enter__(self) -> None:
        modes.scope = (*modes.scope, self.place)
        modes.busy = True

    def __exit__(self, *_) -> None:
        modes.scope = modes.scope[:-1]
        modes.busy = bool(modes.watchers or modes.scope)


class differentiating:
    """Inside, recorded nodes remember the modules of the node that is being differentiated, behind `BACKWARD`.

    What it gives is what `backpropagate` calls to `observe` its walk.
    """

    def __enter__(self):
        self.outer = modes.scope, modes.busy
        self.prefix = (BACKWARD,)
        return self._follow

    def __exit__(self, *_) -> None:
        modes.scope, modes.busy = self.outer

    def _follow(self, node, position, *_) -> None:
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
