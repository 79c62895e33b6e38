"""Operators of signals: Fourier transforms, windows, and the scale of what ears hear.

A complex number is two, the real and the imaginary part, along the last axis; a real one is alone there.
Read next: `control.py`.
"""

from __future__ import annotations

import math

import numpy

from ... import functional as tg
from ...functional import fourier
from ...functional.axes import one_axis
from ...tensor import Tensor
from ..table import Numbers, operator
from .casting import element_type
from .chance import FLOAT
from .indexing import along


def _transform(x: Tensor, axis: int, length: int | None, inverse: bool, onesided: bool) -> Tensor:
    """The Fourier transform along an axis, of its first numbers, or with zeros behind it.

    onesided  whether only the half is there that the other half mirrors: of what comes out, or, if `inverse`, of what goes in
    """
    if length is None:
        length = 2 * (x.shape[axis] - 1) if inverse and onesided else x.shape[axis]
    if inverse and onesided:
        return fourier.irfft(x[..., 0], x[..., 1], length, axis).expand_dims(-1)
    have = x.shape[axis]
    if length < have:
        x = x[along(axis, slice(0, length))]
    elif length > have:
        x = tg.pad(x, [(0, length - have if i == axis else 0) for i in range(x.ndim)])
    imag = x[..., 1] if x.shape[-1] == 2 else None
    y = tg.stack((fourier.ifft if inverse else fourier.fft)(x[..., 0], imag, axis), -1)
    return y[along(axis, slice(0, length // 2 + 1))] if onesided else y


@operator("DFT", (20,))
def dft(
    x: Tensor, dft_length: Numbers | None = None, axis: Numbers | None = None, *, inverse: int = 0, onesided: int = 0
) -> Tensor:
    place = one_axis(-2 if axis is None else int(axis.item()), x.ndim)
    return _transform(x, place, None if dft_length is None else int(dft_length.item()), bool(inverse), bool(onesided))


@operator("DFT", (17,))
def dft_by_attribute(
    x: Tensor, dft_length: Numbers | None = None, *, axis: int = 1, inverse: int = 0, onesided: int = 0
) -> Tensor:
    return dft(x, dft_length, numpy.array(axis), inverse=inverse, onesided=onesided)


@operator("STFT", (17,))
def stft(
    signal: Tensor,
    frame_step: Numbers,
    window: Tensor | None = None,
    frame_length: Numbers | None = None,
    *,
    onesided: int = 1,
) -> Tensor:
    """(batch, frames, frequencies, 2): the transforms of pieces of a signal, one every `frame_step`, weighed by a window."""
    length = window.shape[0] if frame_length is None and window is not None else int(frame_length.item())  # type: ignore[union-attr]
    starts = numpy.arange(0, signal.shape[1] - length + 1, int(frame_step.item()))
    frames = signal[:, starts[:, None] + numpy.arange(length)]
    if window is not None:
        frames = frames * window.reshape(-1, 1)
    return _transform(frames, 2, None, False, bool(onesided))


def _window(*weights: float):
    """The row of a sum of cosines: Σ (-1)ⁱ wᵢ cos(2πi·k/n)."""

    def row(size: Numbers, *, output_datatype: int = FLOAT, periodic: int = 1) -> numpy.ndarray:
        count = int(size.item())
        turns = 2 * math.pi * numpy.arange(count) / max(1, count if periodic else count - 1)
        values = sum((-1) ** i * weight * numpy.cos(i * turns) for i, weight in enumerate(weights))
        return numpy.asarray(values).astype(element_type(output_datatype))

    return row


operator("HannWindow", (17,))(_window(0.5, 0.5))
operator("HammingWindow", (17,))(_window(25 / 46, 21 / 46))
operator("BlackmanWindow", (17,))(_window(0.42, 0.5, 0.08))


@operator("MelWeightMatrix", (17,))
def mel_weights(
    num_mel_bins: Numbers,
    dft_length: Numbers,
    sample_rate: Numbers,
    lower_edge_hertz: Numbers,
    upper_edge_hertz: Numbers,
    *,
    output_datatype: int = FLOAT,
) -> numpy.ndarray:
    """(frequencies, bins): triangles that stand at equal distances on the mel scale, 2595·log₁₀(1 + f/700)."""
    bins, length, rate = (int(each.item()) for each in (num_mel_bins, dft_length, sample_rate))
    low, high = (2595 * math.log10(1 + float(each.item()) / 700) for each in (lower_edge_hertz, upper_edge_hertz))
    # As ONNX's text has it, the last of the edges is a step short of the upper one.
    edges = 700 * (10 ** ((low + numpy.arange(bins + 2) * (high - low) / (bins + 2)) / 2595) - 1)
    places = ((length + 1) * edges // rate).astype(int)
    weights = numpy.zeros((length // 2 + 1, bins), element_type(output_datatype))
    for i, (left, middle, right) in enumerate(zip(places, places[1:], places[2:], strict=False)):
        weights[left : middle + 1, i] = numpy.arange(middle - left + 1) / (middle - left) if middle > left else 1
        if right > middle:
            weights[middle:right, i] = numpy.arange(right - middle, 0, -1) / (right - middle)
    return weights
