"""The device of symbolic tensors, which have a shape and a dtype, and no numbers; and what stands for arrays of other devices.

It is a backend that makes itself known to `backend/`, as the GPU's in `cuda.py` is. What it gives for an array is in
`backend/absent.py`. A `StandIn` is such an array too, and says that it lies on a real device: one round of a loop
(`loops/placeholders.py`) and one sample of many (`batching/level.py`) are computed with them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn

import numpy

from .backend import Absent, Array, register
from .backend.devices import register_kind
from .backend.host import Backend
from .errors import GradientError, ShapeError


class Symbol(Backend):
    """The device of symbolic tensors: whatever is made there has a shape and a dtype, and takes no memory."""

    kind = "symbol"
    namespace = None

    def filled(self, shape: tuple[int, ...], value: Any, dtype: numpy.dtype, index: int = 0) -> Absent:
        """What stands for an array with `value` everywhere."""
        return Absent(tuple(shape), dtype)

    def from_host(self, array: Any, index: int = 0) -> Absent:
        """What stands for `array`."""
        return Absent(array.shape, array.dtype)

    def index_of(self, array: Any) -> int:
        """0: there is one such device."""
        return 0

    def nonzero(self, array: Any) -> NoReturn:
        """Refused: it is in the numbers, of which there are none."""
        raise ShapeError(
            f"how many elements a mask of shape {array.shape} selects is in its numbers, and a symbolic tensor has none. "
            f"Use tg.where(mask, x, 0) instead of x[mask]"
        )

    def writeable(self, array: Array) -> Array:
        return array

    def quiet(self) -> contextlib.AbstractContextManager:
        """A context in which nothing is different."""
        return contextlib.nullcontext()

    def generator(self, seed: Any, index: int = 0) -> Symbol:
        """What stands for a random number generator."""
        return self

    def random(self, size: tuple[int, ...], dtype: numpy.dtype) -> Absent:
        """What stands for random numbers."""
        return Absent(size, numpy.dtype(dtype))

    standard_normal = random

    def integers(self, low: int, high: int, size: tuple[int, ...]) -> Absent:
        """What stands for random integers."""
        return Absent(size, numpy.dtype("int64"))


SYMBOL = Symbol()
register(Absent, SYMBOL)
register_kind("symbol", lambda index: SYMBOL)


class StandIn(Absent):
    """Stands for an array of a real device, of which there are several: where in the code, its class says.

    depth  how many loops, and functions of many samples, it is inside of
    index  of the device
    """

    __slots__ = ("depth", "index", "__weakref__")
    strides = ()
    inside: ClassVar[str]  # where it is met, as in "tensor(shape=(3,), in tg.scan)"
    refusal: ClassVar[str]  # why there are no numbers to read, and what to do

    def __init__(self, shape: Iterable[int], dtype: Any, depth: int, index: int = 0):
        super().__init__(tuple(shape), numpy.dtype(dtype))
        self.depth, self.index = depth, index

    def __len__(self) -> int:
        return self.shape[0]


class _Standing(Backend):
    """The backend of stand-ins: makes constants on the real device, and refuses to read."""

    def __init__(self, real: Backend):
        self._real, self.namespace = real, real.namespace
        vars(self)["kind"] = real.kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def shown(self, array: StandIn) -> NoReturn:
        raise GradientError(array.refusal)

    to_host = shown

    def writeable(self, array: StandIn) -> StandIn:
        return array

    def moved(self, array: Any, there: Backend, index: int) -> StandIn:
        return array.on(there, index)

    def nonzero(self, array: StandIn) -> NoReturn:
        raise ShapeError(f"where a mask is True, and how often, is in its numbers: {array.refusal}")

    @staticmethod
    def index_of(array: StandIn) -> int:
        return array.index


_kinds: dict[tuple[type, str], type] = {}


def standing_for(kind: type[StandIn], real: Any) -> Any:
    """The type of stand-ins of a kind for arrays of the backend `real`."""
    key = kind, real.kind
    if key not in _kinds:
        _kinds[key] = type(kind.__name__, (kind,), {"__slots__": ()})
        register(_kinds[key], _Standing(real))
    return _kinds[key]
