"""One seed for every random number, on every device.

Each device has its own stream, derived from the seed, and started when it is first asked for.
"""

import secrets
from contextlib import contextmanager

import numpy

from .devices import Device, get

_seed = secrets.randbits(63)
_generators: dict[str, object] = {}
_own: "Streams | None" = None  # whose streams those two are, if not the library's


class Streams:
    """Streams of somebody's own, one on each device, that start from `seed` and go on from draw to draw."""

    def __init__(self, seed: int):
        self.seed = int(seed)
        self.generators: dict[str, object] = {}


class Place(Device):
    """A device, and whose streams are drawn from there: what is noted of a draw that is to be repeated later."""

    __slots__ = ("streams",)

    def __init__(self, device: Device):
        super().__init__(device)
        self.streams = _own


def manual_seed(seed: int) -> None:
    """Restart every random stream of the library from `seed`, a non-negative integer."""
    global _seed
    _seed = int(seed)
    _generators.clear()


@contextmanager
def drawing_from(streams: Streams):
    """Inside, random numbers come from these streams; the library's stand still."""
    global _seed, _generators, _own
    outside = _seed, _generators, _own
    _seed, _generators, _own = streams.seed, streams.generators, streams
    try:
        yield
    finally:
        _seed, _generators, _own = outside


def generator(device: Device):
    """The stream of `device`: a `Generator` of NumPy or CuPy."""
    if isinstance(device, Place) and device.streams is not None:
        with drawing_from(device.streams):
            return generator(Device(device))
    name = str(device)
    if name not in _generators:
        entropy = numpy.random.SeedSequence([_seed, *name.encode()])
        _generators[name] = get(device).generator(entropy, device.index)
    return _generators[name]


def draw_seed() -> int:
    """A fresh 63-bit seed for somebody who keeps a stream of their own (a data loader, say)."""
    return int(generator(Device("cpu")).integers(0, 2**63 - 1))


def get_state() -> dict:
    """What `set_state` needs to continue the host's stream from here: plain numbers and names."""
    return {"seed": _seed, "host": generator(Device("cpu")).bit_generator.state}


def set_state(state: dict) -> None:
    """Continue from `get_state()`. Other devices' streams restart from the seed and the host's state."""
    manual_seed(state["seed"])
    generator(Device("cpu")).bit_generator.state = state["host"]
