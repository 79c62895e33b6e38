"""Tensors that know more, in Keras: a weight its constraint, and state that is no weight how to add to itself."""

from __future__ import annotations

from typing import Any, Self

from ..nn.parameter import Parameter, put
from ..tensor import Tensor, as_tensor


class _Value:
    """What Keras's variables have besides: they hold a tensor, and here they are one."""

    __slots__ = ()

    @property
    def value(self) -> Self:
        """What it is now, which is itself: a variable is a tensor."""
        return self


class Weight(_Value, Parameter):
    """A weight of a layer. What `constraint` makes of it, it is again after each update of an optimizer."""

    constraint: Any = None

    def __reduce__(self) -> tuple:
        return *super().__reduce__(), vars(self)


class Variable(_Value, Tensor):
    """What a metric or a layer keeps from batch to batch: `assign`, `assign_add` and `assign_sub` overwrite it in place."""

    __slots__ = ()

    def assign(self, value: Any) -> Tensor:
        """self ← value; not where a model is tried out on symbols, which have no numbers."""
        return self if isinstance(value, Tensor) and value.symbolic else super().assign(value)

    def assign_add(self, amount: Any) -> Tensor:
        """self ← self + amount, on the device of the amount."""
        if isinstance(amount, Tensor) and not amount.symbolic and amount.device != self.device:
            put(self, self.to(amount.device)._data)
        return self.assign(self + amount)

    def assign_sub(self, amount: Any) -> Tensor:
        """self ← self - amount, likewise."""
        return self.assign_add(-as_tensor(amount))


class ProgramVariable(Variable):
    """State that a program has made, by `keras.Variable`: as an attribute of a layer it is one of its weights."""

    __slots__ = ()
