"""The base of Keras's metrics, and their means and sums over the batches of an epoch.

Read before: `training/metrics.py`, which says what a metric is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...backend import DEFAULT_FLOAT
from ...errors import OptionError
from ...modes import no_grad
from ...tensor import Tensor, as_tensor
from ...training import metrics as training
from .. import initializers, losses
from ..masks import mask_of
from ..naming import unique_name
from ..samples import by_sample, quotient, weights_like
from ..serialization import Configurable
from ..variables import Variable


class Metric(Configurable, training.Metric):
    """The base: `update_state(...)` takes in a batch, `result()` is the metric of all so far, `reset_state()` forgets.

        class Largest(Metric):
            def __init__(self, name="largest", **options):
                super().__init__(name=name, **options)
                self.most = self.add_weight(name="most", initializer="zeros")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.most.assign(tg.maximum(self.most, y_pred.max()))

            def result(self):
                return self.most

    What it keeps from batch to batch are tensors that `add_weight` makes. Metrics among its attributes belong to it.
    """

    _direction: str | None = None  # "up" or "down": which is better, for callbacks that watch it

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or unique_name(type(self))
        self.dtype = "float32" if dtype is None else dtype
        self._variables: list[Variable] = []

    @property
    def variables(self) -> list[Tensor]:
        """The tensors it keeps, and those of the metrics among its attributes."""
        if "_variables" not in vars(self):
            raise OptionError(f"{type(self).__name__}.__init__ must call super().__init__() before it adds variables")
        return self._variables + [variable for metric in metrics_in(vars(self)) for variable in metric.variables]

    def add_variable(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A new tensor of what an initializer makes, by default zeros, which is also what `reset_state` makes of it."""
        initializer = "zeros" if initializer is None else initializer
        made = initializers.get(initializer)(tuple(shape), dtype=dtype)
        return self._kept(Variable(made._data), name)

    def add_weight(
        self, shape: tuple[int, ...] = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """The same as `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    def named(self) -> list[tuple[str, Metric]]:
        """(name, metric) of what it consists of, as the logs have them: itself, for most."""
        return [(self.name, self)]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch; the metric of all so far."""
        with no_grad():
            self.update_state(*args, **kwargs)
            return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def metrics_in(attributes: Any) -> list[Metric]:
    """The metrics among attributes, and in lists and dictionaries among them, each once."""
    found: dict[Metric, None] = {}
    waiting = [value for name, value in attributes.items() if name != "_arguments"][::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Metric):
            found[value] = None
        elif isinstance(value, (list, tuple, dict)):
            waiting += list(value.values() if isinstance(value, dict) else value)[::-1]
    return list(found)


class Sum(Metric):
    """Σ w·x of all numbers x it was given, with their weights w, by default 1."""

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, _ = by_sample(as_tensor(values), sample_weight, "sum")
        self.total.assign_add(values.sum())

    def result(self) -> Tensor:
        return self.total * 1


class Mean(Metric):
    """Σ w·x / Σ w over the samples of all batches, x being the mean of a sample's numbers, w its weight, by default 1.

    One weight for a whole batch weighs the mean of its numbers. The mean of nothing is 0.
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(dtype, name)
        self.total, self.count = self.add_variable(name="total"), self.add_variable(name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weights = by_sample(as_tensor(values), sample_weight, "mean")
        self.total.assign_add(values.sum() if values.ndim else values)
        if weights is None:
            self.count.assign_add(values.shape[0] if values.ndim else 1)
        else:
            self.count.assign_add(weights.sum() if weights.ndim else weights)

    def result(self) -> Tensor:
        return quotient(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean over samples of a function `f(y_true, y_pred, **options)`."""

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **options: Any):
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self.fn, self.options = fn, options
        vars(self).update(options)
        if fn in losses.LOSS_FUNCTIONS.values():
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        mask = mask_of(y_pred)
        if mask is not None:  # what it leaves out weighs nothing
            weights = mask.astype(DEFAULT_FLOAT)
            if sample_weight is not None:
                weights, given = weights_like(sample_weight, weights)
                weights = weights * given
            sample_weight = weights
        super().update_state(self.fn(y_true, y_pred, **self.options), sample_weight)
