"""Callbacks that watch one number: stop, save or slow down when it does not get better."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy

from ...errors import OptionError
from ..checks import one_of
from ..warn import warn
from .base import Callback

_ENDINGS_OF_MODELS = (".keras", ".h5", ".safetensors")
_ENDINGS_OF_WEIGHTS = (".weights.h5", ".safetensors")


class _Monitor(Callback):
    """Watches `monitor`. mode: "min" or "max" is better; "auto" takes what the metric of that name says of itself, and "min"
    for losses. Raises `OptionError` where nobody knows."""

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0, best: float | None = None):
        one_of("mode", mode, ("auto", "min", "max"))
        self.monitor, self.mode, self.min_delta, self.best = monitor, mode, abs(min_delta), best

    def larger(self) -> bool:
        """Whether larger is better."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        direction = "down" if name.endswith("loss") else None
        for metric in getattr(self.model, "metrics", ()):
            direction = next((one._direction for known, one in metric.named() if known == name), direction) or direction
        if direction is None:
            raise OptionError(
                f"{type(self).__name__}: whether more or less of {self.monitor!r} is better, nobody has said: give mode='max' "
                f"or mode='min'"
            )
        return direction == "up"

    def better(self, value: float, than: float | None) -> bool:
        """Whether a value is better than another by more than `min_delta`."""
        if than is None:
            return not math.isnan(value)
        return value - self.min_delta > than if self.larger() else value + self.min_delta < than

    def monitor_value(self, logs: Any) -> float | None:
        """The number, or None with a warning if it is not there."""
        if self.monitor not in (logs or {}):
            there = ", ".join(logs or {})
            warn(f"{type(self).__name__} watches {self.monitor!r}, but there are only {there}")
            return None
        return logs[self.monitor]


class EarlyStopping(_Monitor):
    """Stops when `monitor` has not got better for `patience` epochs.

    min_delta             how much better it must get to count
    baseline              what it must be better than to count
    restore_best_weights  go back to the weights of the best epoch
    start_from_epoch      epochs before this one are not looked at
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best, self.best_weights = None, None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        current = self.monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self.better(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self.better(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(_Monitor):
    """Saves the model, or its weights, after each epoch.

    filepath           may have {epoch} and the names of metrics in it: "{epoch:02d}-{val_loss:.2f}.keras"; and {batch}, if it
                       saves after batches. It ends in ".keras" or ".h5", that of weights in ".weights.h5"; or, whatever is
                       saved, in ".safetensors", which is the format that this library writes
    save_best_only     only when `monitor` has got better; always, with a warning, where there is no such metric
    save_weights_only  `save_weights` instead of `save`
    save_freq          "epoch", or after how many batches
    initial_value_threshold  what the first save must be better than
    """

    writes = True

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ):
        super().__init__(monitor, mode, best=initial_value_threshold)
        self.filepath, self.verbose = str(filepath), verbose
        self.save_best_only, self.save_weights_only, self.save_freq = save_best_only, save_weights_only, save_freq
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise OptionError(f"save_freq={save_freq!r} is not 'epoch', nor a number of batches")
        endings = _ENDINGS_OF_WEIGHTS if save_weights_only else _ENDINGS_OF_MODELS
        if not self.filepath.endswith(endings):
            raise OptionError(
                f"ModelCheckpoint: filepath={self.filepath!r} must end in {' or '.join(endings)}, as it is that of "
                + ("weights: save_weights_only=True" if save_weights_only else "a whole model")
            )
        self._batches, self._epoch = 0, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._batches += 1
        if self.save_freq != "epoch" and self._batches % self.save_freq == 0:
            self._save(self._epoch, {"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _save(self, epoch: int, logs: Any) -> None:
        try:
            path = Path(self.filepath.format(epoch=epoch + 1, **(logs or {})))
        except KeyError as error:
            raise OptionError(
                f"filepath {self.filepath!r} names {error}; there are epoch, {', '.join(logs or {})}"
            ) from None
        if not self._should_save(epoch, logs, path):
            return
        if path.is_dir():
            raise OptionError(f"ModelCheckpoint: filepath {str(path)!r} is a folder: give the name of a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)
        self._say(epoch, f"finished saving model to {path}")

    def _should_save(self, epoch: int, logs: Any, path: Path) -> bool:
        """Whether the model is to be saved now, which is said."""
        current = self.monitor_value(logs) if self.save_best_only else None
        if current is not None and numpy.ndim(current):
            warn(
                f"ModelCheckpoint: the best {self.monitor!r} is a number, and not of shape {numpy.shape(current)}: the model is "
                "saved each time"
            )
        elif current is not None:
            best = "None" if self.best is None else f"{self.best:.5f}"
            if not self.better(current, self.best):
                self._say(epoch, f"{self.monitor} did not improve from {best}")
                return False
            self.best = current
            self._say(epoch, f"{self.monitor} improved from {best} to {current:.5f}, saving model to {path}")
            return True
        if not self.save_best_only:
            self._say(epoch, f"saving model to {path}")
        return True

    def _say(self, epoch: int, what: str) -> None:
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: {what}")


class ReduceLROnPlateau(_Monitor):
    """Multiplies the learning rate by `factor` when `monitor` has not got better for `patience` epochs.

    cooldown  epochs to wait after that before it is watched again
    min_lr    below which it does not go
    The history gets "learning_rate".
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        super().__init__(monitor, mode, min_delta)
        if factor >= 1:
            raise OptionError(f"factor={factor} must be below 1")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr

    def on_train_begin(self, logs: Any = None) -> None:
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        rate = logs["learning_rate"] = float(optimizer.learning_rate)
        current = self.monitor_value(logs)
        if current is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.better(current, self.best):
            self.best, self.wait = current, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"\nEpoch {epoch + 1}: reducing learning rate to {float(optimizer.learning_rate):g}.")
