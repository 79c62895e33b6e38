"""Learning rates as functions of the number of updates done so far: `Adam(learning_rate=ExponentialDecay(...))`.

These count updates, not epochs; for rates that change with the epoch there is `callbacks.LearningRateScheduler`.
`optim.lr_scheduler` has PyTorch's schedules, which are driven from outside of the optimiser, and the curves of both.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import OptionError
from ...optim.lr_scheduler.cycles import half_wave, straight
from .. import serialization
from ..serialization import Configurable, by_name


def _must_be_positive(decay_steps: float) -> None:
    if decay_steps <= 0:
        raise OptionError(f"decay_steps={decay_steps} must be above 0")


class LearningRateSchedule(Configurable):
    """The base: a subclass defines `__call__(step)`, the learning rate after `step` updates."""

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} is a schedule without __call__(step)")


class FunctionSchedule(LearningRateSchedule):
    """A learning rate that a function gives, whatever the number of updates."""

    def __init__(self, function: Callable[[], Any]):
        self.function = function

    def __call__(self, step: Any) -> float:
        return float(self.function())


class _Decay(LearningRateSchedule):
    """What goes on with step / decay_steps, which `staircase` rounds down."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ):
        _must_be_positive(decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name or type(self).__name__

    def _way(self, step: Any) -> float:
        way = step / self.decay_steps
        return math.floor(way) if self.staircase else way


class ExponentialDecay(_Decay):
    """initial · decay_rate^(step / decay_steps); with `staircase` the exponent is rounded down."""

    def __call__(self, step: Any) -> float:
        return self.initial_learning_rate * self.decay_rate ** self._way(step)


class InverseTimeDecay(_Decay):
    """initial / (1 + decay_rate · step / decay_steps); with `staircase` the quotient is rounded down."""

    def __call__(self, step: Any) -> float:
        return self.initial_learning_rate / (1 + self.decay_rate * self._way(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to and including update boundaries[i], and the last of the values after the last boundary."""

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise OptionError(f"{len(boundaries)} boundaries need {len(boundaries) + 1} values, not {len(values)}")
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def __call__(self, step: Any) -> float:
        return self.values[bisect_left(self.boundaries, step)]


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) · (1 - step / decay_steps)^power + end, up to decay_steps; `cycle` begins anew after it."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        _must_be_positive(decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step: Any) -> float:
        steps = self.decay_steps
        if self.cycle:  # each time round, the way down is stretched to reach over all steps so far
            steps *= max(1, math.ceil(step / steps))
        left = 1 - min(step, steps) / steps
        return straight(self.end_learning_rate, self.initial_learning_rate, left**self.power)


class CosineDecay(LearningRateSchedule):
    """Down half a wave from the initial rate to `alpha` times it, in decay_steps; before it a straight way up.

    warmup_target  if given, the rate first goes from the initial one to this in `warmup_steps`, and then
                   down from there

    Source: I. Loshchilov, F. Hutter, "SGDR" (2017).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        _must_be_positive(decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.name = name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: Any) -> float:
        top, start = self.initial_learning_rate, 0
        if self.warmup_target is not None:
            top, start = self.warmup_target, self.warmup_steps
            if step < start:
                return straight(self.initial_learning_rate, top, step / start)
        way = min(step - start, self.decay_steps) / self.decay_steps
        return half_wave(top, top * self.alpha, way)


class CosineDecayRestarts(LearningRateSchedule):
    """Down half a wave to `alpha` times the initial rate in first_decay_steps, and again and again from the top.

    t_mul  how many times as long each time round is as the one before
    m_mul  how many times as high it begins

    Source: I. Loshchilov, F. Hutter, "SGDR" (2017).
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        if first_decay_steps <= 0:
            raise OptionError(f"first_decay_steps={first_decay_steps} must be above 0")
        self.initial_learning_rate, self.first_decay_steps, self.alpha = initial_learning_rate, first_decay_steps, alpha
        self.t_mul, self.m_mul, self.name = t_mul, m_mul, name

    def __call__(self, step: Any) -> float:
        way, rounds = step / self.first_decay_steps, 0
        if self.t_mul == 1:
            rounds = math.floor(way)
            way -= rounds
        else:
            rounds = math.floor(math.log(1 - way * (1 - self.t_mul)) / math.log(self.t_mul) + _ROUNDING)
            way = (way - (1 - self.t_mul**rounds) / (1 - self.t_mul)) / self.t_mul**rounds
        low = self.initial_learning_rate * self.alpha
        top = (self.initial_learning_rate - low) * self.m_mul**rounds + low
        return half_wave(top, low, max(way, 0.0))


_ROUNDING = 1e-9
"""A logarithm that is so near to a whole number is that."""


def get(identifier: Any) -> Any:
    """The schedule of a name or a config; objects are themselves."""
    return by_name("schedule", identifier, LearningRateSchedule)


serialize = serialization.serialize
deserialize = serialization.deserialize
