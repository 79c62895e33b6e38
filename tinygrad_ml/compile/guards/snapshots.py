"""What dictionaries, lists, attributes and variables hold at one moment: to put it back, and to see what has changed."""

from __future__ import annotations

import pickle
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy

from .code import Variables
from .values import MISSING, differences, is_plain, snapshot

CONTAINERS = (list, dict, set, deque)
GENERATORS = (numpy.random.Generator, numpy.random.RandomState, random.Random)
"""Streams of random numbers that are not this library's."""

Holder = tuple[Any, str | None]
"""(dictionary, list, set, class, stream, or variables of a function; whose it is if not this library's)"""


def content(holder: Any) -> dict:
    """What a holder holds, by name or number."""
    if isinstance(holder, dict):
        return snapshot(holder)
    if isinstance(holder, type):
        return {name: value for name, value in snapshot(vars(holder)).items() if name[:2] != "__"}
    if isinstance(holder, GENERATORS):
        return {"stream": pickle.dumps(_bits(holder))}
    return holder.now() if isinstance(holder, Variables) else dict(enumerate(holder))


def _bits(stream: Any) -> Any:
    """Where a stream of random numbers is."""
    if isinstance(stream, random.Random):
        return stream.getstate()
    return stream.get_state() if isinstance(stream, numpy.random.RandomState) else stream.bit_generator.state


def _wind(stream: Any, bits: Any) -> None:
    """Let a stream of random numbers go on from there."""
    if isinstance(stream, random.Random):
        stream.setstate(bits)
    elif isinstance(stream, numpy.random.RandomState):
        stream.set_state(bits)
    else:
        stream.bit_generator.state = bits


def _fill(holder: Any, held: dict) -> None:
    """Let a holder hold that, and nothing else."""
    if isinstance(holder, GENERATORS):
        _wind(holder, pickle.loads(held["stream"]))
    elif isinstance(holder, Variables):
        holder.put(held)
    elif isinstance(holder, type):
        for name in content(holder).keys() - held.keys():
            delattr(holder, name)
        for name, value in held.items():
            if vars(holder).get(name, MISSING) is not value:
                setattr(holder, name, value)
    elif isinstance(holder, list):
        holder[:] = held.values()
    else:
        holder.clear()
        fill = holder.extend if isinstance(holder, deque) else holder.update
        fill(held if isinstance(holder, dict) else held.values())


def plain_values(holders: Iterable[Any]) -> Callable[[], tuple]:
    """A function that returns the plain values that there are in these holders."""
    known = [holder for holder in holders if not isinstance(holder, GENERATORS)]
    return lambda: tuple(value for holder in known for value in content(holder).values() if is_plain(value))


class Snapshot:
    """What these holders hold now."""

    def __init__(self, holders: Iterable[Holder]):
        self._held = [(holder, owner, content(holder)) for holder, owner in holders]

    def _different(self) -> Iterator[tuple[Any, str | None, dict, list]]:
        """(holder, whose it is, what it held, the names under which it holds something else now)"""
        for holder, owner, held in self._held:
            if names := differences(content(holder), held):
                yield holder, owner, held, names

    def restore(self) -> None:
        """Put everything back."""
        for holder, _, held, _ in self._different():
            _fill(holder, held)

    def changed(self) -> list[Any]:
        """The holders that hold something else now."""
        return [holder for holder, *_ in self._different()]

    @contextmanager
    def back(self) -> Iterator[None]:
        """Inside, dictionaries of this library's hold what they held at that moment."""
        then = Snapshot(())
        then._held = [entry for entry in self._held if entry[1] is None and isinstance(entry[0], dict)]
        now = Snapshot((holder, None) for holder, *_ in then._held)
        then.restore()
        try:
            yield
        finally:
            now.restore()

    def change(self) -> str | None:
        """One thing that is another now, and is not this library's."""
        for holder, owner, _, names in self._different():
            if owner is not None:
                return owner if isinstance(holder, (list, set, deque, *GENERATORS)) else f"{owner}.{names[0]}"
        return None

    def counted(self, now: Iterable[Holder]) -> list[tuple[dict, str]]:
        """(dictionary, name) of the plain values that are others in the holders of `now`: step counts, learning rates."""
        before = {id(holder): held for holder, _, held in self._held}
        return [
            (holder, name)
            for holder, _ in now
            if isinstance(holder, dict)
            for name in differences(holder, before.get(id(holder), {}))
            if is_plain(holder.get(name, MISSING))
        ]
