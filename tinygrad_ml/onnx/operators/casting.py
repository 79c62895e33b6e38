"""Operators that change what numbers are made of. What no tensor holds, as bfloat16, numbers of 8 or 4 bits, or strings,
is a NumPy array: known numbers can become that, and come back.

Read next: `creation.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from ...backend import dtypes
from ...errors import DTypeError
from ...tensor import Tensor, as_tensor
from ..stored import dtype_of
from ..table import operator


def element_type(number: int) -> numpy.dtype:
    """The dtype that a number of ONNX's means: 1 is float32. That of strings is object."""
    dtype = dtype_of(number)
    if dtype is None:
        raise DTypeError("0 is the number of no data type of ONNX's")
    return dtype


@operator("Cast", (6, 9, 13, 19, 21, 23, 24, 25, 28))
def cast(x: Any, *, to: int, saturate: int = 1, round_mode: str = "up") -> Any:
    return converted(x, element_type(to), bool(saturate), round_mode)


@operator("Cast", (1,))
def cast_by_name(x: Any, *, to: str) -> Any:
    from onnx import TensorProto

    return converted(x, element_type(TensorProto.DataType.Value(to)))


@operator("CastLike", (15, 19, 21, 23, 24, 25))
def cast_like(x: Any, like: Any, *, saturate: int = 1, round_mode: str = "up") -> Any:
    return converted(x, like.dtype, bool(saturate), round_mode)


@operator("BitCast", (26,))
def bit_cast(x: Any, *, to: int) -> Any:
    """The same bits, read as those of another dtype. There is no gradient."""
    made = _numbers(x, element_type(to)).view(element_type(to))
    return as_tensor(made, device=x.device) if isinstance(x, Tensor) and made.dtype in dtypes.SUPPORTED else made


def converted(x: Any, dtype: numpy.dtype, saturate: bool = True, round_mode: str = "up") -> Any:
    """A tensor, or an array, in another dtype.

    saturate    whether what is larger than the largest number of 8 bits becomes that, and not infinity or nan
    round_mode  of float8_e8m0fnu, powers of two: "up", "down" or "nearest"
    """
    if isinstance(x, Tensor) and dtype in dtypes.SUPPORTED:
        return x.astype(dtype)
    x = _numbers(x, dtype)
    if dtype.kind == "O":
        return _written(x)
    if x.dtype.kind == "O":
        return numpy.asarray([float(text) for text in x.flat]).reshape(x.shape).astype(dtype)
    if dtype.name == "float8_e8m0fnu":
        return _power_of_two(x.astype(numpy.float32), dtype, saturate, round_mode)
    if dtype.name.startswith("float") and dtype not in dtypes.SUPPORTED:
        return _narrow(x.astype(numpy.float32), dtype, saturate)
    return x.astype(dtype)


def _numbers(x: Any, dtype: numpy.dtype) -> numpy.ndarray:
    """What becomes an array of `dtype`, by looking at each number."""
    if not isinstance(x, Tensor):
        return numpy.asarray(x)
    if x.symbolic:
        raise DTypeError(
            f"a cast to {dtype} looks at numbers, and {x._described()} is symbolic: call the model with numbers"
        )
    return x.detach().numpy()


def _written(x: numpy.ndarray) -> numpy.ndarray:
    """Numbers as texts, with as many digits as tell them apart."""
    texts = [str(number) for number in x.flat]
    return numpy.array(texts, object).reshape(x.shape)


def _narrow(x: numpy.ndarray, dtype: numpy.dtype, saturate: bool) -> numpy.ndarray:
    """Numbers of 8 or 4 bits."""
    import ml_dtypes

    largest = float(ml_dtypes.finfo(dtype).max)
    return numpy.clip(x, -largest, largest).astype(dtype) if saturate else x.astype(dtype)


def _power_of_two(x: numpy.ndarray, dtype: numpy.dtype, saturate: bool, round_mode: str) -> numpy.ndarray:
    """float8_e8m0fnu: the exponents of float32 alone, from 2⁻¹²⁷ to 2¹²⁷, and nan, which has the last pattern of bits."""
    fraction, exponent = numpy.frexp(x)
    exponent = exponent.astype(numpy.int32) - 1
    up = {"up": fraction > 0.5, "nearest": fraction >= 0.75, "down": fraction < 0}[round_mode]
    exponent = exponent + up
    beyond = numpy.isinf(x) | (exponent > 127)
    below = (x == 0) | (exponent < -127)
    bits = numpy.clip(exponent, -127, 127) + 127
    bits = numpy.where(beyond, 254 if saturate else 255, numpy.where(below, 0 if saturate else 255, bits))
    return numpy.where(numpy.isnan(x), 255, bits).astype(numpy.uint8).view(dtype)
