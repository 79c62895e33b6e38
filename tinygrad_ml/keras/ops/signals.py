"""Segments, distances, pieces of sequences, Fourier transforms. What is complex is a pair (real part, imaginary part).

Read before: `tensors.py`, `../layers/spectra.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ... import functional as tg
from ...backend import dtypes
from ...errors import DTypeError, OptionError, ShapeError
from ...functional import fourier
from ...functional.indexing import need_numbers
from ...functional.windows import fold
from ...tensor import Tensor, apply
from ..layers import spectra
from .calls import operation
from .tensors import float_of, tensor_of, tensors, whole_number

Pair = tuple[Tensor, Tensor]


def _segments(data: Any, segment_ids: Any, num_segments: int | None, reduce: str, start: float) -> Tensor:
    """`reduce` of the rows of each segment; numbers that are no segment's do not count."""
    data, ids = tensor_of(data), tensor_of(segment_ids).astype(dtypes.int64)
    if ids.ndim != 1 or ids.shape[0] != data.shape[0]:
        raise ShapeError(f"segment_ids must be one number for each of the {data.shape[0]} rows, not {ids._described()}")
    if num_segments is None:
        need_numbers(ids, "segments without num_segments=", "the largest number")
        num_segments = whole_number("segment_ids", tg.max(ids)) + 1 if ids.size else 0
    ids = tg.where((ids < 0) | (ids >= num_segments), num_segments, ids)
    if math.isinf(start) and not dtypes.is_float(data.dtype):
        start = (tg.iinfo(data.dtype).min, tg.iinfo(data.dtype).max)[start > 0]
    base = tg.full((num_segments + 1, *data.shape[1:]), start, dtype=data.dtype, device=data.device)
    places = ids.reshape((-1,) + (1,) * (data.ndim - 1)).broadcast_to(data.shape)
    made = tg.scatter_add(base, places, data) if reduce == "sum" else tg.scatter(base, places, data, 0, reduce)
    return made[:num_segments]


@operation
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """yₛ = Σ of the rows i with segment_ids[i] = s. `sorted` changes nothing."""
    return _segments(data, segment_ids, num_segments, "sum", 0)


@operation
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The largest of the rows of each segment; -∞ where there are none."""
    return _segments(data, segment_ids, num_segments, "max", -math.inf)


@operation
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """The smallest of the rows of each segment; ∞ where there are none."""
    return _segments(data, segment_ids, num_segments, "min", math.inf)


@operation
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Tensor:
    """Π of the rows of each segment."""
    return _segments(data, segment_ids, num_segments, "prod", 1)


@operation
def cdist(x: Any, y: Any) -> Tensor:
    """The distances |xᵢ - yⱼ| of all rows of x from all rows of y."""
    x, y = (float_of(one) for one in tensors(x, y))
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ShapeError(f"cdist takes rows of one length, not {x._described()} and {y._described()}")
    return tg.norm(x.expand_dims(-2) - y.expand_dims(-3), axis=-1)


@operation
def psnr(x1: Any, x2: Any, max_val: float) -> Tensor:
    """10·log₁₀(max_val² / mean (x1 - x2)²), in decibels."""
    x1, x2 = (float_of(one) for one in tensors(x1, x2))
    if x1.shape != x2.shape:
        raise ShapeError(f"psnr compares images of one shape, not {x1._described()} and {x2._described()}")
    return 20 * math.log10(max_val) - 10 * tg.log10(tg.mean(tg.square(x1 - x2)))


@operation
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Tensor:
    """The pieces of `sequence_length` along the last axis, one every `sequence_stride`, along a new axis before it."""
    return spectra.pieces(tensor_of(x), sequence_length, sequence_stride)


def _pair(x: Any) -> Pair:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise OptionError(f"x must be a pair (real part, imaginary part) of tensors, and is {type(x).__name__}")
    real, imag = (tensor_of(part) for part in x)
    if not dtypes.is_float(real.dtype) or not dtypes.is_float(imag.dtype):
        raise DTypeError(f"real and imaginary parts must be floats, not {real.dtype} and {imag.dtype}")
    return real, imag


@operation
def fft(x: Any) -> Pair:
    """yₖ = Σⱼ xⱼ·exp(-2πi·jk/n) along the last axis."""
    return fourier.fft(*_pair(x))


@operation
def fft2(x: Any) -> Pair:
    """`fft` along the last two axes."""
    return fourier.fft(*fourier.fft(*_pair(x)), axis=-2)


@operation
def ifft2(x: Any) -> Pair:
    """The inverse of `fft2`."""
    return fourier.ifft(*fourier.ifft(*_pair(x)), axis=-2)


@operation
def rfft(x: Any, fft_length: int | None = None) -> Pair:
    """The first half of the `fft` of real numbers, which the other half mirrors."""
    return fourier.rfft(float_of(x), fft_length)


@operation
def irfft(x: Any, fft_length: int | None = None) -> Tensor:
    """The real numbers whose `rfft` x is."""
    return fourier.irfft(*_pair(x), n=fft_length)


@operation
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Pair:
    """The `rfft` of pieces of x under a window, one every `sequence_stride`: (..., pieces, fft_length // 2 + 1).

    center  whether the first piece has the first number in its middle; x is mirrored beyond its ends then
    Source: D. Griffin, J. Lim, "Signal Estimation from Modified Short-Time Fourier Transform" (1984).
    """
    return spectra.stft(tensor_of(x), sequence_length, sequence_stride, fft_length, window, center)


@operation
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Tensor:
    """The numbers whose `stft` is nearest to x: pieces under the window, added up where they lie, divided by Σ window².

    length  of the result, by default that of what the pieces cover
    """
    real, imag = _pair(x)
    pieces = fourier.irfft(real, imag, fft_length)
    wide = spectra.widened_window(window, sequence_length, fft_length, real)
    count = pieces.shape[-2]
    total = (count - 1) * sequence_stride + fft_length
    weights = tg.square(wide).expand_dims(0).broadcast_to((count, fft_length))
    whole = _laid(pieces * wide, total, sequence_stride)
    covered = _laid(weights, total, sequence_stride)
    y = tg.where(covered > 1e-10, whole / tg.where(covered > 1e-10, covered, 1), whole)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else total - start
    return y[..., start:end]


def _laid(pieces: Tensor, total: int, stride: int) -> Tensor:
    """Pieces (..., count, length) added up where they lie."""
    shape = (*pieces.shape[:-2], total)
    options = {"shape": shape, "kernel": pieces.shape[-1:], "stride": (stride,), "dilation": (1,)}
    return apply(fold, (pieces,), options)
