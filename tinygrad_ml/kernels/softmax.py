"""The softmax of long rows, and its logarithm, as machine code: a row at a time, which stays in the cache, and rows are shared by threads.

x is contiguous, and rows are its last axis. Sums run on in float64 behind every few hundred numbers. Read before: `loops.py`, `rows.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

import numpy

from . import loops

Array: TypeAlias = Any

LONG_ROW = 64
"""Numbers of a row from which on it is worth loops of its own."""
SHORT_ROW, LEFT_ONE_BY_ONE = 128, 8
"""Of a row of fewer numbers those behind the last whole 8 take long one by one, if they are more than one; see
`compile/cpu/short_rows.py`."""

_TOP = """
        top = real(-inf)
        for i in range(n):
            top = maximum(top, frozen(x[r * n + i]))
        top = top if real(abs(top)) < real(inf) else real(0)
"""
SUMMED = """
        total = float64(0)
        for first in range(0, n, 512):
            part = real(0)
            for i in range(first, min(first + 512, n)):
                {line}
                part = add_in_any_order(part, {number})
            total = total + float64(part)
"""


def text_of(name: str, arrays: Sequence[str], *parts: str) -> str:
    """A loop over rows of n numbers, which does the parts one after the other to each; its name sets it apart in a cache."""
    given = ", ".join(f"{array}: reals" for array in arrays)
    return f"# {name}\ndef loop(rows, n, {given}):\n    nothing_overlaps()\n    for r in range(rows):{''.join(parts)}"


SOFTMAX = text_of(
    "softmax",
    "xy",
    _TOP,
    SUMMED.format(line="e = exp(x[r * n + i] - top)\n                y[r * n + i] = e", number="e"),
    """
        for i in range(n):
            y[r * n + i] = y[r * n + i] / real(total)
""",
)
LOG_SOFTMAX = text_of(
    "log_softmax",
    "xy",
    _TOP,
    SUMMED.format(line="e = exp(x[r * n + i] - top)", number="e"),
    """
        shift = log(real(total))
        for i in range(n):
            y[r * n + i] = (x[r * n + i] - top) - shift
""",
)
SOFTMAX_GRADIENT = text_of(
    "softmax, back",
    "gyd",
    SUMMED.format(line="e = g[r * n + i] * y[r * n + i]", number="e"),
    """
        for i in range(n):
            d[r * n + i] = (g[r * n + i] - real(total)) * y[r * n + i]
""",
)
LOG_SOFTMAX_GRADIENT = text_of(
    "log_softmax, back",
    "gyd",
    SUMMED.format(line="e = g[r * n + i]", number="e"),
    """
        for i in range(n):
            d[r * n + i] = g[r * n + i] - exp(y[r * n + i]) * real(total)
""",
)


def worth(axis: tuple[int, ...], *arrays: Array) -> bool:
    """Whether a loop goes through rows of such arrays."""
    x = arrays[0]
    return (
        x.ndim > 0
        and axis == (x.ndim - 1,)
        and x.shape[-1] >= LONG_ROW
        and loops.worth(x)
        and all(array.flags.c_contiguous and array.dtype == x.dtype for array in arrays)
    )


def run(text: str, *arrays: Array) -> Array:
    """What a text makes of these arrays, which have one shape."""
    n, found = arrays[0].shape[-1], numpy.empty(arrays[0].shape, arrays[0].dtype)
    if text in (SOFTMAX, LOG_SOFTMAX) and n < SHORT_ROW and n % LEFT_ONE_BY_ONE > 1:
        text = text.replace("nothing_overlaps()", "nothing_overlaps()\n    rows_are_short()")
    loops.run(text, prod(found.shape[:-1]), (n,), *[(array, n) for array in (*arrays, found)])
    return found
