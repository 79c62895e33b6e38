"""Convolutions: of floats, of integers, of quantised numbers, transposed and deformable.

Read before: `placing.py`.
"""

from __future__ import annotations

import math

import numpy

from ...functional.convolution import convolution, convolution_transpose, from_columns, padded
from ...nn.functional.sampling import sample_places
from ...tensor import Tensor
from ..table import Numbers, operator
from .placing import layout, shared


@operator("Conv", versions=(1, 11, 22))
def conv(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """y[n, o, p] = b[o] + Σ w[o, c, k] · x[n, c, p·stride + k·dilation]."""
    at = layout(x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
    return convolution(x, w, b, at.strides, at.pairs, at.dilations, group)


@operator("ConvTranspose", versions=(1, 11, 22))
def conv_transpose(
    x: Tensor,
    w: Tensor,
    b: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    output_padding: list[int] | None = None,
    output_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """The transpose of `Conv`: each pixel adds a weighted kernel. `pads` are cut off, `output_padding` is added at the end."""
    space, dims = x.shape[2:], x.ndim - 2
    at = layout(space, w.shape[2:], strides, dilations, pads, auto_pad if auto_pad == "VALID" else "NOTSET")
    more = output_padding or [0] * dims
    wanted = output_shape[-dims:] if output_shape else None
    if wanted is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(space, at.strides, strict=True)]
    y = convolution_transpose(x, w, None, at.strides, 0, 0, at.dilations, group)
    for axis in range(dims):
        before, after = at.pairs[axis]
        if wanted is not None:
            total = y.shape[2 + axis] + more[axis] - wanted[axis]
            before, after = (
                shared(total, "SAME_LOWER" if auto_pad != "SAME_UPPER" else auto_pad) if total > 0 else (0, total)
            )
        y = _cut(y, 2 + axis, before, after - more[axis])
    return y if b is None else y + b.reshape((-1,) + (1,) * dims)


def _cut(y: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Without so many elements at both ends of an axis; a negative number adds zeros there."""
    y = padded(y, [(max(0, -before), max(0, -after)), *[(0, 0)] * (y.ndim - 1 - axis)])
    first, last = max(0, before), y.shape[axis] - max(0, after)
    return y if (first, last) == (0, y.shape[axis]) else y[(*(slice(None),) * axis, slice(first, last))]


@operator("ConvInteger", versions=(10,))
def conv_integer(
    x: Tensor,
    w: Tensor,
    x_zero_point: Tensor | None = None,
    w_zero_point: Tensor | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """The convolution of integers, from each of which the number that stands for 0 is taken."""
    x, w = x.astype("int32"), w.astype("int32")
    if x_zero_point is not None:
        x = x - x_zero_point.astype("int32")
    if w_zero_point is not None:
        w = w - w_zero_point.astype("int32").reshape((-1,) + (1,) * (w.ndim - 1))
    at = layout(x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
    return convolution(x, w, None, at.strides, at.pairs, at.dilations, group).astype("int32")


@operator("DeformConv", versions=(19, 22))
def deform_conv(
    x: Tensor,
    w: Tensor,
    offset: Tensor,
    b: Tensor | None = None,
    mask: Tensor | None = None,
    *,
    dilations: list[int] | None = None,
    group: int = 1,
    kernel_shape: list[int] | None = None,
    offset_group: int = 1,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """A convolution of images whose windows look beside their places: `offset` says how far, for each of their elements.

    Between pixels they are mixed as by `GridSample`. Source: X. Zhu et al., "Deformable ConvNets v2" (2019).
    """
    batch, channels, *space = x.shape
    kernel = w.shape[2:]
    at = layout(space, kernel, strides, dilations, pads)
    out, taps = offset.shape[2:], math.prod(kernel)
    steps = numpy.meshgrid(*(numpy.arange(k) * d for k, d in zip(kernel, at.dilations, strict=True)), indexing="ij")
    starts = [numpy.arange(o) * s - pair[0] for o, s, pair in zip(out, at.strides, at.pairs, strict=True)]
    offset = offset.reshape((batch * offset_group, taps, 2, *out))
    places = []
    for axis, start in enumerate(starts):
        base = steps[axis].reshape(taps, 1, 1) + start.reshape((-1, 1) if axis == 0 else (1, -1))
        places.append((offset[:, :, axis] + offset._like(base)).reshape((batch * offset_group, taps * math.prod(out))))
    images = x.reshape((batch * offset_group, channels // offset_group, *space))
    seen = sample_places(images, places, "bilinear", "zeros", True)
    seen = seen.reshape((batch, offset_group, channels // offset_group, taps, math.prod(out)))
    if mask is not None:
        seen = seen * mask.reshape((batch, offset_group, 1, taps, math.prod(out)))
    each = channels // group * taps
    y = w.reshape((group, w.shape[0] // group, each)) @ seen.reshape((batch, group, each, math.prod(out)))
    y = y.reshape((batch, w.shape[0], *out))
    return y if b is None else y + b.reshape((-1, 1, 1))


@operator("Col2Im", versions=(18,))
def col2im(
    x: Tensor,
    image_shape: Numbers,
    block_shape: Numbers,
    *,
    dilations: list[int] | None = None,
    pads: list[int] | None = None,
    strides: list[int] | None = None,
) -> Tensor:
    """Columns of windows added up to the image that they are of: the transpose of cutting it into windows."""
    kernel = tuple(map(int, block_shape))
    image = [int(n) for n in image_shape]
    at = layout(image, kernel, strides, dilations, pads)
    full = [n + sum(pair) for n, pair in zip(image, at.pairs, strict=True)]
    places = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(full, kernel, at.strides, at.dilations, strict=True)]
    channels = x.shape[1] // math.prod(kernel)
    laid = x.reshape((x.shape[0], channels, *kernel, *places))
    covered = [
        (p - 1) * s + d * (k - 1) + 1 for p, s, d, k in zip(places, at.strides, at.dilations, kernel, strict=True)
    ]
    y = from_columns(laid, (x.shape[0], channels, *covered), kernel, at.strides, at.dilations)
    for axis, ((before, after), n, seen) in enumerate(zip(at.pairs, full, covered, strict=True), start=2):
        y = _cut(y, axis, before, after - (n - seen))
    return y
