"""Sizes that depend on those of the inputs, as ONNX can compute them: nothing of a batch is written into a file.

A `VaryingNumber` says what a number was in each of the recordings. Where the same numbers are the size of an axis of something that the file
computes, it is that: `Shape` gives it. Else they may be made of such a size, as in 2·n + 1, n // 2 or n·m; the recordings
say which it is, since a wrong guess would not fit all of them.

Read before: `varying.py`. Read next: `constants.py`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy

from .table import InexpressibleError
from .varying import VaryingNumber, lifted

FURTHER = 1 << 62
"""As the end of a slice: behind everything."""
MANY_AXES = 12
LARGEST_DIVISOR = 64


class Sizes:
    """Knows which axes of which values have which sizes, and writes down how others follow."""

    def __init__(self, writer: Any):
        self._w = writer
        self._axes: dict[VaryingNumber, tuple[str, int]] = {}
        self._known: dict[VaryingNumber, str] = {}

    def fork(self) -> tuple[dict, dict]:
        """What is known now: to be given to `back` when a body ends, whose values nobody outside knows."""
        return dict(self._axes), dict(self._known)

    def back(self, known: tuple[dict, dict]) -> None:
        """Forget what has come to be known since."""
        self._axes, self._known = known

    def met(self, name: str, shape: Sequence[Any]) -> None:
        """A value of this shape is there."""
        for axis, n in enumerate(shape):
            if isinstance(n, VaryingNumber):
                self._axes.setdefault(n, (name, axis))

    def vector(self, entries: Sequence[Any]) -> str:
        """Integers as a 1-D tensor of int64."""
        if not any(isinstance(n, VaryingNumber) for n in entries):
            return self._w.constant(numpy.array(entries, numpy.int64).reshape(-1))
        parts, run = [], []
        for n in (*entries, None):
            if isinstance(n, int):
                run.append(n)
                continue
            if run:
                parts.append(self._w.constant(numpy.array(run, numpy.int64)))
                run = []
            if n is not None:
                parts.append(self.one(n))
        return parts[0] if len(parts) == 1 else self._w.shared("Concat", parts, axis=0)

    def one(self, n: Any) -> str:
        """An integer as a tensor of int64 with one element."""
        if not isinstance(n, VaryingNumber):
            return self._w.constant(numpy.array([n], numpy.int64))
        if n not in self._known:
            self._known[n] = self._expressed(n)
        return self._known[n]

    def scalar(self, n: Any, dtype: Any = numpy.int64) -> str:
        """An integer as a tensor without axes."""
        if not isinstance(n, VaryingNumber):
            return self._w.constant(numpy.array(n, dtype))
        whole = self._w.shared("Squeeze", [self.one(n)])
        return whole if numpy.dtype(dtype) == numpy.int64 else self._w.shared("Cast", [whole], to=numpy.dtype(dtype))

    def _expressed(self, n: VaryingNumber) -> str:
        if n in self._axes:
            name, axis = self._axes[n]
            return self._w.shared("Shape", [name], start=axis, end=axis + 1)
        for size in self._candidates():
            line = _line(size, n)
            if line is not None:
                return self._of_line(size, *line)
        for a, b in itertools.combinations_with_replacement(self._axes_first(), 2):
            line = _line(VaryingNumber(map(math.prod, zip(a, b, strict=True))), n)
            if line is not None:
                product = self._w.shared("Mul", [self.one(a), self.one(b)])
                return self._linear(product, *line)
        for size in self._axes_first():
            for k in range(2, LARGEST_DIVISOR):
                for plus in range(-k, k + 1):
                    if all((x + plus) // k == y for x, y in zip(size, n, strict=True)):
                        return self._linear(self.one(size), Fraction(1, k), Fraction(plus, k))
            bound = max(n)
            least = {y - x for x, y in zip(size, n, strict=True) if y < bound}
            if len(least) == 1 and all(min(x + min(least), bound) == y for x, y in zip(size, n, strict=True)):
                near = self._linear(self.one(size), Fraction(1), Fraction(min(least)))
                return self._w.shared("Min", [near, self._w.constant(numpy.array([bound], numpy.int64))])
        raise InexpressibleError(
            f"a size that is {', '.join(map(str, n))} as sizes of inputs vary: what it follows from was not found"
        )

    def _axes_first(self) -> list[VaryingNumber]:
        return list(self._axes)[:MANY_AXES]

    def _candidates(self) -> Iterator[VaryingNumber]:
        yield from self._axes

    def _of_line(self, size: VaryingNumber, slope: Fraction, start: Fraction) -> str:
        return self._linear(self.one(size), slope, start)

    def _linear(self, x: str, slope: Fraction, start: Fraction) -> str:
        """⌊slope·x + start⌋"""
        w, q = self._w, math.lcm(slope.denominator, start.denominator)
        p, r = int(slope * q), int(start * q)
        if p != 1:
            x = w.shared("Mul", [x, w.constant(numpy.array([p], numpy.int64))])
        if r:
            x = w.shared("Add", [x, w.constant(numpy.array([r], numpy.int64))])
        return x if q == 1 else w.shared("Div", [x, w.constant(numpy.array([q], numpy.int64))])

    def number(self, values: VaryingNumber, dtype: numpy.dtype) -> str:
        """A number that depends on sizes, as a tensor without axes."""
        if dtype.kind in "iu":
            return self.scalar(values, dtype)
        sizes = [*self._axes_first()]
        sizes += [
            VaryingNumber(map(math.prod, zip(a, b, strict=True)))
            for a, b in itertools.combinations_with_replacement(self._axes_first(), 2)
        ]
        tolerance = 8 * float(numpy.finfo(dtype).eps)
        for size in sizes:
            for form in _FORMS:
                times, factor = _fit(values, size, form, tolerance)
                if times:
                    x = self._size_of(size, dtype)
                    if times != 1:
                        x = self._w.shared("Mul", [x, self._w.constant(numpy.array(times, dtype))])
                    y = form.write(self._w, x, dtype)
                    return (
                        y if factor == 1 else self._w.shared("Mul", [y, self._w.constant(numpy.array(factor, dtype))])
                    )
        for size in sizes:
            line = _line(size, VaryingNumber(float(v) for v in values))
            if line is not None:
                return self._w.shared("Cast", [self._w.shared("Squeeze", [self._of_line(size, *line)])], to=dtype)
        raise InexpressibleError(
            f"a number that is {', '.join(f'{float(v):g}' for v in values)} as sizes of inputs vary: what it follows from was not found"
        )

    def _size_of(self, size: VaryingNumber, dtype: numpy.dtype) -> str:
        if size in self._axes:
            return self.scalar(size, dtype)
        a, b = next(
            (a, b)
            for a, b in itertools.combinations_with_replacement(self._axes_first(), 2)
            if VaryingNumber(map(math.prod, zip(a, b, strict=True))) == size
        )
        return self._w.shared("Mul", [self.scalar(a, dtype), self.scalar(b, dtype)])


class _SizeForm(NamedTuple):
    """A function of a size n that stands in formulas: its value, its inverse, and how it is written."""

    value: Callable[[float], float]
    inverse: Callable[[float], float]
    write: Callable[[Any, str, numpy.dtype], str]


def _less_one(w: Any, x: str, dtype: numpy.dtype) -> str:
    return w.shared("Sub", [x, w.constant(numpy.array(1, dtype))])


_FORMS = (
    _SizeForm(float, float, lambda w, x, dtype: x),
    _SizeForm(lambda n: 1 / n, lambda v: 1 / v, lambda w, x, dtype: w.shared("Reciprocal", [x])),
    _SizeForm(
        lambda n: n / (n - 1) if n > 1 else math.nan,
        lambda v: v / (v - 1) if v != 1 else math.nan,
        lambda w, x, dtype: w.shared("Div", [x, _less_one(w, x, dtype)]),
    ),
    _SizeForm(lambda n: n - 1.0, lambda v: v + 1, _less_one),
    _SizeForm(
        lambda n: 1 / (n - 1) if n > 1 else math.nan,
        lambda v: 1 / v + 1,
        lambda w, x, dtype: w.shared("Reciprocal", [_less_one(w, x, dtype)]),
    ),
    _SizeForm(math.sqrt, lambda v: v * v, lambda w, x, dtype: w.shared("Sqrt", [x])),
    _SizeForm(
        lambda n: 1 / math.sqrt(n),
        lambda v: 1 / (v * v),
        lambda w, x, dtype: w.shared("Reciprocal", [w.shared("Sqrt", [x])]),
    ),
)


def _fit(values: VaryingNumber, size: VaryingNumber, form: _SizeForm, tolerance: float) -> tuple[int, float]:
    """(k, c), if the values are form(k·size), or c·form(size); k is 0 if they are not."""
    if 0 in size or 0 in values or not all(map(math.isfinite, values)):
        return 0, 1

    def fits(times: int, factor: float) -> bool:
        made = [factor * form.value(times * n) for n in size]
        return all(abs(m - float(v)) <= tolerance * abs(float(v)) for m, v in zip(made, values, strict=True))

    n, v = min(zip(size, values, strict=True))
    inside = form.inverse(float(v)) / n
    times = round(inside) if math.isfinite(inside) else 0
    if times > 0 and fits(times, 1):
        return times, 1
    factor = float(v) / (form.value(n) or math.nan)
    return (1, factor) if math.isfinite(factor) and fits(1, factor) else (0, 1)


def _line(x: VaryingNumber, y: VaryingNumber) -> tuple[Fraction, Fraction] | None:
    """(slope, start) of a straight line through all recordings; None if there is none."""
    pairs = sorted(set(zip(x, y, strict=True)))
    if len({a for a, _ in pairs}) != len(pairs) or len(pairs) < 2 or any(b != int(b) for _, b in pairs):
        return None
    (x0, y0), (x1, y1) = pairs[0], pairs[-1]
    slope = Fraction(int(y1 - y0), int(x1 - x0))
    start = int(y0) - slope * int(x0)
    if slope == 0 or any(slope * a + start != b for a, b in pairs):
        return None
    return slope, start


def end_of_slice(stop: Any, size: Any) -> Any:
    """Where a slice ends, as it is best written: behind everything, so far from the end, or a number."""
    from_end = lifted(lambda stop, size: stop - size, stop, size)
    if not isinstance(from_end, VaryingNumber):
        return FURTHER if from_end >= 0 else from_end if isinstance(stop, VaryingNumber) else stop
    return stop
