"""`fit`, `evaluate`, `predict`: Keras's words for the loop of `training/loop.py`.

They are all bookkeeping around the steps of `learner.py`. Losses and metrics are summed on the device and read at the end of
an epoch, and when the progress bar is drawn.

Read before: `batches.py`, where batches come from, `learner.py`, what is done with them, and `steps.py`, which has that
compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...backend import Device, current_device
from ...errors import DataError, OptionError
from ...functional import concat
from ...modes import no_grad
from ...structure import leaves, packed_like
from ...training import Loop
from ..arguments import accepts_old
from ..callbacks import CallbackList, History
from ..callbacks.backup import Fit
from ..checks import whole
from ..distribution import shared
from .batches import Batches, split_validation, unpack, yields_batches
from .learner import Learner
from .logs import Logs, plain
from .steps import ModelStep


class Trainer(Learner):
    """The part of `Model` that trains it."""

    _history: History | None = None

    @property
    def history(self) -> History | None:
        """What the last `fit` has returned."""
        return self._history

    @history.setter
    def history(self, history: History) -> None:
        self._history = history

    @accepts_old(nb_epoch="epochs")
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> History:
        """Train on x and y, `epochs` times over.

        x, y              arrays of samples, lists or dictionaries of such for several inputs or outputs; or x alone,
                          which yields batches (x, y) or (x, y, sample_weight)
        batch_size        samples in a step, by default 32
        epochs            the number of the last epoch, from `initial_epoch` on
        verbose           0 for silence, 1 for a bar, 2 for a line an epoch
        callbacks         objects of `keras.callbacks`
        validation_split  the last part of the samples is not trained on, and looked at after each epoch
        validation_data   (x, y) or (x, y, sample_weight), or what yields batches, likewise
        shuffle           a new order of the samples in each epoch
        class_weight      {class: factor}, how much the samples of a class count in the loss
        sample_weight     how much each sample counts in the loss: (batch,); or a number for each loss of a sample
        steps_per_epoch   batches in an epoch, if not all: the next epoch goes on from there, until the data end
        validation_steps  batches of a validation, if not all: it begins at the first one each time
        Returns the `History`: `.history["loss"]` and so on have a number for each epoch.
        """
        self._must_be_compiled("fit")
        epochs = whole("epochs", epochs, 0)
        pair = isinstance(validation_data, (tuple, list)) or yields_batches(validation_data)
        if y is not None and validation_data is not None and not pair:
            raise OptionError(
                "validation_data is (x, y), or what yields batches, and not one array: targets are missing"
            )
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_validation((x, y, sample_weight), validation_split)
        device, ranks = self._device(), shared()
        options = {"batch_size": batch_size, "steps": steps_per_epoch, "class_weight": class_weight, "ranks": ranks}
        batches = Batches(x, y, sample_weight, shuffle=shuffle, device=device, **options)
        validation = None
        if validation_data is not None:
            validation = Batches(
                *(unpack(validation_data) if isinstance(validation_data, (tuple, list)) else (validation_data,)),
                batch_size=validation_batch_size or batch_size,
                steps=validation_steps,
                device=device,
                ranks=ranks,
            )
        told = CallbackList.of(callbacks, self, verbose, ranks=ranks, epochs=epochs, steps=batches.count)
        loop = Loop(told, lambda: self.stop_training)
        self.stop_training = False
        running = Fit.running[self] = Fit(batches, initial_epoch)

        def from_the_beginning() -> Iterator[int]:
            for epoch in range(running.epoch, epochs):
                self.reset_metrics()
                yield epoch

        def one(epoch: int) -> dict[str, Any]:
            found = loop.through("train", batches, self._for_ranks(self.train_function), Logs)
            if found is None:
                raise DataError(
                    f"x yielded no batch in epoch {epoch + 1}: a generator is used up after one pass. Give fit a DataLoader, "
                    "or one that goes on for ever, with steps_per_epoch="
                )
            logs = self._logs(found)
            if validation is not None and self._is_due(epoch, validation_freq):
                logs |= {f"val_{name}": value for name, value in self._evaluate(validation, told).items()}
            return logs

        try:
            loop.epochs(from_the_beginning(), one)
        finally:
            Fit.running.pop(self, None)
        self.optimizer.finalize_variable_values(self._weights_to_update())
        assert self._history is not None  # which CallbackList sees to
        return self._history

    @staticmethod
    def _is_due(epoch: int, every: int | Iterable[int]) -> bool:
        return epoch + 1 in every if isinstance(every, Iterable) else (epoch + 1) % whole("validation_freq", every) == 0

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """[loss, metrics...] on x and y, or the loss alone where there are no metrics; a dictionary if wanted."""
        self._must_be_compiled("evaluate")
        batches = Batches(
            x, y, sample_weight, batch_size=batch_size, steps=steps, device=self._device(), ranks=shared()
        )
        told = CallbackList.of(callbacks, self, verbose, ranks=shared(), epochs=1, steps=batches.count, history=False)
        logs = self._evaluate(batches, told)
        return logs if return_dict else self._in_order(logs)

    def _evaluate(self, batches: Batches, told: CallbackList) -> dict[str, Any]:
        batches.restart()
        loop = Loop(told, lambda: self.stop_evaluating)
        self.stop_evaluating = False
        told.on_test_begin()
        self.reset_metrics()
        with no_grad():
            logs = self._logs(loop.through("test", batches, self._for_ranks(self.test_function), Logs) or {})
        told.on_test_end(logs)
        return logs

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for x, as NumPy arrays."""
        batches = Batches(x, batch_size=batch_size, steps=steps, device=self._device())
        told = CallbackList.of(callbacks, self, verbose, epochs=1, steps=batches.count, history=False)
        loop = Loop(told, lambda: self.stop_predicting)
        self.stop_predicting = False
        told.on_predict_begin()
        with no_grad():
            outputs = list(loop.batches("predict", batches, self.predict_function, lambda output: {"outputs": output}))
        told.on_predict_end()
        columns = zip(*(leaves(output) for output in outputs), strict=True)
        return packed_like(outputs[0], [concat(list(column)).numpy() for column in columns])

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One update on one batch; its loss and metrics, before the update."""
        return self._on_batch(self.train_function, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics on one batch."""
        with no_grad():
            return self._on_batch(self.test_function, x, y, sample_weight, None, return_dict)

    def _on_batch(
        self, step: ModelStep, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool
    ) -> Any:
        self._must_be_compiled(step.name.replace("step", "on_batch"))
        length = len(leaves(x)[0])
        given = Batches(x, y, sample_weight, batch_size=length, class_weight=class_weight, device=self._device())
        (batch,) = given.triples()
        self.reset_metrics()
        logs = plain(step(batch))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        return self.predict(x, batch_size=len(leaves(x)[0]), verbose=0)

    def _in_order(self, logs: dict[str, Any]) -> Any:
        """The loss and the metrics in the order of `metrics`, and what else there is in that of the names; the loss alone
        as a number."""
        names: list[str] = []
        for metric in self.metrics:
            names += [one.name for _, one in metric.named()]
        order = [
            name for name in names if name in logs
        ]  # twice, if two outputs have a metric of one name, as Keras has it
        values = [logs[name] for name in [*order, *sorted(logs.keys() - set(order))]]
        return values[0] if len(values) == 1 else values

    def _device(self) -> Device:
        """Where the weights are, and the data shall go."""
        return next((parameter.device for parameter in self.parameters()), current_device())

    def _for_ranks(self, step: ModelStep) -> Any:
        """The step, by which a rank without samples counts none."""
        ranks = shared()
        return step if ranks is None else ranks.stepping(step, lambda: self.metrics)

    def _logs(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The numbers of an epoch, those of all ranks."""
        ranks = shared()
        if ranks is None:
            return plain(found)
        ranks.add_up(self.metrics)
        of_all = self.get_metrics_result()
        if found.keys() <= of_all.keys():
            return plain({name: of_all[name] for name in found})
        return plain({name: ranks.group.mean(value) for name, value in plain(found).items()})

    def _must_be_compiled(self, what: str) -> None:
        if not self.compiled:
            raise OptionError(
                f"{what}() needs to know the loss and the optimizer: call compile(optimizer=..., loss=...) before"
            )
