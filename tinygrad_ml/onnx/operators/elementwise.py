"""Operators that work element by element: arithmetic, comparisons, logic, bits. Most are a function under another name.

Read next: `ancient.py`, `reductions.py`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy

from ... import functional as tg
from ...backend import dtypes
from ...tensor import Tensor
from ..table import operator

# fmt: off
UNARY = {
    "Abs": (tg.abs, 6, 13),           "Neg": (tg.negative, 6, 13),      "Reciprocal": (tg.reciprocal, 6, 13), "Sign": (tg.sign, 9, 13),
    "Exp": (tg.exp, 6, 13),           "Log": (tg.log, 6, 13),           "Sqrt": (tg.sqrt, 6, 13),             "Erf": (tg.erf, 9, 13),
    "Sin": (tg.sin, 7, 22),           "Cos": (tg.cos, 7, 22),           "Tan": (tg.tan, 7, 22),
    "Asin": (tg.asin, 7, 22),         "Acos": (tg.acos, 7, 22),         "Atan": (tg.atan, 7, 22),
    "Sinh": (tg.sinh, 9, 22),         "Cosh": (tg.cosh, 9, 22),
    "Asinh": (tg.asinh, 9, 22),       "Acosh": (tg.acosh, 9, 22),       "Atanh": (tg.atanh, 9, 22),
    "Floor": (tg.floor, 6, 13),       "Ceil": (tg.ceil, 6, 13),         "Round": (tg.round, 11, 22),
    "IsNaN": (tg.isnan, 9, 13, 20),   "Not": (tg.logical_not, 1),       "BitwiseNot": (tg.bitwise_invert, 18),
}

BINARY = {
    "Add": (tg.add, 7, 13, 14),            "Sub": (tg.subtract, 7, 13, 14),             "Mul": (tg.multiply, 7, 13, 14),
    "Greater": (tg.greater, 7, 9, 13),     "GreaterOrEqual": (tg.greater_equal, 12, 16),
    "Less": (tg.less, 7, 9, 13),           "LessOrEqual": (tg.less_equal, 12, 16),
    "And": (tg.logical_and, 7),            "Or": (tg.logical_or, 7),                    "Xor": (tg.logical_xor, 7),
    "BitwiseAnd": (tg.bitwise_and, 18),    "BitwiseOr": (tg.bitwise_or, 18),            "BitwiseXor": (tg.bitwise_xor, 18),
}
# fmt: on


def one(function: Callable[[Tensor], Tensor]) -> Callable:
    """The row of a function of one tensor."""

    def row(x: Tensor) -> Tensor:
        return function(x)

    return row


def two(function: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The row of a function of two tensors, whose shapes broadcast."""

    def row(a: Tensor, b: Tensor) -> Tensor:
        return function(a, b)

    return row


for _name, (_function, *_versions) in UNARY.items():
    operator(_name, _versions)(one(_function))
for _name, (_function, *_versions) in BINARY.items():
    operator(_name, _versions)(two(_function))


@operator("Equal", (7, 11, 13, 19))
def equal(a: Any, b: Any) -> Any:
    """Of strings and of bfloat16, which are in no tensor, too."""
    return tg.equal(a, b) if isinstance(a, Tensor) or isinstance(b, Tensor) else numpy.asarray(a == b)


@operator("Div", (7, 13, 14))
def divide(a: Tensor, b: Tensor) -> Tensor:
    """a / b; of integers without what is behind the point."""
    return a / b if dtypes.is_float(a.dtype) else (a - tg.fmod(a, b)) // b


@operator("Mod", (10, 13, 28))
def mod(a: Tensor, b: Tensor, *, fmod: int = 0) -> Tensor:
    """What is left of a / b, with the sign of b, or of a."""
    return tg.fmod(a, b) if fmod else tg.remainder(a, b)


@operator("Pow", (7, 12, 13, 15))
def power(a: Tensor, b: Any) -> Tensor:
    """aᵇ in the dtype of a. An exponent that is known is a number: x² needs no logarithm for its gradient."""
    if isinstance(b, numpy.ndarray) and b.size == 1 and b.ndim <= a.ndim and dtypes.is_float(a.dtype):
        return a ** b.item()
    wide = not dtypes.is_float(a.dtype) and dtypes.is_float(b.dtype)
    return tg.pow(a.astype(dtypes.float64) if wide else a, b).astype(a.dtype)


@operator("BitShift", (11, 28))
def shift(x: Tensor, y: Tensor, *, direction: str) -> Tensor:
    return tg.bitwise_left_shift(x, y) if direction == "LEFT" else tg.bitwise_right_shift(x, y)


@operator("IsInf", (10, 20))
def is_inf(x: Tensor, *, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    if detect_negative and detect_positive:
        return tg.isinf(x)
    return x == (math.inf if detect_positive else -math.inf) if detect_positive or detect_negative else x != x


@operator("Where", (9, 16))
def where(condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return tg.where(condition, x, y)


def many(function: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """The row of a function of two tensors, used on any number of them, from left to right."""

    def row(*xs: Tensor) -> Tensor:
        return functools.reduce(function, xs)

    return row


operator("Max", (8, 12, 13))(many(tg.maximum))
operator("Min", (8, 12, 13))(many(tg.minimum))
operator("Sum", (8, 13))(many(tg.add))


@operator("Mean", (8, 13))
def mean(*xs: Tensor) -> Tensor:
    return functools.reduce(tg.add, xs) / len(xs)


@operator("Clip", (11, 12, 13))
def clip(x: Tensor, min: Tensor | None = None, max: Tensor | None = None) -> Tensor:
    """x within limits; where they cross, the upper one holds."""
    return tg.clip(x, min, max)


@operator("Clip", (6,))
def clip_by_attributes(x: Tensor, *, min: float | None = None, max: float | None = None) -> Tensor:
    return tg.clip(x, min, max)
