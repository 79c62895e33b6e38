"""What random numbers are drawn from while a function is recorded: each draw becomes an instruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ...backend import Device
from ...random import streams
from ..program import DRAW, Call
from .traced import Traced


class Stream:
    """Stands for the generator of a device."""

    def __init__(self, recorder: Any, device: Device):
        self._recorder, self._device = recorder, device

    def _drawn(self, op: Call, params: dict[str, Any], shape: tuple[int, ...], dtype: Any) -> Traced:
        return self._recorder.stand_in(self._recorder.emit(op, (), params, shape, numpy.dtype(dtype)), self._device)

    def _draw(self, method: str, shape: Any, dtype: Any, **options: Any) -> Traced:
        shape = (shape,) if isinstance(shape, int) else tuple(shape or ())
        return self._drawn(DRAW, {"method": method, "device": self._device, **options}, shape, dtype)

    def later(self, draw: Callable[[Any], Any], shape: tuple[int, ...], dtype: Any) -> Traced:
        """What `draw(generator)` will give in each step, of this shape: numbers on which other processes have a say."""
        op = Call("draw", lambda xp: draw(streams.generator(self._device)), effect=True, outward=True)
        return self._drawn(op, {}, shape, dtype)

    def random(self, size: Any, dtype: Any) -> Traced:
        """Uniform on [0, 1)."""
        return self._draw("random", size, dtype)

    def standard_normal(self, size: Any, dtype: Any) -> Traced:
        """Normal, with mean 0 and standard deviation 1."""
        return self._draw("standard_normal", size, dtype)

    def integers(self, low: int, high: int, size: Any) -> Traced:
        """Integers from low to high - 1."""
        return self._draw("integers", size, numpy.int64, low=low, high=high, size=size)

    def permutation(self, x: int) -> Traced:
        """The numbers 0 ... x - 1 in random order."""
        return self._draw("permutation", x, numpy.int64, x=x)

    def choice(self, a: int, size: Any, replace: bool) -> Traced:
        """Numbers from 0 ... a - 1, picked at random."""
        return self._draw("choice", size, numpy.int64, a=a, replace=replace, size=size)
