"""The base of callbacks, and `History`. Read next: `monitoring.py`; `callback_list.py`, where `fit` tells them."""

from __future__ import annotations

from typing import Any

from ...training import Events


class Callback(Events):
    """Something that is told what happens in `fit`, `evaluate` and `predict`. A subclass defines what it listens to.

    Each method gets `logs`, the metrics so far by name, of which there are none where something begins. After a batch they
    are read from the device only when they are looked at, and then the host waits for it.

    model   the model that is being trained
    params  {"verbose", "epochs", "steps"}
    writes  whether it writes files, or prints: of several ranks only the first one has it
    """

    writes = False

    model: Any = None
    params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Called before anything else."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before anything else."""
        self.params = params

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """The same as `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """The same as `on_train_batch_end`."""


EVENTS = [name for name in dir(Callback) if name.startswith("on_")]


class History(Callback):
    """What `fit` returns.

    epoch    the numbers of the epochs, from 0
    history  {name: a value for each epoch} of the loss and all metrics, those of validation with val_ in front
    """

    def __init__(self):
        self.history: dict[str, list] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
