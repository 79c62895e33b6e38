"""The progress bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from typing import Any

from .base import Callback

INTERVAL = 0.1
"""Seconds between two looks at the numbers of the batches: each waits for the device."""


class Progbar:
    """A bar for `target` steps: 1 with verbose=1, redrawn in its line; a line at the end with verbose=2.

    `update(current, values)` shows that `current` steps are done; `values` are (name, number) pairs or a mapping.
    """

    def __init__(self, target: int | None, width: int = 20, verbose: int = 1, unit_name: str = "step", **_: Any):
        self.target, self.width, self.verbose, self.unit = target, width, verbose, unit_name
        self.start = time.time()
        self._drawn = 0.0
        self._length = 0

    def due(self) -> bool:
        """Whether it is time to draw again."""
        return self.verbose == 1 and time.time() - self._drawn >= INTERVAL

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Draw, if it is time to, or the last step."""
        finalize = self.target is not None and current >= self.target if finalize is None else finalize
        if not self.verbose or (not finalize and not self.due()):
            return
        self._drawn = now = time.time()
        spent = now - self.start
        total = "Unknown" if self.target is None else str(self.target)
        parts = [f"{current:>{len(total)}}/{total}"]
        colour = sys.stdout.isatty()
        if self.verbose == 1 and self.target:
            done = int(self.width * current / self.target)
            bar = "━" * done, "━" * (self.width - done)
            parts.append(
                f"\x1b[32m{bar[0]}\x1b[0m\x1b[37m{bar[1]}\x1b[0m" if colour else f"{bar[0]}{'─' * len(bar[1])}"
            )
        left = spent / max(current, 1) * (self.target - current) if self.target and not finalize else spent
        line = f"{' '.join(parts)} {_duration(left)} {_per(spent / max(current, 1))}/{self.unit}"
        pairs = values.items() if isinstance(values, Mapping) else values or ()
        line += "".join(f" - {name}: {_shown(value)}" for name, value in pairs)
        padding = " " * max(self._length - len(line), 0)
        self._length = len(line)
        back = "\r" if self.verbose == 1 and (colour or not finalize or self._length) else ""
        print(back + line + padding, end="\n" if finalize else "", flush=True)

    def add(self, n: int, values: Any = None) -> None:
        """`n` more steps are done."""
        self.current = getattr(self, "current", 0) + n
        self.update(self.current, values)


def _duration(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}" if seconds > 60 else f"{seconds:.0f}s"


def _per(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _shown(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if abs(value) > 1e-3 or not math.isfinite(value) else f"{value:.4e}"


class ProgbarLogger(Callback):
    """Shows a `Progbar` for each epoch, and for `evaluate` and `predict`."""

    def __init__(self):
        self._fitting = False

    def _begin(self) -> None:
        self.seen = 0
        self.bar = Progbar(self.params["steps"], verbose=self.params["verbose"])

    def _advance(self, batch: int, logs: Any) -> None:
        self.seen = batch + 1
        if self.bar.due():
            self.bar.update(self.seen, logs, finalize=False)

    def _finish(self, logs: Any) -> None:
        if self.bar.target is None:
            self.params["steps"] = self.bar.target = self.seen
        self.bar.update(self.bar.target, logs, finalize=True)

    def on_train_begin(self, logs=None):
        self._fitting = True

    def on_epoch_begin(self, epoch, logs=None):
        self._begin()
        if self.params["epochs"] > 1:
            print(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch, logs=None):
        self._advance(batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        self._finish(logs)

    def on_test_begin(self, logs=None):
        if not self._fitting:
            self._begin()

    def on_test_batch_end(self, batch, logs=None):
        if not self._fitting:
            self._advance(batch, logs)

    def on_test_end(self, logs=None):
        if not self._fitting:
            self._finish(logs)

    def on_predict_begin(self, logs=None):
        self._begin()

    def on_predict_batch_end(self, batch, logs=None):
        self._advance(batch, None)

    def on_predict_end(self, logs=None):
        self._finish(None)
