"""The error function, which NumPy lacks: SciPy's, number by number, or for many numbers a loop of machine code."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, TypeAlias

import numpy

from . import loops

Array: TypeAlias = Any

ERF = "def loop(n, x: reals, y: reals):\n    nothing_overlaps()\n    for i in range(n):\n        y[i] = erf(x[i])\n"


def erf(x: Array) -> Array:
    """erf x = 2/√π ∫₀ˣ exp(-t²) dt, elementwise."""
    if not (type(x) is numpy.ndarray and x.dtype.char == "f" and loops.worth(x)):
        return _special("erf")(x)
    x = numpy.ascontiguousarray(x)
    y = numpy.empty_like(x)
    loops.run(ERF, x.size, (), (x, 1), (y, 1))
    return y


def erfc(x: Array) -> Array:
    """1 - erf x, elementwise, with all digits where erf x is nearly 1."""
    return _special("erfc")(x)


@cache
def _special(name: str) -> Any:
    """SciPy's erf or erfc, imported when it is wanted, as that takes long; without SciPy Python's own, as exact and slower."""
    try:
        from scipy import special
    except ImportError:
        one = getattr(math, name)
        return lambda x: numpy.asarray(numpy.frompyfunc(one, 1, 1)(x)).astype(x.dtype)[()]
    return getattr(special, name)
