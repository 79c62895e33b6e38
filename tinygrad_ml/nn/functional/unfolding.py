"""Windows of images as columns, and columns added up to images: what convolutions are made of, for programs of your own."""

import math

from ...errors import ShapeError
from ...functional.composed import composed
from ...functional.convolution import columns, from_columns, per_axis
from ...tensor import Tensor, TensorLike, as_tensor
from ...typing import PerAxis
from .convolution import batched
from .padding import pad


@composed
def unfold(
    input: TensorLike, kernel_size: PerAxis, dilation: PerAxis = 1, padding: PerAxis = 0, stride: PerAxis = 1
) -> Tensor:
    """The windows of images as columns: (batch, channels, height, width) becomes (batch, channels · kernel, positions).

    padding  a number of zeros on both sides. It, kernel_size, dilation and stride are a number, or one for each axis
    """
    kernel, stride, dilation, (high, wide) = _options(kernel_size, stride, dilation, padding)

    def unfold_batch(x: Tensor) -> Tensor:
        laid, positions = columns(pad(x, (wide, wide, high, high)), kernel, stride, dilation)
        return laid.reshape((x.shape[0], x.shape[1] * math.prod(kernel), math.prod(positions)))

    return batched(unfold_batch, input, 2, "unfold")


@composed
def fold(
    input: TensorLike,
    output_size: PerAxis,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: PerAxis = 0,
    stride: PerAxis = 1,
) -> Tensor:
    """Columns added up to images of `output_size`, each where its window was: the transpose of `unfold`.

    input  (batch, channels · kernel, positions), or without the batch. Returns (batch, channels, *output_size).
    Raises `ShapeError` for another number of rows or columns.
    """
    kernel, stride, dilation, padding = _options(kernel_size, stride, dilation, padding)
    size = per_axis(output_size, 2, "output_size")
    input = as_tensor(input)
    if input.ndim == 2:
        return fold(input.expand_dims(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    whole = tuple(n + 2 * p for n, p in zip(size, padding, strict=True))
    positions = tuple(
        (n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(whole, kernel, stride, dilation, strict=True)
    )
    places = math.prod(kernel)
    if input.ndim != 3 or min(positions) < 1 or input.shape[1] % places or input.shape[2] != math.prod(positions):
        raise ShapeError(
            f"fold to {size} with kernel {kernel} needs an input (batch, channels · {places}, {max(math.prod(positions), 0)}), "
            f"for {positions} windows, but got {input._described()}"
        )
    shape = (input.shape[0], input.shape[1] // places)
    laid = input.reshape((*shape, *kernel, *positions))
    (high, wide) = padding
    return pad(from_columns(laid, (*shape, *whole), kernel, stride, dilation), (-wide, -wide, -high, -high))


def _options(kernel_size, stride, dilation, padding) -> tuple[tuple[int, ...], ...]:
    return (
        per_axis(kernel_size, 2, "kernel_size"),
        per_axis(stride, 2, "stride"),
        per_axis(dilation, 2, "dilation"),
        per_axis(padding, 2, "padding"),
    )
