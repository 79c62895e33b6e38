"""What is done with one batch: `train_step`, `test_step`, `predict_step`, and what `compile` says about them.

`train_step` is the whole of deep learning in five lines. A model of one's own may write it anew, of these parts:
`compute_loss`, `compute_metrics`, `metrics` and `get_metrics_result`.

Read before: `compiled.py`, where losses and metrics come from. Read next: `training.py`, the loops around it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from ...errors import OptionError
from ...modes import no_grad
from ...structure import leaves, mapped
from ...tensor import Tensor
from .. import optimizers
from ..checks import one_of
from ..distribution import shared
from ..layers.base import Layer
from ..masks import detach_masked
from ..metrics import Mean, Metric, metrics_in
from ..variables import Weight
from ..warn import warn
from .batches import unpack
from .compiled import CompiledLoss, CompiledMetrics
from .logs import results_of
from .steps import ModelStep

_OWN = ("_arguments", "_compile_arguments", "_loss_tracker", "_loss", "_metrics", "_steps", "_history")


class Learner(Layer):
    """The part of `Model` that knows what to do with a batch."""

    compiled = False
    stop_training = stop_evaluating = stop_predicting = False
    run_eagerly = False
    jit_compile: Any = "auto"
    optimizer: Any = None
    _loss: CompiledLoss | None = None
    _metrics: CompiledMetrics | None = None
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
        one_of("jit_compile", jit_compile, ("auto", None, True, False))
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
        names = getattr(self, "output_names", None)
        self._loss = None if loss is None else CompiledLoss(loss, loss_weights, names)
        given = metrics is not None or weighted_metrics is not None
        self._metrics = CompiledMetrics(metrics, weighted_metrics, names) if given else None
        self._loss_tracker = Mean(name="loss")
        self.loss = loss
        self.compiled = True

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

    def train_step(self, data: Any) -> Mapping[str, Any]:
        """One step of gradient descent on a batch: (x, y, sample_weight), (x, y), or x, as it came; the metrics so far."""
        x, y, sample_weight = unpack(data)
        ranks = shared()
        with nullcontext() if ranks is None else ranks.drawing():
            y_pred = self(x, training=True)
        loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
        weights = self._weights_to_update()
        if weights:
            self.zero_grad()
            if ranks is not None:
                ranks.count()
            self.optimizer.scale_loss(loss).backward()
            self.optimizer.step(weights)
        else:
            warn(f"{self.name!r} has no weight that is trained: all of its layers are frozen")
        return self.compute_metrics(x, y, mapped(detach_masked, y_pred), sample_weight)

    def test_step(self, data: Any) -> Mapping[str, Any]:
        """The metrics so far, after a batch, as it came, was looked at."""
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=False)
        self._loss_of(x, y, y_pred, sample_weight, training=False)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch."""
        return self(unpack(data)[0], training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """The losses of the outputs, and the penalties of the layers, in one number."""
        total = None
        if self._loss is not None and y is not None:
            total = self._loss(y, y_pred, sample_weight)
        for penalty in self.losses:
            penalty = penalty.sum() if penalty.ndim else penalty
            total = penalty if total is None else total + penalty
        if total is None:
            raise OptionError(
                "there is nothing to minimise: compile(loss=...) was given no loss, or fit no y, and no layer adds one"
            )
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Mapping[str, Any]:
        """Let the metrics that `compile` was told of take in a batch; {name: value} of all metrics."""
        with no_grad():
            if self._metrics is not None and y is not None:
                self._metrics.update_state(y, y_pred, sample_weight)
            return results_of(self.metrics)

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Tensor:
        options = {"training": training} if "training" in inspect.signature(self.compute_loss).parameters else {}
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)
        with no_grad():
            self._loss_tracker.update_state(loss, float(leaves(x)[0].shape[0]))
        return loss

    def _weights_to_update(self) -> list[Tensor]:
        """The weights to be updated: those that are not frozen."""
        return [weight for weight in self.parameters() if weight.requires_grad]

    def _settings(self) -> list[Any]:
        """The objects that say how a step computes, beside the layers: losses, metrics, regularizers, constraints."""
        told = [*(() if self._loss is None else self._loss.losses)]
        told += [one for metric in self.metrics for _, one in metric.named()]
        for layer in self._own_layers():
            told += [layer.activity_regularizer, *(rule for rule, _ in layer._regularized)]
        return told + [weight.constraint for weight in self.parameters() if isinstance(weight, Weight)]

    @property
    def metrics(self) -> list[Metric]:
        """The mean of the loss, the metrics that `compile` was told of (as one), the means of the losses of several
        outputs; and the metrics among the attributes of the model and its layers."""
        found: list[Metric] = []
        if self.compiled:
            found = [self._loss_tracker, *([] if self._metrics is None else [self._metrics])]
            found += [] if self._loss is None else self._loss.metrics
        found += metrics_in({name: value for name, value in vars(self).items() if name not in _OWN})
        for layer in self._own_layers():
            if not isinstance(layer, Learner):
                found += metrics_in(vars(layer))
        return list(dict.fromkeys(found))

    @property
    def metrics_names(self) -> list[str]:
        """Their names, those of each metric that `compile` was told of."""
        return list(results_of(self.metrics))

    def get_metrics_result(self) -> dict[str, Any]:
        """{name: value} of all metrics, the values as tensors."""
        return dict(results_of(self.metrics))

    def reset_metrics(self) -> None:
        """Begin all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()
