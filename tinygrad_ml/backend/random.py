"""One seed for every random number, on every device.

Each device has its own stream, derived from the seed, and started when it is first asked for.
"""

import secrets
from contextlib import contextmanager

import numpy

from .devices import Device, get

_seed = secrets.randbits(63)
_generators: dict[str, object] = {}


def manual_seed(seed: int) -> None:
    """Restart every random stream of the library from `seed`, a non-negative integer."""
    global _seed
    _seed = int(seed)
    _generators.clear()


@contextmanager
def seeded(seed: int):
    """Inside, random numbers come from streams of their own, started from `seed`; those outside stand still."""
    global _seed, _generators
    outside = _seed, _generators
    _seed, _generators = int(seed), {}
    try:
        yield
    finally:
        _seed, _generators = outside


def generator(device: Device):
    """The stream of `device`: a `Generator` of NumPy or CuPy."""
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
