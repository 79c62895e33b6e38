"""Numbers, lists and arrays as tensors: alone, and beside another tensor. `functional/creation.py` has `tensor`.

Read before: `base.py`.
"""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import DTypeLike

from .. import writes
from ..backend import Device, as_array, dtypes, get
from ..errors import DTypeError
from .base import Tensor, TensorLike


def as_tensor(data: TensorLike, dtype: DTypeLike | None = None, device: str | Device | None = None) -> Tensor:
    """`data` as a tensor, sharing memory and graph where it can: what every function does to its arguments."""
    if isinstance(data, Tensor):
        if dtype is not None and data.dtype != dtypes.as_dtype(dtype):
            data = data.astype(dtype)
        return data if device is None else data.to(device)
    x = Tensor(as_array(data, dtype, device))
    if not isinstance(data, (int, float, list, tuple)):
        writes.borrow(x._data)
    return x


def beside(data: TensorLike, tensor: Tensor) -> Tensor:
    """`data` as a tensor on the device of another: Python's floats take its dtype, if that is floating, and with it
    all digits that it holds; arrays keep their own."""
    if isinstance(data, Tensor):
        return data
    python = isinstance(data, (float, list, tuple)) and not isinstance(data, dtypes.NUMPY_SCALAR)
    if python and dtypes.is_float(tensor.dtype) and numpy.asarray(data).dtype.kind == "f":
        return as_tensor(data, tensor.dtype, tensor.device)
    return as_tensor(data, None, tensor.device)


def filled(shape: tuple[int, ...], value: Any, dtype: numpy.dtype, device: Device) -> Tensor:
    """A new tensor with `value` everywhere."""
    return Tensor(get(device).filled(shape, value, dtype, device.index))


constants: dict[tuple, Tensor] = {}
"""The numbers of formulas, which recur: (type, number, dtype of the tensor beside it) -> tensor."""


def operand(other: TensorLike, x: Tensor) -> Tensor | None:
    """`other` as a tensor to compute with beside x, as symbols have it; None for what is no number and no array.

    Numbers, NumPy's scalars and 0-d arrays among them, take the dtype of x and have no device; lists take both;
    arrays keep their dtype and are on theirs.
    """
    kind = type(other)
    if kind is int or (kind is float and other):  # not 0.0, because that equals -0.0
        key = kind, other, x._data.dtype
        constant = constants.get(key)
        if constant is None:
            if len(constants) > 1000:
                constants.clear()
            constant = constants[key] = _number(other, x)
        return constant
    if isinstance(other, Tensor):
        return other
    if isinstance(other, (int, float, complex)):
        return _number(other, x)
    if isinstance(other, dtypes.NUMPY_SCALAR) or (isinstance(other, numpy.ndarray) and not other.ndim):
        return _number(other.item(), x)
    if isinstance(other, (list, tuple)):
        return beside(other, x)
    if hasattr(other, "__array__") or hasattr(other, "__cuda_array_interface__"):
        return as_tensor(other)
    return None


def _number(number: Any, x: Tensor) -> Tensor:
    try:
        return Tensor(dtypes.number_dtype(number, x._data.dtype).type(number))
    except OverflowError as error:
        raise DTypeError(f"{number} beside {x._described()}: {error}") from None
    except TypeError:
        raise DTypeError(f"{number!r} is not a real number; complex numbers are out of scope") from None


def comparable(other: TensorLike, x: Tensor) -> TensorLike:
    """`other`, or if it is an integer that a tensor of integers could not hold, a tensor that does: no byte is -1, and
    that is an answer."""
    if isinstance(other, dtypes.INTEGER_TYPES) and x._data.dtype.kind in "iu":
        limits = numpy.iinfo(x._data.dtype)
        if not limits.min <= other <= limits.max:
            return Tensor(numpy.float64(other) if abs(int(other)) >= 1 << 63 else numpy.int64(other))
    return other
