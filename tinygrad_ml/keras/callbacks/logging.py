"""Callbacks that write down, or do a small thing at an event."""

from __future__ import annotations

import csv
import inspect
import json
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy

from ...errors import AnomalyError, OptionError
from ..warn import warn
from .base import EVENTS, Callback

REMOTE_SECONDS = 10
"""Seconds that `RemoteMonitor` waits for an answer."""


class CSVLogger(Callback):
    """Writes the metrics of each epoch into a CSV file, "NA" for those of a validation that an epoch did not have.

    append  go on with the file that is there
    """

    writes = True

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        self.filename, self.separator, self.append = filename, separator, append

    def on_train_begin(self, logs: Any = None) -> None:
        self._names: list[str] | None = None
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115  closed at the end
        self._started = self.append and self._file.tell() > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        if self._names is None:
            self._names = sorted(logs)
            if not any(name.startswith("val_") for name in self._names):  # a later epoch may have a validation
                self._names += [f"val_{name}" for name in self._names]
            self._writer = csv.writer(self._file, delimiter=self.separator, lineterminator="\n")
            if not self._started:
                self._writer.writerow(["epoch", *self._names])
        self._writer.writerow([epoch, *(logs.get(name, "NA") for name in self._names)])
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._file.close()


class RemoteMonitor(Callback):
    """Sends the metrics of each epoch to a server, as a POST request to `root + path`; a warning says if it cannot be reached.

    field         the name of the field of a form that holds them, as JSON
    headers       {name: value} of further headers of the request
    send_as_json  they are all that is sent, instead of a form
    """

    writes = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ):
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        metrics = {name: numpy.asarray(value).tolist() for name, value in (logs or {}).items()}
        body = json.dumps({"epoch": epoch, **metrics})
        if self.send_as_json:
            kind = "application/json"
        else:
            kind, body = "application/x-www-form-urlencoded", urlencode({self.field: body})
        headers = {"Content-Type": kind, **(self.headers or {})}
        try:
            request = Request(self.root + self.path, body.encode(), headers)
            with urlopen(request, timeout=REMOTE_SECONDS) as answer:
                answer.read()
        except (OSError, ValueError) as error:
            warn(f"RemoteMonitor: {self.root} could not be reached: {error}")


class TerminateOnNaN(Callback):
    """Stops when the loss is nan or infinite. It looks at each batch, for which the host waits for the device.

    raise_error  do not stop quietly, but with an `AnomalyError`
    """

    def __init__(self, raise_error: bool = False):
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            if self.raise_error:
                raise AnomalyError(f"the loss of batch {batch} is {loss}: a smaller learning rate may help")
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch to `schedule(epoch, rate)`, or `schedule(epoch)`.

    The history gets "learning_rate". The optimizer's own rate must be a number: one that is a schedule of updates cannot be
    set (`OptionError`).
    """

    def __init__(self, schedule: Callable, verbose: int = 0):
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        takes_rate = len(inspect.signature(self.schedule).parameters) > 1
        rate = self.schedule(epoch, float(optimizer.learning_rate)) if takes_rate else self.schedule(epoch)
        try:
            optimizer.learning_rate = float(rate)
        except TypeError:
            raise OptionError(f"the schedule must return a number, and returned {rate!r}") from None
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate):g}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class LambdaCallback(Callback):
    """Calls functions at events: LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch)). Others become attributes."""

    def __init__(self, **events: Callable | None):
        for event, function in events.items():
            if event.startswith("on_") and event not in EVENTS:
                raise OptionError(f"there is no event {event!r}; there are {', '.join(EVENTS)}")
            if function is not None:
                setattr(self, event, function)
