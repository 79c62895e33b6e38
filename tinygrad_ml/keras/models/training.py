"""`compile`, `fit`, `evaluate`, `predict`: Keras's training loop.

`train_step` is the whole of deep learning in five lines; all around it is Keras's bookkeeping. Losses and
metrics are summed on the device and read at the end of an epoch, and when the progress bar is drawn.

Read before: `batches.py`, where batches come from, `compiled.py`, where losses and metrics do, and `steps.py`, which has
the steps compiled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...backend import Device, current_device
from ...errors import DataError, OptionError
from ...functional import concat
from ...modes import no_grad
from ...tensor import Tensor
from .. import optimizers
from ..callbacks import CallbackList, History
from ..metrics import Mean, Metric, as_number
from ..naming import accepts_old
from ..structure import flatten, map_structure, pack_like
from .batches import Batches, split_validation, unpack
from .compiled import CompiledLoss, CompiledMetrics
from .steps import ModelStep


class Logs(Mapping):
    """The numbers of the epoch so far, which are computed and read from the device when somebody asks.

    results  {name: value, or a function that computes it}
    """

    def __init__(self, results: Mapping[str, Any]):
        self._results = results._results if isinstance(results, Logs) else results

    def __getitem__(self, name: str) -> Any:
        value = self._results[name]
        return as_number(value() if callable(value) else value)

    def __iter__(self):
        return iter(self._results)

    def __len__(self) -> int:
        return len(self._results)


class Trainer:
    """The part of `Model` that trains it."""

    compiled = False
    stop_training = False
    run_eagerly = False
    jit_compile: Any = "auto"
    optimizer: optimizers.Optimizer | None = None
    _history: History | None = None
    _not_compiled: str | None = None  # why not, once it has turned out that a step cannot be recorded

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is to be trained.

        optimizer         by name, or as an object
        loss              by name, as a function of (y_true, y_pred), or as an object; for several outputs a list, or a
                          dictionary by the outputs' names
        loss_weights      factors of the losses of several outputs, likewise
        metrics           a list of names, functions and objects; for several outputs a list of lists, or a dictionary.
                          "accuracy" is that which fits the shapes of targets and outputs
        weighted_metrics  metrics that sample weights count for
        run_eagerly      True: each step runs operation by operation, and all that its Python code does happens in each
        jit_compile      "auto": steps are compiled where that changes nothing but the time, see `steps.py`. True: all are,
                         those that the model has written itself too, or a `CompileError` says why that cannot be.
                         False: none is
        steps_per_execution, auto_scale_loss are accepted, and change nothing
        """
        if jit_compile not in ("auto", True, False, None):
            raise OptionError(f"jit_compile={jit_compile!r} is not 'auto', True or False")
        self.optimizer = optimizers.get(optimizer)
        self._compile_arguments = {
            "optimizer": self.optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": bool(run_eagerly),
            "jit_compile": jit_compile,
        }
        self.run_eagerly, self.jit_compile = bool(run_eagerly), jit_compile
        self._steps: dict[str, ModelStep] = {}
        self._not_compiled = None
        self._loss = CompiledLoss(loss, loss_weights)
        self._metrics = CompiledMetrics(metrics, weighted_metrics)
        self._loss_tracker = Mean(name="loss")
        self.loss = loss
        self.compiled = True

    @property
    def history(self) -> History | None:
        """What the last `fit` has returned."""
        return self._history

    @history.setter
    def history(self, history: History) -> None:
        self._history = history

    # -- one step --------------------------------------------------------------------------------------

    @property
    def train_function(self) -> ModelStep:
        """`train_step` as `fit` calls it. It prints whether it is compiled; `.compiled.explain()` says into what."""
        return self._step("train_step")

    @property
    def test_function(self) -> ModelStep:
        """`test_step` as `evaluate` calls it, likewise."""
        return self._step("test_step")

    @property
    def predict_function(self) -> ModelStep:
        """`predict_step` as `predict` calls it, likewise."""
        return self._step("predict_step")

    def _step(self, name: str) -> ModelStep:
        steps = vars(self).setdefault("_steps", {})
        if name not in steps:
            steps[name] = ModelStep(self, name)
        return steps[name]

    def train_step(self, data: tuple) -> Mapping[str, Any]:
        """One step of gradient descent on a batch (x, y, sample_weight); the metrics so far."""
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=True)
        loss = self.compute_loss(x, y, y_pred, sample_weight)
        self.zero_grad()
        loss.backward()
        self.optimizer.step(self._trained())
        self._constrain()
        return self._account(x, y, y_pred, sample_weight, loss)

    def test_step(self, data: tuple) -> Mapping[str, Any]:
        """The metrics so far, after a batch (x, y, sample_weight) was looked at."""
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=False)
        return self._account(x, y, y_pred, sample_weight, self.compute_loss(x, y, y_pred, sample_weight))

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch."""
        return self(unpack(data)[0], training=False)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None) -> Tensor:
        """The losses of the outputs, and the penalties of the layers, in one number."""
        total = None
        if self._loss.given is not None and y is not None:
            total = self._loss(*self._aligned(y, y_pred, sample_weight))
        for penalty in self.losses:
            total = penalty if total is None else total + penalty
        if total is None:
            raise OptionError(
                "there is nothing to minimise: compile(loss=...) was given no loss, or fit no y, and no layer adds one"
            )
        return total

    def _account(self, x, y, y_pred, sample_weight, loss: Tensor) -> Logs:
        with no_grad():
            self._loss_tracker.update_state(loss, float(flatten(x)[0].shape[0]))
            if y is not None:
                self._metrics.update(*self._aligned(y, map_structure(Tensor.detach, y_pred), sample_weight))
        return Logs({name: metric.result for name, metric in self._named_metrics()})

    def _trained(self) -> list[Tensor]:
        """The weights to be updated: those that are not frozen."""
        return [weight for weight in self.parameters() if weight.requires_grad]

    def _settings(self) -> list[Any]:
        """The objects that say how a step computes, beside the layers: losses, metrics, regularizers, constraints."""
        told = [*(self._loss.losses or ()), *self.metrics] if self.compiled else []
        for layer in self._layers_inside():
            told += [layer.activity_regularizer, *(rule for rule, _ in (*layer._regularized, *layer._constrained))]
        return told

    def _constrain(self) -> None:
        with no_grad():
            for layer in self._layers_inside():
                for constraint, weight in layer._constrained:
                    if weight.requires_grad:
                        weight.assign(constraint(weight.detach()))

    def _aligned(self, y: Any, y_pred: Any, sample_weight: Any) -> tuple[list, list, list, list[str]]:
        """Targets, predictions, weights and names, one of each for every output."""
        names = self._names_of(y_pred)
        predictions = flatten(y_pred)
        targets = [y.get(name) for name in names] if isinstance(y, Mapping) else flatten(y)
        if len(targets) != len(predictions):
            raise OptionError(f"y has {len(targets)} arrays of targets, but the model has {len(predictions)} outputs")
        if isinstance(sample_weight, Mapping):
            weights = [sample_weight.get(name) for name in names]
        else:
            weights = (
                flatten(sample_weight) if isinstance(sample_weight, (list, tuple)) else [sample_weight] * len(names)
            )
        return targets, predictions, weights, names

    def _names_of(self, y_pred: Any) -> list[str]:
        if isinstance(y_pred, Mapping):
            return list(y_pred)
        outputs = len(flatten(y_pred))
        names = getattr(self, "output_names", None)
        return names if names and len(names) == outputs else [f"output_{i + 1}" for i in range(outputs)]

    # -- metrics ---------------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Metric]:
        """The mean of the loss, and the metrics that `compile` was given."""
        if not self.compiled:
            return []
        return [metric for _, metric in self._named_metrics()]

    @property
    def metrics_names(self) -> list[str]:
        """Their names, in the order of what `evaluate` returns."""
        return [name for name, _ in self._named_metrics()] if self.compiled else []

    def get_metrics_result(self) -> dict[str, Any]:
        """{name: value} of all metrics, the values as tensors."""
        return {name: metric.result() for name, metric in self._named_metrics()}

    def _named_metrics(self) -> list[tuple[str, Metric]]:
        own = [(metric.name, metric) for metric in (self._loss_tracker, *self._loss.trackers)]
        return own + [(name, metric) for _, name, metric, _ in self._metrics.all or []]

    def reset_metrics(self) -> None:
        """Begin all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    # -- loops -----------------------------------------------------------------------------------------

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
        sample_weight     how much each sample counts in the loss
        steps_per_epoch   batches in an epoch, if not all
        Returns the `History`: `.history["loss"]` and so on have a number for each epoch.
        """
        self._must_be_compiled("fit")
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_validation((x, y, sample_weight), validation_split)
        device = self._device()
        options = {"batch_size": batch_size, "steps": steps_per_epoch, "class_weight": class_weight}
        batches = Batches(x, y, sample_weight, shuffle=shuffle, device=device, **options)
        validation = None
        if validation_data is not None:
            validation = Batches(
                *(unpack(validation_data) if isinstance(validation_data, (tuple, list)) else (validation_data,)),
                batch_size=validation_batch_size or batch_size,
                steps=validation_steps,
                device=device,
            )
        told = CallbackList.of(callbacks, self, verbose, epochs=epochs, steps=batches.count)
        self.stop_training = False
        logs: dict[str, Any] = {}
        train = self.train_function
        told.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            self.reset_metrics()
            told.on_epoch_begin(epoch)
            found: Mapping[str, Any] = {}
            for step, batch in enumerate(batches):
                told.on_train_batch_begin(step)
                found = train(batch)
                told.on_train_batch_end(step, Logs(found))
                if self.stop_training:
                    break
            _must_have_had(found, epoch)
            logs = self._numbers(found)
            if validation is not None and self._is_due(epoch, validation_freq):
                logs |= {f"val_{name}": value for name, value in self._evaluate(validation, told).items()}
            told.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        told.on_train_end(logs)
        return self.history

    @staticmethod
    def _is_due(epoch: int, every: int | Iterable[int]) -> bool:
        return (epoch + 1) % every == 0 if isinstance(every, int) else epoch + 1 in every

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
        batches = Batches(x, y, sample_weight, batch_size=batch_size, steps=steps, device=self._device())
        told = CallbackList.of(callbacks, self, verbose, epochs=1, steps=batches.count, history=False)
        logs = self._evaluate(batches, told)
        if return_dict:
            return logs
        order = [name for name in self.metrics_names if name in logs]
        values = [logs[name] for name in order]
        return values[0] if len(values) == 1 else values

    def _evaluate(self, batches: Batches, told: CallbackList) -> dict[str, Any]:
        self.reset_metrics()
        test = self.test_function
        told.on_test_begin()
        found: Mapping[str, Any] = {}
        with no_grad():
            for step, batch in enumerate(batches):
                told.on_test_batch_begin(step)
                found = test(batch)
                told.on_test_batch_end(step, Logs(found))
        logs = self._numbers(found)
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
        outputs, predicted = [], self.predict_function
        told.on_predict_begin()
        with no_grad():
            for step, batch in enumerate(batches):
                told.on_predict_batch_begin(step)
                outputs.append(predicted(batch))
                told.on_predict_batch_end(step, {"outputs": outputs[-1]})
        told.on_predict_end()
        columns = zip(*(flatten(output) for output in outputs), strict=True)
        return pack_like(outputs[0], [concat(list(column)).numpy() for column in columns])

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One update on one batch; its loss and metrics, before the update."""
        return self._on_batch(self.train_function, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics on one batch."""
        with no_grad():
            return self._on_batch(self.test_function, x, y, sample_weight, None, return_dict)

    def _on_batch(self, step: ModelStep, x, y, sample_weight, class_weight, return_dict: bool) -> Any:
        self._must_be_compiled(step.name.replace("step", "on_batch"))
        length = len(flatten(x)[0])
        given = Batches(x, y, sample_weight, batch_size=length, class_weight=class_weight, device=self._device())
        (batch,) = given
        self.reset_metrics()
        found = dict(Logs(step(batch)))
        if return_dict:
            return found
        return next(iter(found.values())) if len(found) == 1 else list(found.values())

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, as NumPy arrays."""
        return self.predict(x, batch_size=len(flatten(x)[0]), verbose=0)

    def _numbers(self, found: Mapping[str, Any]) -> dict[str, Any]:
        logs = Logs(found)
        return {name: logs[name] for name in sorted(logs)}

    def _device(self) -> Device:
        """Where the weights are, and the data shall go."""
        return next((parameter.device for parameter in self.parameters()), current_device())

    def _must_be_compiled(self, what: str) -> None:
        if not self.compiled:
            raise OptionError(
                f"{what}() needs to know the loss and the optimizer: call compile(optimizer=..., loss=...) before"
            )


def _must_have_had(found: Mapping[str, Any], epoch: int) -> None:
    """`DataError` for an epoch without a batch."""
    if not found:
        raise DataError(
            f"x yielded no batch in epoch {epoch + 1}: a generator is used up after one pass. Give fit a DataLoader, or "
            "one that goes on for ever, with steps_per_epoch="
        )
