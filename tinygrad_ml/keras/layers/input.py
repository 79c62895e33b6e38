"""`Input`: where data comes into a model."""

from __future__ import annotations

from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT, dtypes
from ...errors import OptionError
from ...functional import symbol
from ..arguments import accepts_old
from .base import Layer
from .symbols import UNKNOWN, KerasTensor, LayerCall, PartialShape, sized


class InputLayer(Layer):
    """The place where data comes in.

    shape        of one sample, without the batch; None for a size that is unknown, such as the length of a sequence; or
                 `batch_shape`, with the batch
    batch_size   is remembered, and any other size is taken too
    dtype        by default float32
    sparse, ragged, optional are not offered
    """

    @accepts_old(input_shape="shape", batch_input_shape="batch_shape")
    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        optional: bool = False,
        name: str | None = None,
    ):
        super().__init__(name=name)
        if sparse or ragged or optional:
            raise OptionError("Input: there are no sparse, ragged or optional inputs here")
        if dtype == "string":
            raise OptionError(
                "Input: no tensor holds strings; call TextVectorization on texts before the model, and give it the numbers"
            )
        if batch_shape is not None:
            if shape is not None or batch_size is not None:
                raise OptionError("Input: batch_shape stands for shape and batch_size together, so give it alone")
            batch_size, *shape = batch_shape
        shape = (shape,) if isinstance(shape, int) else shape
        if shape is None:
            raise OptionError("Input needs the shape of one sample: pass a shape, as in Input(shape=(784,))")
        sizes = [size for size in shape if size is not None]
        if isinstance(shape, str) or any(not isinstance(size, (int, numpy.integer)) or size < 0 for size in sizes):
            raise OptionError(
                f"Input needs a shape of sizes without the batch, as in shape=(28, 28, 1), or None where a size is unknown, "
                f"not {shape}"
            )
        self.shape: PartialShape = tuple(None if size is None else int(size) for size in shape)
        self.dtype = dtypes.as_dtype(dtype or DEFAULT_FLOAT)
        self.batch_shape = (batch_size, *self.shape)
        self.built = True

    def make(self) -> KerasTensor:
        """The symbol of the data."""
        shape = (None, *self.shape)
        return LayerCall(self, (), {}).returned(symbol(sized(shape, UNKNOWN), self.dtype, name=self.name), [shape])

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": str(self.dtype),
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbol for the data of a model: layers called on it record their calls, and `Model` makes a model of them.

    shape  of one sample, without the batch; None for a size that is unknown

    >>> x = Input(shape=(784,))
    >>> model = Model(x, Dense(10, activation="softmax")(x))
    """
    if tensor is not None:
        raise OptionError("Input(tensor=...) is not offered: a symbol can be called on, and given to Model, as it is")
    options = {"sparse": sparse, "batch_shape": batch_shape, "optional": optional, "name": name}
    return InputLayer(shape, batch_size, dtype, **options).make()
