"""What `compile` was told about losses and metrics, matched with the outputs of a model once they are seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import OptionError
from ...tensor import Tensor
from .. import losses, metrics
from ..structure import flatten, is_nested


def _kind_of_targets(y_true: Tensor, y_pred: Tensor) -> str:
    """What "accuracy" and "crossentropy" mean: binary for one output, sparse for class numbers, else categorical."""
    if y_pred.shape[-1] == 1:
        return "binary"
    if y_true.ndim < y_pred.ndim or (y_true.ndim and y_true.shape[-1] == 1):
        return "sparse"
    return "categorical"


def resolve_metric(identifier: Any, y_true: Tensor, y_pred: Tensor) -> metrics.Metric:
    """The metric object that a user means; "accuracy" by the shapes of targets and predictions."""
    if identifier in ("accuracy", "acc", "Accuracy"):
        classes = {
            "binary": metrics.BinaryAccuracy,
            "sparse": metrics.SparseCategoricalAccuracy,
            "categorical": metrics.CategoricalAccuracy,
        }
        return classes[_kind_of_targets(y_true, y_pred)](name=identifier)
    if identifier in ("crossentropy", "ce"):
        found = metrics.MeanMetricWrapper(_crossentropy(y_true, y_pred))
    else:
        found = metrics.get(identifier)
    if not isinstance(found, metrics.Metric):
        found = metrics.MeanMetricWrapper(found)
    if isinstance(identifier, str):
        found.name = identifier
    return found


def _crossentropy(y_true: Tensor, y_pred: Tensor):
    return {
        "binary": losses.binary_crossentropy,
        "sparse": losses.sparse_categorical_crossentropy,
        "categorical": losses.categorical_crossentropy,
    }[_kind_of_targets(y_true, y_pred)]


def resolve_loss(identifier: Any, y_true: Tensor, y_pred: Tensor) -> losses.Loss | None:
    """The loss object that a user means; "crossentropy" by the shapes of targets and predictions."""
    found = _crossentropy(y_true, y_pred) if identifier in ("crossentropy", "ce") else losses.get(identifier)
    return found if found is None or isinstance(found, losses.Loss) else losses.LossFunctionWrapper(found)


def match_outputs(given: Any, names: list[str], what: str) -> list:
    """What was given for the outputs, one for each: a list, a dictionary by names, or one thing for all."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                raise OptionError(
                    f"{what} has {name!r}, but the outputs of the model are {', '.join(map(repr, names))}"
                )
        return [given.get(name) for name in names]
    if isinstance(given, (list, tuple)):
        if len(given) != len(names):
            raise OptionError(f"{what} has {len(given)} entries, but the model has {len(names)} outputs")
        return list(given)
    return [given] * len(names)


class CompiledLoss:
    """The sum of the losses of all outputs, each with its factor; and the mean of each for the logs."""

    def __init__(self, loss: Any, loss_weights: Any):
        self.given, self.given_weights = loss, loss_weights
        self.losses: list | None = None
        self.trackers: list[metrics.Mean] = []

    def build(self, y_true: list, y_pred: list, names: list[str]) -> None:
        """Find out which loss belongs to which output."""
        given = match_outputs(self.given, names, "loss")
        self.weights = match_outputs(self.given_weights, names, "loss_weights")
        self.losses = [
            None if t is None else resolve_loss(one, t, p) for one, t, p in zip(given, y_true, y_pred, strict=True)
        ]
        if len(names) > 1:
            self.trackers = [metrics.Mean(name=f"{name}_loss") for name in names]

    def __call__(self, y_true: list, y_pred: list, sample_weight: list, names: list[str]) -> Tensor | None:
        if self.losses is None:
            self.build(y_true, y_pred, names)
        total = None
        for i, loss in enumerate(self.losses):
            if loss is None:
                continue
            value = loss(y_true[i], y_pred[i], sample_weight[i])
            if self.trackers:
                self.trackers[i].update_state(value, float(y_pred[i].shape[0]))
            if self.weights[i] is not None:
                value = value * self.weights[i]
            total = value if total is None else total + value
        return total


class CompiledMetrics:
    """The metrics of all outputs."""

    def __init__(self, given: Any, weighted: Any):
        self.given, self.given_weighted = given, weighted
        self.all: list[tuple[int, str, metrics.Metric, bool]] | None = None  # output, name, metric, weighted

    def build(self, y_true: list, y_pred: list, names: list[str]) -> None:
        """Find out which metrics belong to which output."""
        self.all = []
        for given, weighted in ((self.given, False), (self.given_weighted, True)):
            for i, wanted in enumerate(_lists_for_outputs(given, names)):
                for one in wanted:
                    if y_true[i] is None:
                        continue
                    metric = resolve_metric(one, y_true[i], y_pred[i])
                    name = f"{names[i]}_{metric.name}" if len(names) > 1 else metric.name
                    taken = [other for _, other, _, _ in self.all]
                    name = f"weighted_{name}" if weighted and name in taken else name
                    self.all.append((i, name, metric, weighted))

    def update(self, y_true: list, y_pred: list, sample_weight: list, names: list[str]) -> None:
        """Take in a batch."""
        if self.all is None:
            self.build(y_true, y_pred, names)
        for i, _, metric, weighted in self.all:
            metric.update_state(y_true[i], y_pred[i], sample_weight[i] if weighted else None)


def _lists_for_outputs(given: Any, names: list[str]) -> list[list]:
    """A list of metrics for each output. For one output a list is all its metrics; for several, a list of lists, or a
    dictionary."""
    if given is None:
        return [[] for _ in names]
    if not is_nested(given):
        given = [given]
    if isinstance(given, Mapping):
        given = match_outputs(given, names, "metrics")
    elif len(names) == 1:
        return [flatten(list(given))]
    elif len(given) != len(names):
        raise OptionError(
            f"metrics has {len(given)} entries, but the model has {len(names)} outputs: give a list for each, or a "
            f"dictionary by their names, {', '.join(map(repr, names))}"
        )
    return [[] if one is None else list(one) if isinstance(one, (list, tuple)) else [one] for one in given]
