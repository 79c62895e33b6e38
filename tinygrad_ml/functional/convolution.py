"""Convolution in any number of dimensions, composed of windows and products. `pooling.py` has what else windows are for.

Shapes: x is (batch, channels, *space), as in PyTorch. With a window laid out as a column, a
convolution is one matrix product, y = W · columns, and its two gradients are two others; the
gradient's way back from columns to image is `fold`, the transpose of `windows`. Convolutions of some size are computed as a
whole where llvmlite is installed (`../kernels/convolution.py`), and lay no windows out.
"""

import builtins
import math
from collections.abc import Sequence
from typing import Any

from ..errors import OptionError, ShapeError
from ..kernels import convolution as kernels
from ..state import modes, part_of
from ..tensor import Tensor, TensorLike, apply, as_tensor
from ..typing import Padding, PerAxis, Shape
from . import windows as primitives
from .manipulation import pad, permute_dims
from .whole import as_a_whole


def per_axis(value: PerAxis, dims: int, what: str) -> tuple[int, ...]:
    """A number for all spatial axes, or one for each, as a tuple. All are positive, but paddings may be 0."""
    values: tuple[Any, ...] = tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims
    least = 0 if what.endswith("padding") else 1
    if len(values) != dims or not all(isinstance(v, int) and v >= least for v in values):
        raise OptionError(f"{what} must be an integer or {dims} integers, of {least} or more, not {value!r}")
    return values


def padding_pairs(
    padding: Padding, kernel: tuple[int, ...], dilation: tuple[int, ...], stride: tuple[int, ...]
) -> list[tuple[int, int]]:
    """`padding` as (before, after) for each spatial axis.

    A number; a number for each axis; a pair for each axis; "valid" (none) or "same" (as many
    positions as pixels, for stride 1; the odd one is added at the end).
    """
    dims = len(kernel)
    if padding == "valid":
        return [(0, 0)] * dims
    if padding == "same":
        if any(s != 1 for s in stride):
            raise OptionError(f"padding='same' needs stride 1, not {stride}")
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [(t // 2, t - t // 2) for t in total]
    given: Any = padding
    if isinstance(given, (tuple, list)) and all(isinstance(p, (tuple, list)) for p in given):
        pairs = [tuple(p) for p in given]
        if len(pairs) == dims and all(isinstance(p, int) and p >= 0 for pair in pairs for p in pair):
            return pairs
    elif not isinstance(given, str):
        return [(p, p) for p in per_axis(given, dims, "padding")]
    raise OptionError(f"padding must be 'same', 'valid', or {dims} numbers or pairs of 0 or more, not {padding!r}")


def padded(x: Tensor, pairs: Sequence[tuple[int, int]], value: float = 0) -> Tensor:
    """x with (before, after) elements of one value around its last axes."""
    if all(pair == (0, 0) for pair in pairs):
        return x
    return pad(x, [(0, 0)] * (x.ndim - len(pairs)) + list(pairs), constant_values=value)


def columns(x: Tensor, kernel: Shape, stride: Shape, dilation: Shape) -> tuple[Tensor, tuple[int, ...]]:
    """x as (batch, channels, *kernel, *positions): for each place in the kernel the image that it sees."""
    dims = len(kernel)
    windows = apply(primitives.windows, (x,), {"kernel": kernel, "stride": stride, "dilation": dilation})
    positions = windows.shape[2 : 2 + dims]
    order = (0, 1, *range(2 + dims, 2 + 2 * dims), *range(2, 2 + dims))
    return permute_dims(windows, order), positions


def from_columns(laid: Tensor, shape: tuple[int, ...], kernel: Shape, stride: Shape, dilation: Shape) -> Tensor:
    """Columns (batch, channels, *kernel, *positions) added up to images of `shape`: the transpose of `columns`."""
    dims = len(kernel)
    order = (0, 1, *range(2 + dims, 2 + 2 * dims), *range(2, 2 + dims))
    options = {"shape": shape, "kernel": kernel, "stride": stride, "dilation": dilation}
    return apply(primitives.fold, (permute_dims(laid, order),), options)


def convolution(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """y[n, o, p] = bias[o] + Σ over c, k of weight[o, c, k] · x[n, c, p·stride + k·dilation].

    x       (batch, channels, *space)
    weight  (out_channels, channels / groups, *kernel); what is called convolution here is, as in
            all such libraries, cross-correlation: the kernel is not flipped
    bias    (out_channels,)
    Returns (batch, out_channels, *positions), ⌊(n + padding - dilation·(k - 1) - 1) / stride⌋ + 1
    positions along an axis of size n.

    Raises `ShapeError` for channels that do not fit, or a kernel larger than the padded input.
    """
    x, weight = as_tensor(x), as_tensor(weight)
    dims = weight.ndim - 2
    if dims < 1 or x.ndim != dims + 2:
        raise ShapeError(
            f"convolution needs x (batch, channels, *space) and weight (out, in, *kernel), not shapes {x.shape} and {weight.shape}"
        )
    channels, out, kernel = x.shape[1], weight.shape[0], weight.shape[2:]
    if groups < 1 or channels % groups or out % groups or weight.shape[1] * groups != channels:
        last = groups > 0 and x.shape[-1] == weight.shape[1] * groups
        order = (0, dims + 1, *range(1, dims + 1))
        raise ShapeError(
            f"convolution{part_of(modes.scope)} of {channels} channels (x is {x._described()}) with weight of shape "
            f"{weight.shape} in {groups} group(s): the weight's second axis must be {channels} / {groups}, and its first "
            f"divisible by {groups}"
            + (f". If the channels of x are its last axis: x.permute_dims({order}) has them second" if last else "")
        )
    stride, dilation = per_axis(stride, dims, "stride"), per_axis(dilation, dims, "dilation")
    options = {
        "stride": stride,
        "pairs": tuple(padding_pairs(padding, kernel, dilation, stride)),
        "dilation": dilation,
        "groups": groups,
    }
    if bias is None:
        return _convolved(x, weight, **options)
    return _convolved_with_bias(x, weight, _checked_bias(bias, out), **options)


@as_a_whole(kernels.convolution, kernels.convolution_gradient, left=("around",), worth=kernels.worth)
def _convolved(
    x: Tensor, weight: Tensor, *, stride: Shape, pairs: tuple[tuple[int, int], ...], dilation: Shape, groups: int
) -> Tensor:
    out, kernel = weight.shape[0], weight.shape[2:]
    x = padded(x, pairs)
    laid, positions = columns(x, kernel, stride, dilation)
    depth = weight.shape[1] * math.prod(kernel)
    if groups == 1:
        y = weight.reshape(out, depth) @ laid.reshape((x.shape[0], depth, math.prod(positions)))
    else:
        y = weight.reshape(groups, out // groups, depth) @ laid.reshape(
            (x.shape[0], groups, depth, math.prod(positions))
        )
    return y.reshape((x.shape[0], out, *positions))


@as_a_whole(kernels.convolution, kernels.convolution_gradient, left=("around",), worth=kernels.worth)
def _convolved_with_bias(x: Tensor, weight: Tensor, bias: Tensor, **options: Any) -> Tensor:
    return _with_bias(_convolved(x, weight, **options), bias)


def convolution_transpose(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    """The transpose of `convolution`: each input pixel adds a weighted kernel to the output.

    x (batch, channels, *space), weight (channels, out_channels / groups, *kernel). An axis of size
    n becomes (n - 1)·stride - 2·padding + dilation·(k - 1) + output_padding + 1.

    Raises `OptionError` for an output_padding that is smaller neither than the stride nor than the dilation.
    """
    x, weight = as_tensor(x), as_tensor(weight)
    dims = weight.ndim - 2
    if dims < 1 or x.ndim != dims + 2 or x.shape[1] != weight.shape[0] or x.shape[1] % groups:
        raise ShapeError(
            f"convolution_transpose needs x (batch, channels, *space) and weight (channels, out / groups, *kernel), not shapes {x.shape} and {weight.shape} with {groups} group(s)"
        )
    batch, channels, space = x.shape[0], x.shape[1], x.shape[2:]
    out, kernel = weight.shape[1], weight.shape[2:]
    stride, dilation = per_axis(stride, dims, "stride"), per_axis(dilation, dims, "dilation")
    extra = per_axis(output_padding, dims, "output_padding")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise OptionError(
            f"convolution_transpose: output_padding {extra} must be smaller than the stride {stride} or the dilation {dilation}"
        )
    pairs = padding_pairs(padding, kernel, dilation, stride)
    w = weight.reshape((groups, channels // groups, out * math.prod(kernel))).mT
    laid = (w @ x.reshape((batch, groups, channels // groups, math.prod(space)))).reshape(
        (batch, groups * out, *kernel, *space)
    )
    full = tuple(
        (n - 1) * s + d * (k - 1) + 1 + e for n, s, d, k, e in zip(space, stride, dilation, kernel, extra, strict=True)
    )
    # A whole stride behind the last window would be another one, which no pixel has made.
    behind = tuple(builtins.max(0, e - (s - 1)) for e, s in zip(extra, stride, strict=True))
    covered = tuple(n - more for n, more in zip(full, behind, strict=True))
    y = from_columns(laid, (batch, groups * out, *covered), kernel, stride, dilation)
    y = padded(y, [(0, more) for more in behind])
    y = y[(..., *(builtins.slice(before, n - after) for n, (before, after) in zip(full, pairs, strict=True)))]
    return y if bias is None else _with_bias(y, _checked_bias(bias, y.shape[1]))


def _checked_bias(bias: TensorLike, channels: int) -> Tensor:
    bias = as_tensor(bias)
    if bias.shape != (channels,):
        raise ShapeError(
            f"convolution: the bias, {bias._described()}, needs a number for each of {channels} output channels"
        )
    return bias


def _with_bias(y: Tensor, bias: Tensor) -> Tensor:
    return y + bias.reshape((-1,) + (1,) * (y.ndim - 2))
