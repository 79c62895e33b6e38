"""`Input`: where data comes into a model."""

from __future__ import annotations

from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT, dtypes
from ...errors import OptionError
from ...functional import symbol
from ..naming import accepts_old
from .base import Layer
from .symbols import Call, KerasTensor


class InputLayer(Layer):
    """The place where data comes in."""

    @accepts_old(input_shape="shape")
    def __init__(
        self, shape=None, batch_size: int | None = None, dtype: Any = None, name: str | None = None, batch_shape=None
    ):
        super().__init__(name=name)
        if batch_shape is not None:
            shape = tuple(batch_shape)[1:]
        shape = (shape,) if isinstance(shape, int) else shape
        if shape is None or any(not isinstance(size, (int, numpy.integer)) for size in shape):
            raise OptionError(
                f"Input needs a shape of known sizes without the batch, as in shape=(28, 28, 1), not {shape}"
            )
        self.shape, self.dtype = tuple(int(size) for size in shape), dtypes.as_dtype(dtype or DEFAULT_FLOAT)
        self.built = True

    def make(self) -> KerasTensor:
        """The symbol of the data."""
        return Call(self, (), {}).returned(symbol((1, *self.shape), self.dtype, name=self.name))

    def call(self, inputs):
        return inputs


def Input(
    shape=None, batch_size: int | None = None, dtype: Any = None, name: str | None = None, batch_shape=None
) -> KerasTensor:
    """A symbol for the data of a model: layers called on it record their calls, and `Model` makes a model of them.

    shape  of one sample, without the batch

    >>> x = Input(shape=(784,))
    >>> model = Model(x, Dense(10, activation="softmax")(x))
    """
    if batch_shape is None and shape is None:
        raise OptionError("Input needs the shape of one sample, as in Input(shape=(784,))")
    return InputLayer(shape, batch_size=batch_size, dtype=dtype, name=name, batch_shape=batch_shape).make()
