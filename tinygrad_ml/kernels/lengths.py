"""The length of gradients, taken together, and by what they are to be multiplied: see `nn/utils/clipping.py`."""

from __future__ import annotations

import math

import numpy

from ..totals import squares

FEW_LOST = 2.0**60
"""So many times the smallest number a sum of squares is at least, where what has become 0 in it does not count."""


def length_and_factor(
    arrays: list[numpy.ndarray], longest: float, eps: float
) -> tuple[numpy.ndarray, numpy.ndarray] | None:
    """(‖g‖, min(1, longest / (‖g‖ + ε))), in the widest dtype of theirs; None where squares get lost, or nothing is allowed."""
    with numpy.errstate(all="ignore"):
        total = sum(map(squares, arrays))
    dtype = numpy.result_type(*arrays)
    if not numpy.finfo(dtype).tiny * FEW_LOST < total < math.inf or longest <= 0:
        return None
    length = math.sqrt(total)
    return numpy.array(length, dtype), numpy.array(longest / max(length + eps, longest), dtype)
