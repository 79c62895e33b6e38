"""`SwapEMAWeights`: tests with the averages of the weights, which an optimizer with `use_ema=True` keeps."""

from __future__ import annotations

from typing import Any

from ...errors import OptionError
from .base import Callback


class SwapEMAWeights(Callback):
    """In `evaluate`, `predict` and validations the weights are their averages, and behind them what they were.

    swap_on_epoch  also from the end of an epoch to the next one, so that a `ModelCheckpoint` after this one saves averages

    Raises `OptionError` for an optimizer without `use_ema=True`.
    """

    def __init__(self, swap_on_epoch: bool = False):
        self.swap_on_epoch = swap_on_epoch
        self._swapped = False

    def _swap(self, averages_in_model: bool) -> None:
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise OptionError(
                "SwapEMAWeights needs an optimizer with use_ema=True, which keeps averages of the weights"
            )
        if self._swapped is averages_in_model or not optimizer.averages:
            return
        for weight, average in optimizer.averages.items():
            now = weight.numpy().copy()
            weight.assign(average.detach())
            average.assign(now)
        self._swapped = averages_in_model

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.swap_on_epoch:
            self._swap(True)
            if epoch == self.params["epochs"] - 1:  # fit ends with the averages as weights, so let both be these
                for weight, average in self.model.optimizer.averages.items():
                    average.assign(weight.detach())

    def on_test_begin(self, logs: Any = None) -> None:
        self._swap(True)

    def on_test_end(self, logs: Any = None) -> None:
        self._swap(False)

    def on_predict_begin(self, logs: Any = None) -> None:
        self._swap(True)

    def on_predict_end(self, logs: Any = None) -> None:
        self._swap(False)
