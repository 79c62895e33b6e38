"""Devices as values: `device("gpu:1")`, and which one new tensors go to."""

import re
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy

from ..errors import DeviceError
from .arrays import BY_TYPE, HOST


class Device:
    """Where an array lives: `"cpu"`, `"gpu"` (the first one) or `"gpu:1"`.

    On the device `"symbol"` tensors have a shape and a dtype, and no memory: a network built
    there costs nothing, and shows its shapes, its graph and its work.

    A value, and a context in which it is the device of new tensors::

        with tg.device("gpu"):
            x = tg.zeros((2, 3))        # on the GPU

    Raises `DeviceError` for a name that is not a device.
    """

    __slots__ = ("kind", "index")

    def __init__(self, name: "str | Device"):
        if isinstance(name, Device):
            self.kind, self.index = name.kind, name.index
            return
        match = re.fullmatch(r"([a-z]+)(?::(\d+))?", name) if isinstance(name, str) else None
        if match is None or match[1] not in _openers:
            hint = " (the GPU is called 'gpu' here)" if str(name).startswith("cuda") else ""
            if isinstance(name, (numpy.dtype, type)):
                hint = f" (for a dtype there is astype: x.astype('{numpy.dtype(name)}'))"
            raise DeviceError(f"{name!r} is not a device{hint}; use one of {', '.join(map(repr, sorted(_openers)))}")
        self.kind, self.index = match[1], int(match[2] or 0)

    @classmethod
    def of(cls, array: Any) -> "Device":
        """The device that holds `array`."""
        backend = BY_TYPE[type(array)]
        return _device(backend.kind, backend.index_of(array))

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}" if self.index else self.kind

    def __repr__(self) -> str:
        return f"device('{self}')"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return other in (str(self), f"{self.kind}:{self.index}")
        return isinstance(other, Device) and (self.kind, self.index) == (other.kind, other.index)

    def __hash__(self) -> int:
        return hash((self.kind, self.index))

    def __enter__(self) -> "Device":
        current = get(self).current(self.index)  # a missing GPU is reported here, not at the first operation
        current.__enter__()
        _defaults.stack = (*_defaults.stack, (self, current))
        return self

    def __exit__(self, *error: Any) -> None:
        _, current = _defaults.stack[-1]
        _defaults.stack = _defaults.stack[:-1]
        current.__exit__(*error)


@cache  # arrays are often asked for their device
def _device(kind: str, index: int) -> Device:
    return Device(f"{kind}:{index}")


def _open_host(index: int):
    if index:
        raise DeviceError(f"device 'cpu:{index}' does not exist: all of the CPU is one device, 'cpu'")
    return HOST


_openers: dict[str, Callable[[int], Any]] = {"cpu": _open_host}


class _Defaults(threading.local):
    everywhere = Device("cpu")  # where a thread has said nothing
    stack: tuple[tuple[Device, Any], ...] = ()  # (device, its library's context for it), the innermost last


_defaults = _Defaults()


def register_kind(kind: str, opener: Callable[[int], Any]) -> None:
    """Make `kind` a name of devices; `opener(index)` returns its backend."""
    _openers[kind] = opener


def get(device: Device) -> Any:
    """The backend of a device; `DeviceError` if the machine does not have it."""
    return _openers[device.kind](device.index)


def current_device() -> Device:
    """The device of new tensors: the innermost `with device(...)`, else the default."""
    return _defaults.stack[-1][0] if _defaults.stack else _defaults.everywhere


def set_default_device(device: "str | Device") -> None:
    """Make `device` the one on which new tensors are made, in every thread."""
    device = Device(device)
    get(device).current(device.index).__enter__()  # for good
    _Defaults.everywhere = device
