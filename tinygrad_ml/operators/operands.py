"""What may stand beside a tensor, as a tensor: numbers, NumPy's and CuPy's arrays, lists."""

from __future__ import annotations

from typing import cast

import numpy

from ..backend import dtypes
from ..errors import DTypeError
from ..tensor import Tensor, TensorLike, as_tensor
from ..tensor import beside as tensor_beside

constants: dict[tuple, Tensor] = {}
"""The numbers of formulas, which recur: (type, number, dtype of the tensor beside it) -> tensor."""


def operand(other: TensorLike, beside: Tensor) -> Tensor | None:
    """`other` as a tensor to compute with beside a tensor; None for what is no number and no array.

    Numbers, NumPy's scalars and 0-d arrays among them, take the dtype of the tensor and have no
    device; lists take both; arrays keep their dtype and are on theirs.
    """
    kind = type(other)
    if kind is int or (kind is float and other):  # not 0.0, because that equals -0.0
        key = kind, other, beside._data.dtype
        constant = constants.get(key)
        if constant is None:
            if len(constants) > 1000:
                constants.clear()
            constant = constants[key] = _number(cast(float, other), beside)
        return constant
    if isinstance(other, Tensor):
        return other
    if isinstance(other, (int, float, complex, dtypes.NUMPY_SCALAR)) or (
        isinstance(other, numpy.ndarray) and not other.ndim
    ):
        return _number(other if isinstance(other, (int, float, complex)) else other.item(), beside)
    if isinstance(other, (list, tuple)):
        return tensor_beside(other, beside)
    if hasattr(other, "__array__") or hasattr(other, "__cuda_array_interface__"):
        return as_tensor(other)
    return None


def _number(number: complex, beside: Tensor) -> Tensor:
    try:
        return Tensor(dtypes.number_dtype(number, beside._data.dtype).type(number))
    except OverflowError as error:
        raise DTypeError(f"{number} beside {beside._described()}: {error}") from None
    except TypeError:
        raise DTypeError(f"{number!r} is not a real number; complex numbers are out of scope") from None


def comparable(other: TensorLike, beside: Tensor) -> TensorLike:
    """`other`, or if it is an integer that a tensor of integers could not hold, a tensor that does: no byte is -1, and
    that is an answer."""
    if isinstance(other, dtypes.INTEGER_TYPES) and beside._data.dtype.kind in "iu":
        limits = numpy.iinfo(beside._data.dtype)
        if not limits.min <= other <= limits.max:
            return Tensor(numpy.float64(other) if abs(int(other)) >= 1 << 63 else numpy.int64(other))
    return other
