"""The base of callbacks, the list of them that `fit` talks to, and `History`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..structure import flatten


class Callback:
    """Something that is told what happens in `fit`, `evaluate` and `predict`. A subclass defines what it listens to.

    Each method gets `logs`, the metrics so far by name, of which there are none where something begins. Behind a batch they are read from the device only
    when they are looked at, and then the host waits for it.

    model   the model that is being trained
    params  {"verbose", "epochs", "steps"}
    """

    model: Any = None
    params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Called before anything else."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before anything else."""
        self.params = params

    def on_train_begin(self, logs=None):
        """Before the first epoch."""

    def on_train_end(self, logs=None):
        """Behind the last epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before an epoch, which are counted from 0."""

    def on_epoch_end(self, epoch, logs=None):
        """Behind an epoch and its validation. What is put into `logs` goes into the history."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before a batch."""

    def on_train_batch_end(self, batch, logs=None):
        """Behind a batch."""

    def on_batch_begin(self, batch, logs=None):
        """The same as `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """The same as `on_train_batch_end`."""

    def on_test_begin(self, logs=None):
        """Before `evaluate`, or a validation."""

    def on_test_end(self, logs=None):
        """Behind `evaluate`, or a validation."""

    def on_test_batch_begin(self, batch, logs=None):
        """Before a batch of these."""

    def on_test_batch_end(self, batch, logs=None):
        """Behind a batch of these."""

    def on_predict_begin(self, logs=None):
        """Before `predict`."""

    def on_predict_end(self, logs=None):
        """Behind `predict`."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before a batch of it."""

    def on_predict_batch_end(self, batch, logs=None):
        """Behind a batch of it."""


_EVENTS = [name for name in vars(Callback) if name.startswith("on_")]
_ALSO = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList:
    """All callbacks of a run. Each event has a method here, which costs nothing where nobody listens."""

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        self.callbacks: list[Callback] = _listed(callbacks)
        if add_progbar:
            from .progress import ProgbarLogger

            if not any(isinstance(callback, ProgbarLogger) for callback in self.callbacks):
                self.callbacks.append(ProgbarLogger())
        if add_history:
            known = next((callback for callback in self.callbacks if isinstance(callback, History)), None)
            if known is None:
                self.callbacks.append(known := History())
            model.history = known
        self.set_params(params)
        if model is not None:
            self.set_model(model)
        for event in _EVENTS:
            setattr(self, event, self._telling(event))

    @classmethod
    def of(cls, callbacks: Any, model: Any, verbose: Any, history: bool = True, **params: Any) -> CallbackList:
        """The list for a run of a model, with a progress bar if `verbose` is not 0."""
        if isinstance(callbacks, CallbackList):
            return callbacks
        verbose = 1 if verbose == "auto" else int(verbose)
        return cls(callbacks, history, verbose != 0, model, verbose=verbose, **params)

    def append(self, callback: Callback) -> None:
        """One more."""
        self.__init__([*self.callbacks, callback], model=self.model, **self.params)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all of them how the run goes."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell all of them whose run it is."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def _telling(self, event: str) -> Callable:
        names = [event] + ([_ALSO[event]] if event in _ALSO else [])
        listening = [
            getattr(callback, name)
            for callback in self.callbacks
            for name in names
            if getattr(type(callback), name) is not getattr(Callback, name) or name in vars(callback)
        ]

        about = 1 if "epoch" in event or "batch" in event else 0  # which comes before the logs

        def tell(*args: Any) -> None:
            logs = args[about] if len(args) > about and args[about] is not None else {}
            for listener in listening:
                listener(*args[:about], logs)

        return tell


def _listed(callbacks: Any) -> list[Callback]:
    if callbacks is None:
        return []
    return flatten(list(callbacks)) if isinstance(callbacks, Iterable) else [callbacks]


class History(Callback):
    """What `fit` returns.

    epoch    the numbers of the epochs, from 0
    history  {name: a value for each epoch} of the loss and all metrics, those of validation with val_ in front
    """

    def __init__(self):
        self.history: dict[str, list] = {}

    def on_train_begin(self, logs=None):
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
