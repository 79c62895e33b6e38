"""Short-time Fourier transforms, which `keras.ops` and the layers of `spectrograms.py` compute: spectra of pieces under a window."""

from __future__ import annotations

from typing import Any

import numpy

from ...backend import dtypes
from ...errors import DTypeError, OptionError, ShapeError
from ...functional import fourier, pad
from ...functional.windows import windows
from ...tensor import Tensor, apply, as_tensor
from ..initializers import named_window


def pieces(x: Tensor, length: int, stride: int) -> Tensor:
    """The pieces of a length along the last axis, one every `stride`, along a new axis before it."""
    return apply(windows, (x,), {"kernel": (length,), "stride": (stride,), "dilation": (1,)})


def widened_window(window: Any, length: int, widened: int, like: Tensor) -> Tensor:
    """A window of `length` numbers: a name such as "hann", as if it went on periodically; a tensor; ones for None; with zeros on
    both sides up to a length `widened`, in the dtype and on the device of `like`."""
    if window is None or isinstance(window, str):
        made = like._like(numpy.ones(length) if window is None else named_window(window, length))
    else:
        made = as_tensor(window, device=like.device).astype(like.dtype)
    if made.shape != (length,):
        raise ShapeError(f"the window must have shape ({length},), not {made.shape}")
    before = (widened - length) // 2
    return pad(made, [(before, widened - length - before)])


def stft(
    x: Tensor, length: int, stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> tuple[Tensor, Tensor]:
    """The `rfft` of pieces of x under a window, as `keras.ops.stft` says."""
    if x.dtype not in (dtypes.float32, dtypes.float64):
        raise DTypeError(f"stft takes float32 or float64, and not {x.dtype}")
    if fft_length < length:
        raise OptionError(f"stft: fft_length={fft_length} must be sequence_length={length} or more")
    if center:
        beside = fft_length // 2
        if x.shape[-1] <= beside:
            raise ShapeError(
                f"stft with center=True mirrors fft_length // 2 = {beside} numbers at the ends, and so takes more than these, "
                f"not {x._described()}"
            )
        x = pad(x, [(0, 0)] * (x.ndim - 1) + [(beside, beside)], "reflect")
    return fourier.rfft(pieces(x, fft_length, stride) * widened_window(window, length, fft_length, x))
