"""The callbacks of a run, which `fit` talks to as to one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...errors import OptionError
from ...structure import leaves
from ...training import Events
from ..interactive import is_interactive_logging_enabled
from .base import EVENTS, Callback, History
from .progress import ProgbarLogger

_ALSO = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList(Events):
    """All callbacks of a run. Each event has a method here, which costs nothing where nobody listens."""

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ):
        self.callbacks: list[Callback] = _as_list(callbacks)
        if add_progbar and not any(isinstance(callback, ProgbarLogger) for callback in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        if add_history:
            known = next((callback for callback in self.callbacks if isinstance(callback, History)), None)
            if known is None:
                self.callbacks.append(known := History())
            model.history = known
        self.set_params(params)
        if model is not None:
            self.set_model(model)
        for event in EVENTS:
            setattr(self, event, self._telling(event))

    @classmethod
    def of(
        cls, callbacks: Any, model: Any, verbose: Any, history: bool = True, ranks: Any = None, **params: Any
    ) -> CallbackList:
        """The list for a run of a model, with a progress bar if `verbose` is not 0. Of several ranks the first has the bar, and
        those callbacks that write."""
        if ranks is not None and not isinstance(callbacks, CallbackList):
            callbacks = _as_list(callbacks)
            if any(getattr(one, "of_one_process", False) for one in callbacks):
                raise OptionError(
                    "BackupAndRestore keeps the state of one process, and not of several ranks: use ModelCheckpoint"
                )
            if ranks.group.rank:
                verbose, callbacks = 0, [one for one in callbacks if not getattr(one, "writes", False)]
        if isinstance(callbacks, CallbackList):
            return callbacks
        verbose = (1 if is_interactive_logging_enabled() else 2) if verbose == "auto" else int(verbose)
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


def _as_list(callbacks: Any) -> list[Callback]:
    if callbacks is None:
        return []
    found = leaves(list(callbacks)) if isinstance(callbacks, Iterable) else [callbacks]
    for one in found:
        if isinstance(one, type):
            raise OptionError(f"callbacks are objects, and {one.__name__} is a class: write {one.__name__}(...)")
        if not hasattr(one, "set_params"):
            raise OptionError(
                f"{one!r} is no callback: give objects of classes that derive from keras.callbacks.Callback"
            )
    return found
