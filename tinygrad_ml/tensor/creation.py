"""Tensors of what comes from outside: numbers, lists, arrays. Read before: `base.py`. `functional/creation.py` has `tensor`."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import DTypeLike

from .. import writes
from ..backend import Device, as_array, dtypes, get
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
