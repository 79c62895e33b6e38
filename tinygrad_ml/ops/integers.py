"""Where integers have no answer, and floats have inf and nan: division by 0, and negative powers.

Read before: `primitive.py`, whose `defined` this is about.
"""

from collections.abc import Callable, Sequence
from typing import Any


def whole_quotient(compute: Callable) -> Callable:
    """`compute`, which refuses to divide integers by 0: they have no inf to answer with, and NumPy answers 0."""

    def value(xp, a, b):
        # On a GPU a look would have to wait for the device, and is not taken.
        if b.dtype.kind in "iu" and xp.kind == "cpu" and not b.all():
            raise ZeroDivisionError("integers cannot be divided by 0; floats can, and give inf or nan")
        return compute(a, b)

    return value


def divides(dtypes: Sequence[Any], constants: Sequence[Any]) -> bool:
    """Whether no integer is divided by 0."""
    return "f" in (dtypes[0].kind, dtypes[1].kind) or (constants[1] is not None and bool(constants[1].all()))


def whole_power(dtypes: Sequence[Any], constants: Sequence[Any]) -> bool:
    """Whether no integer is taken to a negative power."""
    return dtypes[1].kind != "i" or (constants[1] is not None and bool((constants[1] >= 0).all()))
