"""Arithmetic, losses, convolutions and pooling, under the names of Keras's first versions."""

from __future__ import annotations

from typing import Any

from ... import functional as tg
from ...errors import OptionError, ShapeError
from ...tensor import Tensor
from .. import ops
from ..config import epsilon
from ..layers.channels import checked_format


def pow(x: Any, a: Any) -> Tensor:
    """y = xᵃ."""
    return ops.power(x, a)


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """y = max_value if x ≥ max_value, x if x > threshold, else alpha · (x - threshold)."""
    x = ops.convert_to_tensor(x)
    y = ops.where(x > threshold, x, (x - threshold) * alpha)
    return y if max_value is None else ops.minimum(y, max_value)


def dot(x: Any, y: Any) -> Tensor:
    """Σ over the last axis of x and the last but one of y."""
    return ops.dot(x, y)


def batch_dot(x: Any, y: Any, axes: Any = None) -> Tensor:
    """Σ over an axis of x and one of y (by default the last, and the last but one) for each sample."""
    x, y = (ops.convert_to_tensor(one) for one in (x, y))
    if axes is None:
        axes = (x.ndim - 1, 1 if y.ndim == 2 else y.ndim - 2)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % x.ndim, second % y.ndim
    if not first or not second or x.shape[first] != y.shape[second]:
        raise ShapeError(f"batch_dot sums over axes={axes} of one size, and not the batch: {x.shape} and {y.shape}")
    letters = "abcdefghijklmnopqrstuvw"
    left, right = list("z" + letters[: x.ndim - 1]), list("z" + letters[x.ndim - 1 : x.ndim + y.ndim - 2])
    left[first] = right[second] = "y"
    output = [letter for letter in left + right[1:] if letter != "y"]
    made = tg.einsum(f"{''.join(left)},{''.join(right)}->{''.join(output)}", x, y)
    return made.expand_dims(1) if made.ndim == 1 else made


def l2_normalize(x: Any, axis: Any = None) -> Tensor:
    """x divided by its length along an axis."""
    x = ops.convert_to_tensor(x)
    total = ops.sum(ops.square(x), axis, True)
    return x / ops.sqrt(ops.maximum(total, epsilon()))


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Tensor:
    """x with a number for each channel added."""
    x, bias = ops.convert_to_tensor(x), ops.convert_to_tensor(bias)
    if checked_format(data_format) == "channels_first" and bias.ndim == 1:
        bias = bias.reshape((-1,) + (1,) * (x.ndim - 2))
    return x + bias


def batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3
) -> Tensor:
    """y = (x - mean) / √(var + ε) · gamma + beta."""
    return ops.batch_normalization(x, mean, var, axis, beta, gamma, epsilon)


def in_top_k(predictions: Any, targets: Any, k: int) -> Tensor:
    """Whether the target is among the k largest of its row."""
    return ops.in_top_k(targets, predictions, k)


def conv(
    x: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """The convolution of sequences, images or volumes."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


conv1d = conv2d = conv3d = conv


def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Tensor:
    """Each channel convolved for itself."""
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)


def separable_conv2d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Tensor:
    """`depthwise_conv2d`, then a kernel of one pixel."""
    kernels = depthwise_kernel, pointwise_kernel
    return ops.separable_conv(x, *kernels, strides, padding, data_format, dilation_rate)


def pool(
    x: Any,
    pool_size: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """The largest number, or the mean ("avg"), of each window of images or volumes."""
    pools = {"max": ops.max_pool, "avg": ops.average_pool}
    if pool_mode not in pools:
        raise OptionError(f"pool_mode={pool_mode!r} is not 'max' or 'avg'")
    return pools[pool_mode](x, pool_size, strides, padding, data_format)


pool2d = pool3d = pool
