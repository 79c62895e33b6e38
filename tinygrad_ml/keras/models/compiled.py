"""What `compile` was told about losses and metrics, matched with the outputs of a model once they are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ...errors import OptionError
from ...structure import at, is_nested, leaves, nesting, packed_like, paths
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


def _crossentropy(y_true: Tensor, y_pred: Tensor) -> Callable:
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
    paths  the keys and indices that lead to each of them in what the model returns
    """

    def __init__(self, model_names: list[str] | None, y_pred: Any):
        self.structure, self.count = y_pred, len(leaves(y_pred))
        if isinstance(y_pred, Mapping) and not any(map(is_nested, y_pred.values())):
            names = model_names if model_names is not None and set(model_names) == set(y_pred) else sorted(y_pred)
            self.names: list[str] | None = names
            self.paths = [(name,) for name in names]
        else:
            self.names = list(model_names) if model_names is not None and len(model_names) == self.count else None
            self.paths = list(paths(y_pred))
        self.predictions = [at(y_pred, path) for path in self.paths]

    def each(self, given: Any, what: str) -> list:
        """Targets or weights, one for each output: from a list, a dictionary by names, the outputs' nesting, or one for all."""
        if given is None:
            return [None] * self.count
        if isinstance(given, Mapping) and isinstance(self.structure, Mapping) and set(given) <= set(self.structure):
            return [at(given, path) for path in self.paths]
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

    def nested(self, each: list) -> Any:
        """What there is for each output, nested as they are."""
        known = dict(zip(self.paths, each, strict=True))
        return packed_like(self.structure, [known[path] for path in paths(self.structure)])

    def name_of(self, path: tuple) -> str | None:
        """The name in the logs of what stands there: the keys that lead to it, and for an index the output's own name."""
        named = dict(zip(self.paths, self.names or (), strict=False))
        if not path and path not in named:
            return "_".join(sorted(named.values()) if isinstance(self.structure, Mapping) else named.values()) or None
        if not path or isinstance(path[-1], int):
            if path not in named:
                return None
            path = (*path[:-1], named[path])
        return "/".join(map(str, path))

    def match(self, given: Any, what: str) -> list:
        """Options of `compile`, one for each output, likewise."""
        if isinstance(given, Mapping):
            names = self.names or []
            for name in given:
                if name not in names:
                    raise OptionError(f"{what} has {name!r}, but {self}")
            return [given.get(name) for name in names]
        if isinstance(given, (list, tuple)):
            if len(given) != self.count:
                raise OptionError(f"{what} has {len(given)} entries, but {self}")
            return list(given)
        return [given] * self.count

    def __str__(self) -> str:
        if self.names is None:
            return f"the model has {self.count} outputs without names"
        return f"the outputs of the model are {', '.join(map(repr, self.names))}"


class LossPart(NamedTuple):
    """One of the losses: of which output, or of which structure of outputs, it is, and its factor."""

    path: tuple[Any, ...]  # the keys and indices that lead there
    loss: Any
    weight: float | None

    def of(self, structure: Any) -> Any:
        """What stands at its place."""
        return at(structure, self.path)


class CompiledLoss:
    """The sum of the losses of all outputs, each with its factor; and the mean of each for the logs.

    loss  one for each output; or in lists and dictionaries that are nested as the outputs are. None stands for no loss; one
          loss where there are several outputs is given the whole structure of them; a list where there is one output is all
          its losses
    """

    def __init__(self, loss: Any, loss_weights: Any, output_names: list[str] | None):
        if any(isinstance(weight, str) for weight in leaves(loss_weights)):
            raise OptionError(
                f"loss_weights={loss_weights!r} are factors, numbers; compile(optimizer, loss, loss_weights, metrics) is the "
                f"order: write metrics={loss_weights!r}"
            )
        self.given, self.given_weights, self.output_names = loss, loss_weights, output_names
        self.parts: list[LossPart] = []
        self.losses: list[Any] = []
        self.trackers: list[metrics.Mean | None] = []

    @property
    def metrics(self) -> list[metrics.Mean]:
        """The means of the losses of several outputs."""
        return [tracker for tracker in self.trackers if tracker is not None]

    def build(self, outputs: Outputs, y_true: Any) -> None:
        """Find out which loss belongs to which output."""
        told = [part for part in self._stated_parts(outputs) if any(t is not None for t in leaves(part.of(y_true)))]
        self.losses = [resolve_loss(part.loss, part.of(y_true), part.of(outputs.structure)) for part in told]
        self.parts = told
        several = len(told) > 1
        names = [outputs.name_of(part.path) or loss.name for part, loss in zip(told, self.losses, strict=True)]
        self.trackers = [metrics.Mean(name=f"{name}_loss") if several else None for name in names]

    def _stated_parts(self, outputs: Outputs) -> list[LossPart]:
        """What `compile` was told, as parts."""
        given, weights, y_pred = self.given, self.given_weights, outputs.structure
        if (not is_nested(y_pred) and isinstance(given, (list, tuple))) or any(map(is_nested, _items(given))):
            if isinstance(given, Mapping) and not isinstance(y_pred, Mapping):
                given = packed_like(y_pred, outputs.match(given, "loss"))
                weights = packed_like(y_pred, outputs.match(weights, "loss_weights"))
            elif is_nested(weights) and nesting(given) != nesting(weights):
                if len(leaves(given)) != len(leaves(weights)):
                    raise OptionError(
                        f"loss_weights has {len(leaves(weights))} factors for {len(leaves(given))} losses"
                    )
                weights = packed_like(given, leaves(weights))
            return list(_loss_parts(given, weights, y_pred, (), outputs))
        each = zip(outputs.paths, outputs.match(given, "loss"), outputs.match(weights, "loss_weights"), strict=True)
        return [LossPart(*one) for one in each if one[1] is not None]

    def _targets(self, outputs: Outputs, y_true: Any) -> list:
        """Targets, one for each output; or, in a list, one for each output that has a loss."""
        parts = [] if isinstance(y_true, Mapping) else leaves(y_true)
        if len(parts) < outputs.count and is_nested(self.given):
            told = [part.path for part in self._stated_parts(outputs)]
            wanted = [any(path[: len(one)] == one for one in told) for path in outputs.paths]
            if len(parts) == sum(wanted):
                rest = iter(parts)
                return [next(rest) if one else None for one in wanted]
        return outputs.each(y_true, "y")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor | None:
        if isinstance(y_pred, (list, tuple)) and len(leaves(y_pred)) == 1:
            (y_pred,) = leaves(y_pred)
        outputs = Outputs(self.output_names, y_pred)
        weights = outputs.nested(outputs.each(sample_weight, "sample_weight"))
        y_true = outputs.nested(self._targets(outputs, y_true))
        if not self.losses:
            self.build(outputs, y_true)
        total = None
        for part, loss, tracker in zip(self.parts, self.losses, self.trackers, strict=True):
            prediction = part.of(y_pred)
            value = loss(part.of(y_true), prediction, _one_weight(part.of(weights)))
            if value.ndim:
                value = value.mean()
            if tracker is not None:
                tracker.update_state(value, float(leaves(prediction)[0].shape[0]))
            if part.weight is not None:
                value = value * part.weight
            total = value if total is None else total + value
        return total


def _items(given: Any) -> list:
    return list(given.values()) if isinstance(given, Mapping) else list(given) if is_nested(given) else []


def _loss_parts(given: Any, weights: Any, y_pred: Any, path: tuple, outputs: Outputs) -> Iterator[LossPart]:
    """Losses that are nested, as parts; `weights` are nested likewise, or are one factor for all."""
    flat = isinstance(given, (list, tuple)) and not any(map(is_nested, given))
    if flat and len(given) == len(leaves(y_pred)):
        given, weights = (packed_like(y_pred, one) if is_nested(one) else one for one in (given, weights))
    if given is None:
        return
    if not is_nested(given):
        yield LossPart(path, given, weights)
        return
    by_name = isinstance(given, Mapping)
    whole = not by_name and not isinstance(y_pred, type(given))  # several losses of one thing
    if not by_name and not whole and len(given) != len(y_pred):
        raise OptionError(f"loss has {len(given)} entries{_where(path)}, but {outputs}")
    for key in given if by_name else range(len(given)):
        if by_name and not (isinstance(y_pred, Mapping) and key in y_pred):
            raise OptionError(f"loss has {key!r}{_where(path)}, but {outputs}")
        weight = weights[key] if is_nested(weights) else weights
        yield from _loss_parts(given[key], weight, *((y_pred, path) if whole else (y_pred[key], (*path, key))), outputs)


def _where(path: tuple) -> str:
    return f" under {'/'.join(map(str, path))}" if path else ""


def _one_weight(weights: Any) -> Any:
    """The weights of the samples of a structure of outputs, which are those of each of them."""
    if not is_nested(weights):
        return weights
    first, *others = leaves(weights)
    if any(one is not first for one in others):
        raise OptionError("a loss of several outputs together takes one sample_weight for all of them")
    return first


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
        for i, _, metric, weighted in self.all or []:
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
