"""Functions that are called after every operation."""

from collections.abc import Callable

from .state import modes


class watching:
    """Inside, `watcher(primitive, inputs, parameters, output)` is called after every operation of this thread."""

    def __init__(self, watcher: Callable):
        self.watcher = watcher

    def __enter__(self) -> None:
        modes.watchers = (*modes.watchers, self.watcher)
        modes.busy = True

    def __exit__(self, *_: object) -> None:
        rest = list(modes.watchers)
        rest.reverse()
        rest.remove(self.watcher)
        modes.watchers = tuple(reversed(rest))
        modes.busy = bool(modes.watchers or modes.scope)
