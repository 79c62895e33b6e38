"""Sound as a picture: which frequencies are in it, moment by moment. The transforms are in `spectra.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT
from ...errors import DTypeError, OptionError, ShapeError
from ...functional import atan2, concat, log, log10, maximum, moveaxis, pad, sqrt
from ...nn import functional as F
from ...tensor import Tensor, as_tensor
from ..checks import number, one_of, whole
from ..config import epsilon
from ..initializers import STFT
from .base import Layer
from .channels import checked_format, checked_padding, padding_of
from .input_spec import InputSpec
from .spectra import stft

SPECTRA = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class MelSpectrogram(Layer):
    """How strong sound is in bands of frequencies, which are equally wide to the ear: 10 · log₁₀(|stft x|^mag_exp · A).

    x (batch, samples), or (samples,), becomes (batch, num_mel_bins, moments), or without the batch. Band b, of the matrix A, is
    a triangle that rises from the middle of the band before it, where it is 0, to its own, where it is 1, and falls to that of
    the next one, on the scale of mel: m(f) = 1127 · ln(1 + f/700).

    fft_length       of the pieces of sound that are transformed
    sequence_stride  from one piece to the next
    sequence_length  of the window in them, by default as long as they are
    window           "hann", "hamming", "blackman", "bartlett", an array, or None
    sampling_rate    samples a second
    num_mel_bins     how many bands there are between min_freq and max_freq, in Hertz; by default max_freq is sampling_rate / 2
    power_to_db      whether the logarithm is taken, relative to `ref_power`, of what is `min_power` or more; what is `top_db`
                     decibels below the loudest in the batch, or more, is brought there
    mag_exp          1 for amplitudes, 2 for powers

    Source: S. Stevens, J. Volkmann, E. Newman, "A Scale for the Measurement of the Psychological Magnitude Pitch" (1937).
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **options: Any,
    ):
        super().__init__(**options)
        self.fft_length = whole("fft_length", fft_length)
        self.sequence_stride = whole("sequence_stride", sequence_stride)
        self.sequence_length = whole("sequence_length", sequence_length or fft_length)
        if self.sequence_length > self.fft_length:
            raise OptionError(f"MelSpectrogram: {fft_length=} must be sequence_length={sequence_length} or more")
        self.window, self.sampling_rate = window, number("sampling_rate", sampling_rate, 0)
        self.num_mel_bins, self.min_freq = whole("num_mel_bins", num_mel_bins), number("min_freq", min_freq, 0)
        self.max_freq = number("max_freq", max_freq or int(sampling_rate / 2), 0)
        if self.min_freq >= self.max_freq:
            raise OptionError(f"MelSpectrogram: {min_freq=} must be less than max_freq={self.max_freq}")
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, number("top_db", top_db), number("mag_exp", mag_exp)
        self.min_power, self.ref_power = number("min_power", min_power, 0), number("ref_power", ref_power)

    def call(self, inputs: Any) -> Tensor:
        x = as_tensor(inputs).astype(DEFAULT_FLOAT)
        if x.ndim not in (1, 2):
            raise ShapeError(f"{self.name} takes sound (batch, samples), or (samples,), but got {x._described()}")
        real, imag = stft(x, self.sequence_length, self.sequence_stride, self.fft_length, self.window)
        power = real * real + imag * imag
        strength = power if self.mag_exp == 2 else power ** (self.mag_exp / 2)
        mel = strength @ x._like(self._bands())
        return (self._decibels(mel) if self.power_to_db else mel).swapaxes(-1, -2)

    def _decibels(self, power: Tensor) -> Tensor:
        relative = math.log10(max(abs(self.ref_power), self.min_power))
        decibels = (log10(maximum(power, self.min_power)) - relative) * 10
        return maximum(decibels, decibels.max() - self.top_db)

    def _bands(self) -> numpy.ndarray:
        """A (frequencies, bands): how much of each frequency is in each band."""
        frequencies = numpy.linspace(0, self.sampling_rate / 2, self.fft_length // 2 + 1)
        edges = numpy.linspace(mel(self.min_freq), mel(self.max_freq), self.num_mel_bins + 2)
        width = edges[1] - edges[0]
        bands = numpy.maximum(0, 1 - numpy.abs(mel(frequencies)[:, None] - edges[1:-1]) / width)
        bands[0] = 0  # what does not swing is no sound
        return bands


def mel(frequency: Any) -> Any:
    """How high a frequency in Hertz sounds: 1127 · ln(1 + f/700)."""
    return 1127 * numpy.log1p(numpy.asarray(frequency) / 700)


class STFTSpectrogram(Layer):
    """Sound as its short-time Fourier transform, computed as a convolution whose kernels can be learnt.

    x (batch, time, channels) becomes (batch, moments, frequencies · channels). With z = r + i·s, the transform:

    mode          "stft": r and s, one behind the other; "real": r; "imag": s; "angle": atan2(s, r); "magnitude": |z|; "log":
                  ln |z|; "psd": |z|², twice that of the frequencies between the first and the last
    frame_length  of the pieces; `frame_step` from one to the next, by default half of that; `fft_length` of the transform, by
                  default the next power of 2
    window, periodic, scaling   as in `initializers.STFT`
    padding       "valid", or "same"
    expand_dims   whether channels have an axis of their own: (batch, moments, frequencies, channels)
    data_format   "channels_last"; or "channels_first": x (batch, channels, time) becomes
                  (batch, channels · frequencies, moments), or (batch, channels, moments, frequencies)
    weights       real_kernel and imag_kernel, (frame_length, 1, frequencies), which `trainable=False` leaves as they are
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.mode, self.frame_length = one_of("mode", mode, SPECTRA), whole("frame_length", frame_length)
        if frame_step is not None and not 1 <= frame_step <= frame_length:
            raise OptionError(f"STFTSpectrogram: {frame_step=} must be 1 or more, and not more than {frame_length=}")
        if fft_length is not None and fft_length < frame_length:
            raise OptionError(f"STFTSpectrogram: {fft_length=} must be {frame_length=} or more")
        self.frame_step, self.fft_length = frame_step, fft_length
        self.window, self.periodic, self.scaling = window, periodic, scaling
        self.kernel_initializers = [STFT(side, window, scaling, periodic) for side in ("real", "imag")]
        self.padding, self.expand_dims = checked_padding(padding), expand_dims
        self.data_format = checked_format(data_format)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Any) -> None:
        width = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        shape = (self.frame_length, 1, width // 2 + 1)
        real, imag = self.kernel_initializers
        self.real_kernel = self.add_weight(shape, real, name="real_kernel") if self.mode != "imag" else None
        self.imag_kernel = self.add_weight(shape, imag, name="imag_kernel") if self.mode != "real" else None

    def call(self, inputs: Any) -> Tensor:
        x = as_tensor(inputs)
        if not numpy.issubdtype(x.dtype, numpy.floating):
            raise DTypeError(f"{self.name} takes sound in floats, but got {x._described()}")
        x = x if self.data_format == "channels_first" else x.swapaxes(1, 2)
        y = self._spectrum(x)  # (batch, channels, frequencies, moments)
        if self.expand_dims:
            return y.swapaxes(2, 3) if self.data_format == "channels_first" else moveaxis(y, 1, 3).swapaxes(1, 2)
        flat = y.reshape((y.shape[0], y.shape[1] * y.shape[2], y.shape[3]))
        return flat if self.data_format == "channels_first" else flat.swapaxes(1, 2)

    def _spectrum(self, x: Tensor) -> Tensor:
        parts = [self._convolved(x, kernel) for kernel in (self.real_kernel, self.imag_kernel) if kernel is not None]
        if len(parts) == 1:
            return parts[0]
        real, imag = parts
        if self.mode == "stft":
            return concat(parts, axis=2)
        if self.mode == "angle":
            return atan2(imag, real)
        power = real * real + imag * imag
        if self.mode == "psd":
            return power + pad(power[:, :, 1:-1], [(0, 0), (0, 0), (1, 1), (0, 0)])
        size = sqrt(maximum(power, epsilon()))
        return size if self.mode == "magnitude" else log(maximum(size, epsilon()))

    def _convolved(self, x: Tensor, kernel: Tensor) -> Tensor:
        batch, channels, time = x.shape
        step = self.frame_step or self.frame_length // 2
        beside = padding_of(self.padding, (time,), (self.frame_length,), (step,), (1,))
        alone = x.reshape((batch * channels, 1, time))
        y = F.conv1d(alone, kernel.permute_dims((2, 1, 0)).astype(x.dtype), stride=step, padding=beside)
        return y.reshape((batch, channels, *y.shape[1:]))
