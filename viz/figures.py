"""Numbers as a reader wants to see them: short, and never wrong by their shortness.

Read next: `replay.py`, where the numbers of a graph come from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy
from numpy.typing import ArrayLike

WHOLE_ELEMENTS = 6
"""A tensor of at most this many elements is shown whole; a larger one by its mean, spread and norm."""

DIGITS = (4, 6, 9, 17)
"""Significant digits to try until a written sum is true. Nine tell all float32 apart, 17 all float64."""


def number(x: float | int | bool, significant: int = 4) -> str:
    """A number in four significant digits, or more: 12, 0.3333, 1.2e-5, nan, -∞."""
    if isinstance(x, (bool, numpy.bool_)):
        return str(bool(x))
    if math.isnan(x):
        return "nan"
    if math.isinf(x):
        return "∞" if x > 0 else "-∞"
    if abs(x) < 1e6 and (x == int(x) or (abs(x) >= 1e4 and significant == 4)):
        return f"{x:.0f}" if x else "0"
    digits, _, exponent = f"{x:.{significant}g}".partition("e")
    return f"{digits}e{int(exponent)}" if exponent else digits


def as_shown(x: float, significant: int) -> float:
    """The number that `number` writes."""
    return float(number(x, significant).replace("∞", "inf"))


def numbers(values: float | list) -> str:
    """Nested lists of numbers, as in `[[1, 2], [3, 4]]`."""
    if isinstance(values, list):
        return f"[{', '.join(numbers(value) for value in values)}]"
    return number(values)


def sum_text(parts: Sequence[float], total: float) -> str:
    """`1 + (-3) = -2`, with as many digits as it takes to be true."""
    digits = 4
    for digits in DIGITS:
        if not abs(sum(as_shown(part, digits) for part in parts) - total) > 5e-3 * abs(total):
            break
    shown = [number(part, digits) for part in parts]
    return f"{' + '.join(f'({text})' if text[0] == '-' else text for text in shown)} = {number(total)}"


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as Python writes it; "scalar" for the shape of a single number."""
    return str(tuple(shape)) if shape else "scalar"


def amount(count: float, unit: str = "") -> str:
    """A count with a thousands letter: 950, 1.2 k, 3.4 M."""
    for letter in ("", " k", " M", " G"):
        if abs(count) < 1000:
            return f"{count:.3g}{letter}{unit}"
        count /= 1000
    return f"{count:.4g} T{unit}"


def byte_text(count: int) -> str:
    """A size of memory: 128 B, 1.2 kB, 3.4 MB."""
    return amount(count, "B") if count >= 1000 else f"{count} B"


@dataclass(frozen=True)
class ArraySummary:
    """What is shown of an array: everything if it is small, else what tells most about it.

    Means and norms are of the finite elements; the others are counted.
    """

    shape: tuple[int, ...]
    dtype: str
    size: int
    values: list | float | int | bool | None
    mean: float
    spread: float
    norm: float
    low: float
    high: float
    nan: int = 0
    infinite: int = 0

    @property
    def only(self) -> float:
        """The number of a tensor of one element, finite or not."""
        value = self.values
        while isinstance(value, list):
            value = value[0]
        return math.nan if value is None else value

    def rows(self) -> list[str]:
        """All numbers, a line for each row along the last axis; none of an array whose numbers were not kept."""
        rows = [] if self.values is None else [self.values]
        for _ in self.shape[:-1]:
            rows = [part for row in rows for part in row]
        return [numbers(row) for row in rows]

    def text(self, norm_only: bool = False) -> str:
        """One line: the numbers themselves, or mean, spread and norm, or only the norm."""
        trouble = "".join(
            f", {count} {what}" for count, what in ((self.nan, "nan"), (self.infinite, "infinite")) if count
        )
        if not self.size:
            return "empty"
        if self.values is not None and self.size <= WHOLE_ELEMENTS:
            return numbers(self.values)
        if self.dtype == "bool":
            return f"{self.mean:.0%} true"
        if self.dtype.startswith(("int", "uint")):
            return f"{number(self.low)} to {number(self.high)}"
        if trouble and not math.isfinite(self.mean):
            return trouble[2:]
        if norm_only:
            return f"norm {number(self.norm)}{trouble}"
        return f"mean {number(self.mean)} ± {number(self.spread)}, norm {number(self.norm)}{trouble}"


_name = cache(str)  # of a dtype; NumPy takes long to find it


def summarise(array: ArrayLike, keep: int = WHOLE_ELEMENTS) -> ArraySummary:
    """What to show of a NumPy array, whose numbers are kept if there are at most `keep` of them."""
    array = numpy.asarray(array)
    wide = array.astype(numpy.float64)
    finite = numpy.isfinite(wide)
    nan = int(numpy.isnan(wide).sum())
    good = wide[finite]
    if good.size:
        with numpy.errstate(over="ignore"):  # then it is infinite
            norm = float(numpy.sqrt((good * good).sum()))
        mean, spread, low, high = float(good.mean()), float(good.std()), float(good.min()), float(good.max())
    else:
        mean = spread = norm = low = high = math.nan if array.size else 0.0
    infinite = array.size - good.size - nan
    values = array.tolist() if array.size <= keep else None
    return ArraySummary(
        tuple(array.shape), _name(array.dtype), array.size, values, mean, spread, norm, low, high, nan, infinite
    )
