"""One seed for every random number, on every device.

Each device has its own stream, derived from the seed, and started when it is first asked for.
"""

import copy
import operator
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy

from ..backend import Device, get
from ..errors import OptionError


class Streams:
    """Streams of random numbers, one on each device, that start from `seed` and go on from draw to draw."""

    def __init__(self, seed: int):
        self.start_from(seed)

    def start_from(self, seed: int) -> None:
        """Begin anew on every device."""
        self.seed = int(seed)
        self.generators: dict[str, Any] = {}


_library = Streams(secrets.randbits(63))


class _Drawing(threading.local):
    streams = _library  # from which this thread draws


_drawing = _Drawing()


class StreamDevice(Device):
    """A device, and whose streams are drawn from there: what is noted of a draw that is to be repeated later."""

    __slots__ = ("streams",)

    def __init__(self, device: Device):
        super().__init__(device)
        self.streams = _drawing.streams


def manual_seed(seed: int) -> None:
    """Restart every random stream of the library from `seed`, a non-negative integer.

    Raises `OptionError` for anything else.
    """
    whole = operator.index(seed) if hasattr(seed, "__index__") else -1
    if whole < 0:
        raise OptionError(f"a seed is a non-negative integer, and not {seed!r}")
    _library.start_from(whole)


@contextmanager
def drawing_from(streams: Streams) -> Iterator[None]:
    """Inside, random numbers of this thread come from these streams; the library's stand still."""
    outside, _drawing.streams = _drawing.streams, streams
    try:
        yield
    finally:
        _drawing.streams = outside


def generator(device: Device) -> Any:
    """The stream of `device`: a `Generator` of NumPy or CuPy."""
    streams = device.streams if isinstance(device, StreamDevice) else _drawing.streams
    name = str(device)
    if name not in streams.generators:  # of two threads, one makes it
        entropy = numpy.random.SeedSequence([streams.seed, *name.encode()])
        streams.generators.setdefault(name, get(device).generator(entropy, device.index))
    return streams.generators[name]


def copied(stream: Any, device: Device) -> Any:
    """A stream of a device that goes on from where this one is, and leaves it there."""
    if hasattr(stream, "copied"):  # one that stands for a part of what is drawn
        return stream.copied(device)
    if isinstance(stream, numpy.random.Generator):
        return copy.deepcopy(stream)
    return get(device).copied(stream, device.index)


def draw_seed() -> int:
    """A fresh 63-bit seed for somebody who keeps a stream of their own (a data loader, say)."""
    return int(generator(Device("cpu")).integers(0, 2**63 - 1))


def get_state() -> dict:
    """What `set_state` needs to continue the host's stream from here: plain numbers and names."""
    return {"seed": _drawing.streams.seed, "host": generator(Device("cpu")).bit_generator.state}


def set_state(state: dict) -> None:
    """Continue from `get_state()`. Other devices' streams restart from the seed and the host's state."""
    manual_seed(state["seed"])
    generator(Device("cpu")).bit_generator.state = state["host"]
