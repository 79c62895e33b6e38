"""From an array to the backend that computes on it.

The table below is keyed by array type and is the whole of the "switch": no global variable says
"we are on the GPU now", so nothing can be stale when tensors of two devices live side by side.
"""

from collections.abc import Callable
from typing import Any

import numpy

from ..errors import DTypeError
from .absent import Absent
from .dtypes import SUPPORTED, Array
from .host import Host


class _ByArrayType(dict):
    """Array type -> backend, learning each new type at its first use."""

    def __missing__(self, kind: type):
        package = kind.__module__.partition(".")[0]
        if issubclass(kind, (numpy.ndarray, numpy.generic)):
            backend = HOST
        elif package in _of_package:
            backend = _of_package[package]()
        else:
            raise DTypeError(f"{kind.__name__} is not an array type of any registered backend (NumPy, CuPy)")
        self[kind] = backend
        return backend


HOST = Host()
_of_package: dict[str, Callable[[], Any]] = {}  # name of a package -> the backend of its arrays, made when one is met
BY_TYPE = _ByArrayType({numpy.ndarray: HOST} | {dtype.type: HOST for dtype in SUPPORTED})


def register(array_type: type, backend: Any) -> None:
    """Make `backend` the one that computes on arrays of `array_type`."""
    BY_TYPE[array_type] = backend


def register_package(package: str, opener: Callable[[], Any]) -> None:
    """Make what `opener()` returns the backend that computes on arrays of `package`."""
    _of_package[package] = opener


def of(array: Array) -> Any:
    """The backend that computes on `array`."""
    return BY_TYPE[type(array)]


def absent(array: Array) -> bool:
    """Whether `array` is the missing array of a symbolic tensor."""
    return type(array) is Absent


def owner(array: Array) -> Array:
    """The array that owns the memory which `array` looks at (itself, unless it is a view)."""
    while type(base := getattr(array, "base", None)) is type(array):
        array = base
    return array
