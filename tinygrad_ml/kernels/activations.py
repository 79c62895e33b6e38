"""Activations that are several operations each, in one walk of machine code: the Gaussian error linear unit.

x is float32, and contiguous.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy

from . import loops

Array: TypeAlias = Any

_OUTER = f"real({math.sqrt(2 / math.pi)!r})"
_VALUES = {
    "none": ["y[i] = v * ((erf(v * real({root})) + real(1)) * real(0.5))"],
    "tanh": [
        "inner = (v + v * v * v * real(0.044715)) * {outer}",
        "y[i] = v * ((tanh(inner) + real(1)) * real(0.5))",
    ],
}
_SLOPES = {
    "none": [
        "slope = (erf(v * real({root})) + real(1)) * real(0.5) + v * exp(v * v * real(-0.5)) * real({density})",
    ],
    "tanh": [
        "t = tanh((v + v * v * v * real(0.044715)) * {outer})",
        "inside = (real(1) + v * v * real(0.134145)) * {outer}",
        "slope = (t + real(1)) * real(0.5) + v * (real(1) - t * t) * real(0.5) * inside",
    ],
}


def _text(names: str, lines: list[str]) -> str:
    body = "\n".join(f"        {line}" for line in lines)
    body = body.format(root=math.sqrt(0.5), density=1 / math.sqrt(2 * math.pi), outer=_OUTER)
    return f"def loop(n, {names}):\n    nothing_overlaps()\n    for i in range(n):\n        v = x[i]\n{body}\n"


GELU = {how: _text("x: reals, y: reals", lines) for how, lines in _VALUES.items()}
GELU_SLOPE = {
    how: _text("g: reals, x: reals, d: reals", [*lines, "d[i] = g[i] * slope"]) for how, lines in _SLOPES.items()
}


def worth(x: Array, **_: Any) -> bool:
    """Whether it is done here."""
    return x.dtype.char == "f" and loops.worth(x) and x.flags.c_contiguous


def gelu(x: Array, approximate: str) -> tuple[Array]:
    """x·Φ(x)."""
    y = numpy.empty_like(x)
    loops.run(GELU[approximate], x.size, (), (x, 1), (y, 1))
    return (y,)


def gelu_gradient(g: Array, x: Array, approximate: str, needed: Any) -> tuple[Array]:
    """Φ(x) + x·φ(x), times g."""
    d = numpy.empty_like(x)
    loops.run(GELU_SLOPE[approximate], x.size, (), (numpy.ascontiguousarray(g), 1), (x, 1), (d, 1))
    return (d,)
