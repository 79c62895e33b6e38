"""What holds for the code that a thread runs."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A module whose forward is running: what its parent calls it, and its class."""

    name: str
    kind: str


class _Modes(threading.local):
    grad: Any = True  # whether operations are recorded; a bool, or a `_Depends`
    blocks: tuple = ()  # the open GradMode blocks, outermost first
    watchers: tuple[
        Callable, ...
    ] = ()  # functions called after every operation: watcher(primitive, inputs, parameters, output)
    scope: tuple[Place, ...] = ()  # the modules whose forward is running, outermost first
    recorder: Any = None  # what writes down the operations of a step that is being compiled
    busy = False  # whether there are watchers or scopes: one look instead of two, after every operation


modes = _Modes()
