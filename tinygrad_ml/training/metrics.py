"""Metrics: numbers over many batches, as sums that each batch adds to.

The sums are tensors on the device where they are computed, overwritten in place, so that this can be a part of a compiled
step. They are read when somebody asks for a number: reading each batch's would make the host wait for a GPU.

Read next: `trainer.py`. Keras's metrics (`keras/metrics/base.py`) are these with names and initializers.
"""

from __future__ import annotations

from typing import Any

from ..backend import Device
from ..functional import zeros
from ..nn.parameter import put
from ..tensor import Tensor


class Metric:
    """The base: `update_state(...)` takes in a batch, `result()` is the metric of all so far, `reset_state()` forgets."""

    def __init__(self) -> None:
        self._variables: list[Tensor] = []

    @property
    def variables(self) -> list[Tensor]:
        """The tensors that it keeps from batch to batch."""
        return self._variables

    def add_variable(self, shape: tuple[int, ...] = (), dtype: Any = None, name: str | None = None) -> Tensor:
        """A new tensor of zeros, which is also what `reset_state` makes of it."""
        return self._kept(zeros(shape, dtype=dtype), name)

    def _kept(self, made: Tensor, name: str | None) -> Any:
        made.name = name or f"variable_{len(self.variables)}"
        self._variables.append(made)
        return made

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight=None)")

    def result(self) -> Any:
        """The metric of all batches since the last `reset_state`: a 0-d tensor, or a dictionary of such."""
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self.variables:
            variable.assign(0)

    def to(self, device: Device) -> None:
        """Sum up on that device from now on."""
        for variable in self.variables:
            put(variable, variable.to(device)._data)
