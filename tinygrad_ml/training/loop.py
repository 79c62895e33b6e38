"""The loop of all trainings: epochs of batches, and who is told of them.

What is done with a batch, and which numbers come of an epoch, say those who run it: `Trainer` and Keras's `fit`. Both go
through batches one by one as a generator does, so that whoever drives them may stop between any two steps.

Read next: `metrics.py`, where the numbers come from, and `trainer.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any


class Events:
    """Something that is told how a training goes, or a test, or a prediction. A subclass defines what it listens to.

    Epochs and batches are counted from 0. `logs` are the numbers so far by name, of which there are none where something
    begins.
    """

    def on_train_begin(self, logs: Any = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Any = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before an epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After an epoch and its validation. What is put into `logs` goes into the history."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Before a test, or a validation."""

    def on_test_end(self, logs: Any = None) -> None:
        """After a test, or a validation."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of these."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of these."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before a batch of it."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a batch of it."""


class Loop:
    """Goes through epochs and batches, and tells of each.

    events   who is told
    stopped  asked after each batch, and after each epoch, whether that was the last one
    """

    def __init__(self, events: Events, stopped: Callable[[], bool] = lambda: False):
        self.events, self.stopped = events, stopped

    def batches(
        self,
        what: str,
        batches: Iterable[Any],
        step: Callable[[Any], Any],
        told: Callable[[Any], Any] = lambda result: None,
    ) -> Iterator[Any]:
        """What `step` gives for each of the batches, one after the other.

        what  "train", "test" or "predict"
        told  makes of what the step gave what is told of it
        """
        begin = getattr(self.events, f"on_{what}_batch_begin")
        end = getattr(self.events, f"on_{what}_batch_end")
        for number, batch in enumerate(batches):
            begin(number)
            result = step(batch)
            end(number, told(result))
            yield result
            if self.stopped():
                return

    def through(self, *given: Any, **options: Any) -> Any:
        """Go through all `batches(...)`; what the step gave for the last one, None where there was none."""
        last = deque(self.batches(*given, **options), maxlen=1)
        return last[0] if last else None

    def epochs(self, numbers: Iterable[int], one: Callable[[int], dict[str, Any]]) -> None:
        """Run the epochs of these numbers; `one(number)` is an epoch, and gives its logs."""
        self.events.on_train_begin()
        logs: dict[str, Any] = {}
        for number in numbers:
            self.events.on_epoch_begin(number)
            logs = one(number)
            self.events.on_epoch_end(number, logs)
            if self.stopped():
                break
        self.events.on_train_end(logs)
