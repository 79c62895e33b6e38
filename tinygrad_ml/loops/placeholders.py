"""What stands for the arrays of one round, while the body of a loop is written down: shapes and dtypes, and no numbers.

Read before: `body.py`. Read next: `tracing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import numpy

from ..backend import Absent, register
from ..backend.host import Backend
from ..errors import GradientError, ShapeError

NO_NUMBERS = (
    "tg.scan writes down once what its function does, and runs that in every round: there are no numbers to read in the "
    "function, only shapes. Choose between tensors by tg.where; a loop that ends by what it finds is a loop of Python"
)


class Placeholder(Absent):
    """Stands for an array of a round.

    tracer  who writes the body down
    depth   how many loops it is inside of
    index   of the device
    """

    __slots__ = ("tracer", "depth", "index")
    strides = ()

    def __init__(self, tracer: Any, shape: Iterable[int], dtype: Any, depth: int, index: int = 0):
        super().__init__(tuple(shape), numpy.dtype(dtype))
        self.tracer, self.depth, self.index = tracer, depth, index

    def like(self, shape: Iterable[int], dtype: Any) -> Placeholder:
        return type(self)(self.tracer, shape, dtype, self.depth, self.index)

    def astype(self, dtype: Any, copy: bool = True) -> Placeholder:
        """The same in another dtype: a step of its own."""
        return self.tracer.cast(self, numpy.dtype(dtype))

    def copy(self) -> Placeholder:
        """The same numbers, which nobody can overwrite."""
        return self

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "what a round of tg.scan computes can only be returned: as the carry, or as what is handed out of each round"
        )

    def __len__(self) -> int:
        return self.shape[0]


class _Standing(Backend):
    """The backend of placeholders: makes constants on the real device, and refuses to read."""

    def __init__(self, real: Backend):
        self._real, self.namespace = real, real.namespace
        vars(self)["kind"] = real.kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def shown(self, array: Placeholder) -> NoReturn:
        raise GradientError(NO_NUMBERS)

    to_host = shown

    def writeable(self, array: Placeholder) -> Placeholder:
        return array

    def moved(self, array: Placeholder, there: Backend, index: int) -> Placeholder:
        return placeholder_type(there)(array.tracer, array.shape, array.dtype, array.depth, index)

    def nonzero(self, array: Placeholder) -> NoReturn:
        raise ShapeError(f"where a mask is True, and how often, is in its numbers: {NO_NUMBERS}")

    @staticmethod
    def index_of(array: Placeholder) -> int:
        return array.index


_kinds: dict[str, type[Placeholder]] = {}


def placeholder_type(real: Any) -> type[Placeholder]:
    """The type of placeholders for arrays of the backend `real`."""
    if real.kind not in _kinds:
        made = type("Placeholder", (Placeholder,), {"__slots__": ()})
        register(made, _Standing(real))
        _kinds[real.kind] = made
    return _kinds[real.kind]
