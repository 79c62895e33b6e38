"""Pooling in any number of dimensions, composed of windows and reductions.

Shapes: x is (batch, channels, *space), as in PyTorch.
"""

import builtins
import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy

from ..errors import OptionError, RangeError, ShapeError
from ..kernels import pooling as kernels
from ..tensor import Tensor, TensorLike, as_tensor
from ..typing import Cells, Padding, PerAxis, Shape
from .convolution import columns, padded, padding_pairs, per_axis
from .creation import zeros_like
from .elementwise import maximum
from .indexing import look, take_along_axis
from .manipulation import broadcast_to, permute_dims, stack
from .reductions import argmax, mean, rounded, widened
from .reductions import max as max_
from .scattering import scatter_add
from .whole import as_a_whole
from .windows import positions


class _Windows(NamedTuple):
    """Where windows lie: along each spatial axis its size, the window's size, step and dilation, and the padding."""

    space: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pairs: list[tuple[int, int]]


def _windows(x: Tensor, kernel, stride, padding, dilation, ceil_mode: bool) -> _Windows:
    dims = x.ndim - 2
    _check_pixels(x)
    kernel = per_axis(kernel, dims, "kernel_size")
    stride = kernel if stride is None else per_axis(stride, dims, "stride")
    dilation = per_axis(dilation, dims, "dilation")
    pairs = padding_pairs(padding, kernel, dilation, stride)
    if any(before > k // 2 for (before, _), k in zip(pairs, kernel, strict=True)):
        raise OptionError(
            f"pooling: padding {padding} is more than half of the kernel {kernel}, so windows could lie outside of the input"
        )
    if ceil_mode:
        pairs = [
            _ceil_padding(n, k, s, d, pair)
            for n, k, s, d, pair in zip(x.shape[2:], kernel, stride, dilation, pairs, strict=True)
        ]
    space = tuple([n + sum(pair) for n, pair in zip(x.shape[2:], pairs, strict=True)])
    positions(space, kernel, stride, dilation)  # an error, if a window is larger than that
    return _Windows(x.shape[2:], kernel, stride, dilation, pairs)


def _check_pixels(x: Tensor) -> None:
    """`ShapeError` for images without pixels, of which a window would see padding alone; there may be no images."""
    if 0 in x.shape[2:]:
        raise ShapeError(f"pooling needs an input with elements in space (axes 2 on), but got {x._described()}")


def _ceil_padding(n: int, k: int, s: int, d: int, pair: tuple[int, int]) -> tuple[int, int]:
    """More padding behind, so that a last, partial window counts too; it must begin inside."""
    before, after = pair
    span = n + before + after - d * (k - 1) - 1
    windows = -(-span // s) + 1
    if (windows - 1) * s >= n + before:
        windows -= 1
    return before, after + builtins.max(0, (windows - 1) * s - span)


def _places(x: Tensor, at: _Windows, outside: float) -> Tensor:
    """What each window sees, laid along axis 0: (places of the window, batch, channels, *positions)."""
    dims = len(at.kernel)
    laid, positions = columns(padded(x, at.pairs, outside), at.kernel, at.stride, at.dilation)
    places = permute_dims(laid, (*range(2, 2 + dims), 0, 1, *range(2 + dims, 2 + 2 * dims)))
    return places.reshape((math.prod(at.kernel), *x.shape[:2], *positions))


def max_pool(
    x: TensorLike,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """The largest element of each window; padding counts as -∞. Ties share the gradient.

    return_indices  whether to return, beside them, where they are: the number (int64) of the first largest element of
                    each window in the flattened space
    """
    x = as_tensor(x)
    at = _windows(x, kernel, stride, padding, dilation, ceil_mode)
    if not return_indices:
        return _max_pool(x, kernel=at.kernel, stride=at.stride, dilation=at.dilation, pairs=tuple(at.pairs))
    places = _places(x, at, -math.inf)
    return max_(places, axis=0), _number(argmax(places, 0), at)


@as_a_whole(kernels.max_pool, kernels.max_pool_gradient, left=("around",))
def _max_pool(
    x: Tensor, *, kernel: Shape, stride: Shape, dilation: Shape, pairs: tuple[tuple[int, int], ...]
) -> Tensor:
    return max_(_places(x, _Windows(x.shape[2:], kernel, stride, dilation, list(pairs)), -math.inf), axis=0)


def _number(place: Tensor, at: _Windows) -> Tensor:
    """A place in each window, as the number of an element of the flattened space."""
    parts, step = [], 1
    for axis in reversed(range(len(at.space))):
        n, k, s, d, (before, _) = at.space[axis], at.kernel[axis], at.stride[axis], at.dilation[axis], at.pairs[axis]
        along = (-1,) + (1,) * (len(at.space) - 1 - axis)
        start = (numpy.arange(place.shape[2 + axis]) * s - before).reshape(along)
        first = numpy.maximum(-(start // d), 0)  # in front of it is padding, which is never meant
        parts.append((maximum(place % k, first) * d + start) * step)
        place, step = place // k, step * n
    return functools.reduce(operator.add, parts)


def max_unpool(
    x: TensorLike,
    indices: TensorLike,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The largest elements of windows put back where they were, among zeros: what `max_pool` with indices came from.

    output_size  the space of the result; by default (n - 1)·stride - 2·padding + kernel
    A place that is named several times gets the mean of what is put there.
    """
    x, indices = as_tensor(x), as_tensor(indices)
    dims = x.ndim - 2
    if indices.shape != x.shape:
        raise ShapeError(
            f"max_unpool needs an index for each element, but got {x._described()} and {indices._described()}"
        )
    at = _windows(x, kernel, stride, padding, 1, False)
    size = tuple(
        (n - 1) * s - sum(pair) + k for n, k, s, pair in zip(at.space, at.kernel, at.stride, at.pairs, strict=True)
    )
    if output_size is not None:
        wanted = tuple(output_size)[-dims:]
        near = len(wanted) == dims and all(abs(a - b) < s for a, b, s in zip(wanted, size, at.stride, strict=True))
        if not near:
            raise OptionError(
                f"max_unpool: output_size={output_size} is too far from {size}, the usual size; it may differ by less than "
                f"the stride {at.stride}"
            )
        size = wanted
    count = math.prod(size)

    def check(array) -> None:
        if array.min() < 0 or array.max() >= count:
            raise RangeError(
                f"max_unpool: indices from 0 to {count - 1} were expected, for a space of {size}, but got some from "
                f"{array.min()} to {array.max()}"
            )

    look(check, indices, below=count)
    flat = (*x.shape[:2], math.prod(at.space))
    nothing = broadcast_to(x._like(0), (*x.shape[:2], count))
    indices = indices.reshape(flat)
    times = scatter_add(nothing, indices, nothing[..., :1].broadcast_to(flat) + 1, 2)
    y = scatter_add(nothing, indices, x.reshape(flat), 2) / maximum(times, 1)
    return y.reshape((*x.shape[:2], *size))


def avg_pool(
    x: TensorLike,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window. Padding counts as zeros, or not at all with `count_include_pad=False`.

    divisor_override  by what the sum of a window is divided, in place of the number of its elements
    """
    if divisor_override is not None and divisor_override == 0:
        raise OptionError("avg_pool: divisor_override=0 divides by nothing")
    x = as_tensor(x)
    at = _windows(x, kernel, stride, padding, 1, ceil_mode)
    if divisor_override is None and count_include_pad and not ceil_mode:
        return _avg_pool(x, kernel=at.kernel, stride=at.stride, pairs=tuple(at.pairs))
    total = _places(widened(x), at, 0).sum(0)
    if divisor_override is not None:
        return rounded(total / divisor_override, x)
    asked = padding_pairs(padding, at.kernel, at.dilation, at.stride)
    counts = [
        _window_counts(n, k, s, pair, windows, count_include_pad)
        for n, k, s, pair, windows in zip(at.space, at.kernel, at.stride, asked, total.shape[2:], strict=True)
    ]
    return rounded(total / total._like(functools.reduce(numpy.multiply.outer, counts)), x)


@as_a_whole(kernels.avg_pool, kernels.avg_pool_gradient)
def _avg_pool(x: Tensor, *, kernel: Shape, stride: Shape, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    return mean(_places(x, _Windows(x.shape[2:], kernel, stride, (1,) * len(kernel), list(pairs)), 0), 0)


def _window_counts(n: int, k: int, s: int, pair: tuple[int, int], windows: int, with_padding: bool) -> numpy.ndarray:
    """How many elements along an axis each window counts: what `ceil_mode` adds behind never does."""
    before, after = pair if with_padding else (0, 0)
    start = numpy.arange(windows) * s - pair[0]
    return numpy.minimum(start + k, n + after) - numpy.maximum(start, -before)


def adaptive_pool(x: TensorLike, output_size: Cells, reduce: Callable[..., Tensor]) -> Tensor:
    """Each spatial axis cut into `output_size` stretches, `reduce`d (mean or max) one axis after the other.

    Stretch i of an axis of size n reaches from ⌊i·n / out⌋ to ⌈(i + 1)·n / out⌉: they may overlap by one.
    """
    x = as_tensor(x)
    for axis, out in enumerate(_cells(x, output_size), start=2):
        n = x.shape[axis]
        if out == n:
            continue
        if n % out == 0:
            x = reduce(x.reshape((*x.shape[:axis], out, n // out, *x.shape[axis + 1 :])), axis=axis + 1)
        else:
            x = stack([reduce(x[cut], axis=axis) for cut in _stretches(axis, n, out)], axis)
    return x


def adaptive_max_places(x: TensorLike, output_size: Cells) -> Tensor:
    """Where the elements of `adaptive_pool(x, output_size, max)` are: their numbers (int64) in the flattened space."""
    x = as_tensor(x).detach()
    number, step = zeros_like(x, dtype="int64"), 1
    for axis, out in reversed(list(enumerate(_cells(x, output_size), start=2))):  # so that the first of equals wins
        n = x.shape[axis]
        place = stack([argmax(x[cut], axis) + cut[axis].start for cut in _stretches(axis, n, out)], axis)
        x, number = take_along_axis(x, place, axis), take_along_axis(number, place, axis) + place * step
        step *= n
    return number


def _cells(x: Tensor, output_size) -> tuple[int, ...]:
    """Into how many stretches each spatial axis is cut."""
    _check_pixels(x)
    sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * (x.ndim - 2)
    if len(sizes) != x.ndim - 2 or not all(size is None or (isinstance(size, int) and size > 0) for size in sizes):
        raise OptionError(
            f"output_size must be a positive integer (or None) for each of {x.ndim - 2} axes, not {output_size!r}"
        )
    return tuple(n if size is None else size for n, size in zip(x.shape[2:], sizes, strict=True))


def _stretches(axis: int, n: int, out: int) -> list[tuple[slice, ...]]:
    """The stretches of an axis of size n, as indices."""
    lead = (slice(None),) * axis
    return [(*lead, slice(i * n // out, -(-(i + 1) * n // out))) for i in range(out)]
