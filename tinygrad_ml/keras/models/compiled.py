"""What `compile` was told about losses and metrics, matched with the outputs of a model once they are seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import OptionError
from ...structure import is_nested, leaves
from ...tensor import Tensor
from .. import losses, metrics


def _kind_of_targets(y_true: Tensor, y_pred: Tensor) -> str:
    """What "accuracy" and "crossentropy" mean: binary for one output, sparse for class numbers, else categorical."""
    if y_pred.shape[-1] == 1:
        return "binary"
    if y_true.ndim < y_pred.ndim or (y_true.ndim and y_true.shape[-1] == 1):
        return "sparse"
    return "categorical"


def resolve_metric(identifier: Any, y_true: Tensor, y_pred: Tensor) -> metrics.Metric:
    """The metric object that a user means; "accuracy" by the shapes of targets and predictions."""
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
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
        found = metrics.MeanMetricWrapper(found, name=getattr(found, "name", None))
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
    if found is None or isinstance(found, losses.Loss):
        return found
    return losses.LossFunctionWrapper(found, name=identifier if isinstance(identifier, str) else None)


class Outputs:
    """The outputs of a model: their names, if they have some, and what was given for each of them.

    names  those of the model; or those of a dictionary that it returns; or None for a model that returns a list
    """

    def __init__(self, model_names: list[str] | None, y_pred: Any):
        count = len(leaves(y_pred))
        if isinstance(y_pred, Mapping):
            known = model_names is not None and set(model_names) == set(y_pred)
            self.names: list[str] | None = model_names if known else sorted(y_pred)
        else:
            self.names = list(model_names) if model_names is not None and len(model_names) == count else None
        self.count = count
        self.predictions = self.each(y_pred, "y_pred")

    def each(self, given: Any, what: str) -> list:
        """Targets, weights or predictions, one for each output: from a list, a dictionary by names, or one for all."""
        if given is None:
            return [None] * self.count
        if isinstance(given, Mapping):
            if self.names is None or not set(self.names) >= set(given):
                raise OptionError(f"{what} has {', '.join(map(repr, given))}, but {self}")
            return [given.get(name) for name in self.names]
        parts = leaves(given)
        if len(parts) == 1 and what == "sample_weight":
            return parts * self.count
        if len(parts) != self.count:
            raise OptionError(f"{what} has {len(parts)} arrays, but {self}")
        return parts

    def match(self, given: Any, what: str) -> list:
        """Options of `compile`, one for each output, likewise."""
        if isinstance(given, Mapping):
            for name in given:
                if self.names is None or name not in self.names:
                    raise OptionError(f"{what} has {name!r}, but {self}")
            return [given.get(name) for name in self.names]
        if isinstance(given, (list, tuple)):
            if len(given) != self.count:
                raise OptionError(f"{what} has {len(given)} entries, but {self}")
            return list(given)
        return [given] * self.count

    def __str__(self) -> str:
        if self.names is None:
            return f"the model has {self.count} outputs without names"
        return f"the outputs of the model are {', '.join(map(repr, self.names))}"


class CompiledLoss:
    """The sum of the losses of all outputs, each with its factor; and the mean of each for the logs."""

    def __init__(self, loss: Any, loss_weights: Any, output_names: list[str] | None):
        self.given, self.given_weights, self.output_names = loss, loss_weights, output_names
        self.losses: list | None = None
        self.trackers: list[metrics.Mean | None] = []

    @property
    def metrics(self) -> list[metrics.Mean]:
        """The means of the losses of several outputs."""
        return [tracker for tracker in self.trackers if tracker is not None]

    def build(self, outputs: Outputs, y_true: list) -> None:
        """Find out which loss belongs to which output."""
        given = outputs.match(self.given, "loss")
        self.weights = outputs.match(self.given_weights, "loss_weights")
        pairs = zip(given, y_true, outputs.predictions, strict=True)
        self.losses = [None if t is None else resolve_loss(one, t, p) for one, t, p in pairs]
        names = outputs.names or [loss and loss.name for loss in self.losses]
        several = sum(loss is not None for loss in self.losses) > 1
        self.trackers = [
            metrics.Mean(name=f"{name}_loss") if several and loss is not None else None
            for name, loss in zip(names, self.losses, strict=True)
        ]

    def _targets(self, outputs: Outputs, y_true: Any) -> list:
        """Targets, one for each output; or, in a list, one for each output that has a loss."""
        wanted = [loss is not None for loss in outputs.match(self.given, "loss")]
        parts = [] if isinstance(y_true, Mapping) else leaves(y_true)
        if len(parts) == sum(wanted) < outputs.count:
            rest = iter(parts)
            return [next(rest) if one else None for one in wanted]
        return outputs.each(y_true, "y")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor | None:
        outputs = Outputs(self.output_names, y_pred)
        y_true, weights = self._targets(outputs, y_true), outputs.each(sample_weight, "sample_weight")
        if self.losses is None:
            self.build(outputs, y_true)
        total = None
        for i, (loss, prediction) in enumerate(zip(self.losses, outputs.predictions, strict=True)):
            if loss is None:
                continue
            value = loss(y_true[i], prediction, weights[i])
            if value.ndim:
                value = value.mean()
            if self.trackers[i] is not None:
                self.trackers[i].update_state(value, float(prediction.shape[0]))
            if self.weights[i] is not None:
                value = value * self.weights[i]
            total = value if total is None else total + value
        return total


class CompiledMetrics(metrics.Metric):
    """The metrics of all outputs, as one: its result is a dictionary."""

    def __init__(self, given: Any, weighted: Any, output_names: list[str] | None):
        for what, some in (("metrics", given), ("weighted_metrics", weighted)):
            if some is not None and not is_nested(some):
                raise OptionError(f"{what} is a list or a dictionary of metrics, and not {some!r}: give [{some!r}]")
        super().__init__(name="compile_metrics")
        self.given, self.given_weighted, self.output_names = given, weighted, output_names
        self.all: list[tuple[int, str, metrics.Metric, bool]] | None = None  # output, name, metric, weighted

    @property
    def metrics(self) -> list[metrics.Metric]:
        """The metrics, one by one, once they have seen an output."""
        return [metric for _, _, metric, _ in self.all or []]

    @property
    def variables(self) -> list[Tensor]:
        return [variable for metric in self.metrics for variable in metric.variables]

    def build(self, outputs: Outputs, y_true: list) -> None:
        """Find out which metrics belong to which output."""
        self.all, taken = [], {}
        prefixes = (
            [f"{name}_" for name in outputs.names] if outputs.names and outputs.count > 1 else [""] * outputs.count
        )
        for given, weighted in ((self.given, False), (self.given_weighted, True)):
            for i, wanted in enumerate(_lists_for_outputs(given, outputs)):
                for one in wanted:
                    if y_true[i] is None:
                        continue
                    metric = resolve_metric(one, y_true[i], outputs.predictions[i])
                    name = prefixes[i] + metric.name
                    if weighted and name in taken:
                        name = f"{prefixes[i]}weighted_{metric.name}"
                    taken[name] = taken.get(name, 0) + 1
                    name = name if taken[name] == 1 else f"{name}_{taken[name] - 1}"
                    self.all.append((i, name, metric, weighted))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch."""
        outputs = Outputs(self.output_names, y_pred)
        y_true, weights = outputs.each(y_true, "y"), outputs.each(sample_weight, "sample_weight")
        if self.all is None:
            self.build(outputs, y_true)
        for i, _, metric, weighted in self.all:
            metric.update_state(y_true[i], outputs.predictions[i], *([weights[i]] if weighted else []))

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    def named(self) -> list[tuple[str, metrics.Metric]]:
        return [(name, metric) for _, name, metric, _ in self.all or []]

    def result(self) -> dict[str, Any]:
        return {name: metric.result() for name, metric in self.named()}


def _lists_for_outputs(given: Any, outputs: Outputs) -> list[list]:
    """A list of metrics for each output. For one output a list is all its metrics; for several, a list of lists, or a
    dictionary."""
    if not given:
        return [[] for _ in range(outputs.count)]
    if outputs.count == 1:
        return [leaves(given)]
    matched = outputs.match(given, "metrics")
    return [[] if one is None else list(one) if isinstance(one, (list, tuple)) else [one] for one in matched]
