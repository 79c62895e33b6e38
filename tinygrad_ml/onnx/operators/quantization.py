"""Quantised numbers: integers that stand for multiples of a scale, and products of them.

Read before: `products.py`, `convolutions.py`, `casting.py`.
"""

from __future__ import annotations

from typing import Any

import numpy

from ... import functional as tg
from ...errors import ShapeError
from ...functional.axes import one_axis
from ...tensor import Tensor, as_tensor
from ..table import operator
from .casting import converted, element_type
from .convolutions import conv_integer

UINT8 = numpy.dtype("uint8")
NARROW_RANGES = {"uint2": (0, 3), "int2": (-2, 1), "uint4": (0, 15), "int4": (-8, 7)}
"""The smallest and the largest of the integers that NumPy does not have."""


@operator("QuantizeLinear", versions=(10, 13, 19, 21, 23, 24, 25, 28))
def quantize_linear(
    x: Tensor,
    y_scale: Tensor,
    y_zero_point: Any = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Any:
    """x / scale, rounded to the nearest (even) integer, + the number that stands for 0, as far as the dtype goes.

    The dtype is that of `y_zero_point`, or `output_dtype`, or uint8. Numbers of 8 bits and less with a point are rounded to.
    """
    dtype = UINT8 if not output_dtype else element_type(output_dtype)
    dtype = y_zero_point.dtype if y_zero_point is not None else dtype
    zero = None if y_zero_point is None else _beside(_wide(y_zero_point, x), x, axis, block_size)
    if precision:
        x, y_scale = x.astype(element_type(precision)), y_scale.astype(element_type(precision))
    y = x / _beside(y_scale, x, axis, block_size)
    if dtype.name.startswith("float"):
        return converted(y if zero is None else y + zero, dtype, bool(saturate))
    return _rounded_to(y, zero, dtype)


def _rounded_to(y: Tensor, zero: Tensor | None, dtype: numpy.dtype) -> Any:
    """y rounded and moved by the number for 0, limited to an integer dtype."""
    y = tg.round(y)
    y = y if zero is None else y + zero
    low, high = (
        NARROW_RANGES[dtype.name] if dtype.name in NARROW_RANGES else (numpy.iinfo(dtype).min, numpy.iinfo(dtype).max)
    )
    return converted(tg.clip(y, int(low), int(high)), dtype)


@operator("DequantizeLinear", versions=(10, 13, 19, 21, 23, 24, 25, 28))
def dequantize_linear(
    x: Any, x_scale: Tensor, x_zero_point: Any = None, *, axis: int = 1, block_size: int = 0, output_dtype: int = 0
) -> Tensor:
    """(x - the number that stands for 0) · scale."""
    y = _wide(x, x_scale)
    if x_zero_point is not None:
        y = y - _beside(_wide(x_zero_point, x_scale), y, axis, block_size)
    y = y * _beside(x_scale, y, axis, block_size)
    return y.astype(element_type(output_dtype) if output_dtype else x_scale.dtype)


def _wide(x: Any, beside: Tensor) -> Tensor:
    """Quantised numbers, in a tensor or not, as float32 on the device of another tensor."""
    if isinstance(x, Tensor):
        return x.astype("float32")
    return as_tensor(numpy.asarray(x).astype(numpy.float32), device=beside.device)


def _beside(value: Tensor, x: Tensor, axis: int, block_size: int) -> Tensor:
    """One number for all of x, or one for each place along an axis, or for each block along it: so that it broadcasts."""
    if value.size == 1:
        return value.reshape(())
    axis = one_axis(axis, x.ndim)
    if block_size:
        value = tg.repeat(value, block_size, axis=axis)
        return value[(*(slice(None),) * axis, slice(x.shape[axis]))]
    if value.ndim != 1 or value.shape[0] != x.shape[axis]:
        raise ShapeError(
            f"there are {x.shape[axis]} places along axis {axis} of {x._described()}, and not {value.shape}"
        )
    return value.reshape((-1,) + (1,) * (x.ndim - 1 - axis))


@operator("DynamicQuantizeLinear", versions=(11,))
def dynamic_quantize_linear(x: Tensor) -> tuple[Any, ...]:
    """x as uint8, with the scale and the number for 0 that its range needs; 0 is in the range."""
    low, high = tg.clip(x.min(), max=0), tg.clip(x.max(), min=0)
    span = high - low
    scale = (span == 0).where(1, span) / 255
    zero = tg.round(tg.clip(-low / scale, 0, 255))
    return _rounded_to(x / scale, zero, UINT8), scale, zero.astype("uint8")


@operator("MatMulInteger", versions=(10,))
def matmul_integer(
    a: Tensor, b: Tensor, a_zero_point: Tensor | None = None, b_zero_point: Tensor | None = None
) -> Tensor:
    """a · b of integers, from each of which the number that stands for 0 is taken."""
    return tg.matmul(_centred(a, a_zero_point, rows=True), _centred(b, b_zero_point, rows=False))


def _centred(x: Tensor, zero: Tensor | None, rows: bool) -> Tensor:
    """x as int32 without the number for 0, of which there may be one for each row of a, or each column of b."""
    x = x.astype("int32")
    if zero is None:
        return x
    zero = zero.astype("int32")
    return x - (zero.expand_dims(-1) if rows and zero.ndim == 1 and zero.size > 1 else zero)


@operator("QLinearMatMul", versions=(10, 21))
def qlinear_matmul(
    a: Tensor,
    a_scale: Tensor,
    a_zero_point: Tensor,
    b: Tensor,
    b_scale: Tensor,
    b_zero_point: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor,
) -> Any:
    """The product of quantised matrices, quantised."""
    total = matmul_integer(a, b, a_zero_point, b_zero_point)
    if a_scale.ndim == 1 and a_scale.size > 1:
        a_scale = a_scale.expand_dims(-1)
    factor = a_scale.astype("float32") * b_scale.astype("float32") / y_scale.astype("float32")
    return _rounded_to(total * factor, y_zero_point.astype("float32"), y_zero_point.dtype)


@operator("QLinearConv", versions=(10,))
def qlinear_conv(
    x: Tensor,
    x_scale: Tensor,
    x_zero_point: Tensor,
    w: Tensor,
    w_scale: Tensor,
    w_zero_point: Tensor,
    y_scale: Tensor,
    y_zero_point: Tensor,
    b: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Any:
    """The convolution of quantised numbers, quantised. The bias is of int32, in multiples of both scales."""
    options: dict[str, Any] = {
        "auto_pad": auto_pad,
        "dilations": dilations,
        "group": group,
        "pads": pads,
        "strides": strides,
    }
    total = conv_integer(x, w, x_zero_point, w_zero_point, **options)
    along = (-1,) + (1,) * (x.ndim - 2)
    if b is not None:
        total = total + b.reshape(along)
    factor = x_scale * (w_scale.reshape(along) if w_scale.size > 1 else w_scale) / y_scale
    return _rounded_to(total * factor, y_zero_point.astype("float32"), y_zero_point.dtype)
