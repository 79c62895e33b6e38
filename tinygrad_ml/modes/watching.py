"""Functions that are called after every operation."""

from collections.abc import Callable

from ..state import modes


class watching:
    """Inside, `watcher(primitive, inputs, parameters, output)` is called after every operation of this thread."""

    def __init__(self, watcher: Callable):
        self.watcher = watcher

    def __enter__(self) -> None:
        modes.watchers = (*modes.watchers, self.watcher)
        modes.busy = True

    def __exit__(self, *_: object) -> None:
        last = len(modes.watchers) - 1 - modes.watchers[::-1].index(self.watcher)
        modes.watchers = modes.watchers[:last] + modes.watchers[last + 1 :]
        modes.busy = bool(modes.watchers or modes.scope)
