"""The progress bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy

from ...errors import OptionError
from .base import Callback

INTERVAL_SECONDS = 0.1
"""Seconds between two looks at the numbers of the batches: each waits for the device."""


class Progbar:
    """A bar for `target` steps, None if nobody knows how many.

    verbose            1: a bar that is redrawn in its line; 2: a line at the end; 0: nothing
    interval           seconds between two drawings
    stateful_metrics   names of numbers that are shown as they are; of all others the mean over the steps is shown
    stateless_metrics  or the names of those of which the mean is shown; all others are shown as they are
    unit_name          what a step is called
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ):
        if stateful_metrics is not None and stateless_metrics is not None:
            raise OptionError("Progbar: give one of stateful_metrics and stateless_metrics")
        self.target, self.width, self.verbose = target, width, verbose
        self.interval, self.unit_name = interval, unit_name
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._start = time.time()
        self._after_first: float | None = None
        self._seen = 0
        self._sums: dict[str, tuple[float, int]] = {}  # of the numbers, and of how many steps
        self._drawn = 0.0
        self._length = 0

    def due(self) -> bool:
        """Whether it is time to draw again."""
        return self.verbose == 1 and time.time() - self._drawn >= self.interval

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """`current` steps are done. Takes in `values`, (name, number) pairs or a mapping; draws, if it is time to.

        finalize  whether this is the last step; by default, whether `target` steps are done. Its numbers are shown as they are
        """
        finalize = self.target is not None and current >= self.target if finalize is None else finalize
        new = max(current - self._seen, 1)
        for name, value in values.items() if isinstance(values, Mapping) else values or ():
            value, (total, count) = float(numpy.mean(value)), self._sums.get(name, (0.0, 0))
            meaned = self._is_mean(name) and not finalize
            self._sums[name] = (total + value * new, count + new) if meaned else (value, 1)
        self._seen = current
        if current == 1:
            self._after_first = time.time()
        if self.due() or (finalize and (self.verbose == 1 or (self.verbose == 2 and self.target))):
            self._draw(finalize)

    def add(self, n: int, values: Any = None) -> None:
        """`n` more steps are done."""
        self.update(self._seen + n, values)

    def _is_mean(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in (self.stateful_metrics or ())

    def _seconds_a_step(self, now: float) -> float:
        """The first step, which makes ready what the others use, does not count where there are others."""
        if self._after_first is not None and self._seen > 1:
            return (now - self._after_first) / (self._seen - 1)
        return (now - self._start) / max(self._seen, 1)

    def _draw(self, finalize: bool) -> None:
        self._drawn = now = time.time()
        spent, per = now - self._start, self._seconds_a_step(now)
        total = str(self.target) if self.target else "Unknown"
        line = f"{self._seen:>{len(total)}}/{total} "
        colour = sys.stdout.isatty()
        if self.verbose == 1 and self.target:
            done = int(self.width * self._seen / self.target)
            bar = "━" * done, "━" * (self.width - done)
            line += f"\x1b[32m{bar[0]}\x1b[0m\x1b[37m{bar[1]}\x1b[0m " if colour else f"{bar[0]}{'─' * len(bar[1])} "
        left = per * (self.target - self._seen) if self.target and not finalize else spent
        line += f"- {_duration(left)} - " if self.verbose == 2 else f"{_duration(left)} "
        line += f"{_per(per)}/{self.unit_name}"
        line += "".join(f" - {name}: {_format(sum_ / count)}" for name, (sum_, count) in self._sums.items())
        padding = " " * max(self._length - len(line), 0)
        self._length = len(line)
        print(("\r" if self.verbose == 1 else "") + line + padding, end="\n" if finalize else "", flush=True)


def _duration(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}" if seconds > 60 else f"{seconds:.0f}s"


def _per(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _format(value: float) -> str:
    return f"{value:.4f}" if abs(value) > 1e-3 or not math.isfinite(value) else f"{value:.4e}"


class ProgbarLogger(Callback):
    """Shows a `Progbar` for each epoch, and for `evaluate` and `predict`."""

    writes = True

    def __init__(self):
        self._fitting = False

    def _begin(self) -> None:
        self.seen = 0
        options = {"verbose": self.params["verbose"], "interval": INTERVAL_SECONDS, "stateless_metrics": ()}
        self.bar = Progbar(self.params["steps"], **options)

    def _advance(self, batch: int, logs: Any) -> None:
        self.seen = batch + 1
        if self.bar.due():
            self.bar.update(self.seen, logs, finalize=False)

    def _finish(self, logs: Any) -> None:
        if self.bar.target is None:
            self.params["steps"] = self.bar.target = self.seen
        self.bar.update(self.bar.target, logs, finalize=True)

    def on_train_begin(self, logs: Any = None) -> None:
        self._fitting = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begin()
        if self.params["verbose"] and self.params["epochs"] > 1:
            print(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._advance(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_test_begin(self, logs: Any = None) -> None:
        if not self._fitting:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if not self._fitting:
            self._advance(batch, logs)

    def on_test_end(self, logs: Any = None) -> None:
        if not self._fitting:
            self._finish(logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._advance(batch, None)

    def on_predict_end(self, logs: Any = None) -> None:
        self._finish(None)
