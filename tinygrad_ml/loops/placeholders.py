"""What stands for the arrays of one round, while the body of a loop is written down: shapes and dtypes, and no numbers.

Read before: `body.py`. Read next: `tracing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import numpy

from ..symbols import StandIn, standing_for

NO_NUMBERS = (
    "tg.scan writes down once what its function does, and runs that in every round: there are no numbers to read in the "
    "function, only shapes. Choose between tensors by tg.where; a loop that ends by what it finds is a loop of Python"
)


class Placeholder(StandIn):
    """Stands for an array of a round.

    tracer  who writes the body down
    """

    __slots__ = ("tracer",)
    inside = "in tg.scan"
    refusal = NO_NUMBERS

    def __init__(self, tracer: Any, shape: Iterable[int], dtype: Any, depth: int, index: int = 0):
        super().__init__(shape, dtype, depth, index)
        self.tracer = tracer

    def like(self, shape: Iterable[int], dtype: Any) -> Placeholder:
        return type(self)(self.tracer, shape, dtype, self.depth, self.index)

    def on(self, there: Any, index: int) -> Placeholder:
        """What stands for the same array on another device."""
        return placeholder_type(there)(self.tracer, self.shape, self.dtype, self.depth, index)

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


def placeholder_type(real: Any) -> type[Placeholder]:
    """The type of placeholders for arrays of the backend `real`."""
    return standing_for(Placeholder, real)
