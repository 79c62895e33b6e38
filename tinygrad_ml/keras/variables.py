"""State that is no weight: a tensor with Keras's methods that add to it."""

from __future__ import annotations

from typing import Any

from ..nn.parameter import put
from ..tensor import Tensor, as_tensor


class Variable(Tensor):
    """What a metric or a layer keeps from batch to batch: `assign`, `assign_add` and `assign_sub` overwrite it in place."""

    __slots__ = ()

    @property
    def value(self) -> Tensor:
        """What it is now, which is itself: a variable is a tensor."""
        return self

    def assign_add(self, amount: Any) -> Tensor:
        """self ← self + amount, on the device of the amount."""
        if isinstance(amount, Tensor) and amount.device != self.device:
            put(self, self.to(amount.device)._data)
        return self.assign(self + amount)

    def assign_sub(self, amount: Any) -> Tensor:
        """self ← self - amount, likewise."""
        return self.assign_add(-as_tensor(amount))
