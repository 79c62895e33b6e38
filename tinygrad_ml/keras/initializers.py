"""Where weights start from, with Keras's names and defaults. The numbers are drawn by `nn.init`.

A kernel is laid out as (*window, in, out), so that its fans are read off its last two axes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from ..errors import OptionError, ShapeError
from ..functional import zeros as blank
from ..nn import init
from ..random import streams
from ..tensor import Tensor, TensorLike, as_tensor
from . import checks
from .serialization import Configurable, by_name
from .serialization import deserialize as deserialize
from .serialization import serialize as serialize


def compute_fans(shape: tuple[int, ...], input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """(fan_in, fan_out) of a kernel (*window, in, out), or of one whose axes are told."""
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    area = math.prod(shape[:-2])
    return shape[-2] * area, shape[-1] * area


class Initializer(Configurable):
    """The base: `initializer(shape)` makes a tensor. A subclass says how one is filled in `fill(tensor)`."""

    seed: int | None = None

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Tensor:
        made = blank(tuple(shape), **({} if dtype is None else {"dtype": dtype}))
        if self.seed is None:
            return self.fill(made)
        with streams.drawing_from(streams.Streams(self.seed)):
            return self.fill(made)

    def clone(self) -> Initializer:
        """Another one of the same options."""
        return type(self).from_config(self.get_config())

    def fill(self, tensor: Tensor) -> Tensor:
        """Overwrite a tensor, and return it."""
        raise NotImplementedError(f"{type(self).__name__} must define fill(tensor), or __call__(shape, dtype)")


class Zeros(Initializer):
    """0 everywhere."""

    def fill(self, tensor: Tensor) -> Tensor:
        return init.zeros_(tensor)


class Ones(Initializer):
    """1 everywhere."""

    def fill(self, tensor: Tensor) -> Tensor:
        return init.ones_(tensor)


class Constant(Initializer):
    """`value` everywhere."""

    def __init__(self, value: TensorLike = 0.0):
        self.value = value

    def fill(self, tensor: Tensor) -> Tensor:
        return init.constant_(tensor, self.value)


class RandomUniform(Initializer):
    """Uniform on [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None):
        self.minval, self.maxval, self.seed = minval, maxval, checks.seed(seed)

    def fill(self, tensor: Tensor) -> Tensor:
        return init.uniform_(tensor, self.minval, self.maxval)


class RandomNormal(Initializer):
    """Normal with mean `mean` and deviation `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None):
        self.mean, self.stddev, self.seed = mean, stddev, checks.seed(seed)

    def fill(self, tensor: Tensor) -> Tensor:
        return init.normal_(tensor, self.mean, self.stddev)


class TruncatedNormal(RandomNormal):
    """Normal, drawn again where it is more than two deviations away from the mean."""

    def fill(self, tensor: Tensor) -> Tensor:
        reach = 2 * self.stddev
        return init.trunc_normal_(tensor, self.mean, self.stddev, self.mean - reach, self.mean + reach)


class VarianceScaling(Initializer):
    """Mean 0 and variance scale / fan.

    mode          the fan: "fan_in", "fan_out" or "fan_avg", their mean
    distribution  "truncated_normal", "untruncated_normal" or "uniform"
    input_axes, output_axes  both: whose sizes multiply to the fans; by default the kernel is (*window, in, out)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ):
        if scale <= 0:
            raise OptionError(f"scale={scale!r} must be above 0")
        checks.one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        distribution = "truncated_normal" if distribution == "normal" else distribution
        checks.one_of("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform"))
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, checks.seed(seed)
        self.input_axes, self.output_axes = input_axes, output_axes

    def of_axes(self, input_axes: Any, output_axes: Any) -> VarianceScaling:
        """The same for a kernel with these axes, unless it was told others."""
        if self.input_axes is not None and self.output_axes is not None:
            return self
        return type(self).from_config(self.get_config() | {"input_axes": input_axes, "output_axes": output_axes})

    def fill(self, tensor: Tensor) -> Tensor:
        fan_in, fan_out = compute_fans(tensor.shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(fan, 1)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return init.uniform_(tensor, -limit, limit)
        if self.distribution == "untruncated_normal":
            return init.normal_(tensor, 0, math.sqrt(variance))
        # What is left of a normal distribution within two deviations has 0.8796 of its deviation.
        stddev = math.sqrt(variance) / 0.87962566103423978
        return init.trunc_normal_(tensor, 0, stddev, -2 * stddev, 2 * stddev)


def _scaling_class(name: str, scale: float, mode: str, distribution: str, source: str) -> type[VarianceScaling]:
    def __init__(self, seed: int | None = None, input_axes: Any = None, output_axes: Any = None):
        VarianceScaling.__init__(self, scale, mode, distribution, seed, input_axes, output_axes)

    doc = f"{distribution.replace('_', ' ')} with variance {scale:g} / {mode}. Source: {source}."
    return type(name, (VarianceScaling,), {"__init__": __init__, "__doc__": doc, "__module__": __name__})


_GLOROT, _HE, _LECUN = "X. Glorot, Y. Bengio (2010)", "K. He et al. (2015)", "Y. LeCun et al. (1998)"
GlorotUniform = _scaling_class("GlorotUniform", 1.0, "fan_avg", "uniform", _GLOROT)
GlorotNormal = _scaling_class("GlorotNormal", 1.0, "fan_avg", "truncated_normal", _GLOROT)
HeUniform = _scaling_class("HeUniform", 2.0, "fan_in", "uniform", _HE)
HeNormal = _scaling_class("HeNormal", 2.0, "fan_in", "truncated_normal", _HE)
LecunUniform = _scaling_class("LecunUniform", 1.0, "fan_in", "uniform", _LECUN)
LecunNormal = _scaling_class("LecunNormal", 1.0, "fan_in", "truncated_normal", _LECUN)


class Orthogonal(Initializer):
    """`gain` times a random matrix of orthonormal rows or columns, the axes before the last as one."""

    def __init__(self, gain: float = 1.0, seed: int | None = None):
        self.gain, self.seed = gain, checks.seed(seed)

    def fill(self, tensor: Tensor) -> Tensor:
        flat = init.orthogonal_(tensor.reshape((-1, tensor.shape[-1])).detach(), self.gain)
        return tensor.assign(flat.reshape(tensor.shape))


class Identity(Initializer):
    """`gain` times the identity matrix."""

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def fill(self, tensor: Tensor) -> Tensor:
        return tensor.assign(init.eye_(tensor) * self.gain)


class STFT(Initializer):
    """The kernel (frame_length, 1, frequencies) whose convolution is a short-time Fourier transform: w·cos(-2π·f·t) / scale.

    side      "real": the cosines; "imag": the sines
    window    w: "hann", "hamming", "blackman" or "bartlett", an array of frame_length numbers, or None for no window
    scaling   "density" divides by √Σ w², "spectrum" by Σ |w|, None by nothing
    periodic  whether the window goes on beyond its end, as is wanted for transforms
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ):
        self.side = checks.one_of("side", side, ("real", "imag"))
        self.window = checks.one_of("window", window, _WINDOWS) if isinstance(window, str) else window
        self.scaling = checks.one_of("scaling", scaling, (None, "density", "spectrum"))
        self.periodic = periodic

    def fill(self, tensor: Tensor) -> Tensor:
        if tensor.ndim != 3:
            raise ShapeError(f"STFT makes kernels (frame_length, channels, frequencies), and not shape {tensor.shape}")
        frame, _, frequencies = tensor.shape
        angles = -2 * numpy.pi * numpy.outer(numpy.arange(frame), numpy.arange(frequencies) / (2 * (frequencies - 1)))
        kernel = numpy.cos(angles) if self.side == "real" else numpy.sin(angles)
        if self.window is not None:
            kernel *= self._window(frame)[:, None]
        return tensor.assign(
            as_tensor(kernel[:, None].astype(tensor.dtype), device=tensor.device).broadcast_to(tensor.shape)
        )

    def _window(self, frame: int) -> numpy.ndarray:
        """The window, divided by the scale."""
        named = isinstance(self.window, str)
        w = named_window(self.window, frame, self.periodic) if named else numpy.asarray(self.window, float)
        if w.shape != (frame,):
            raise ShapeError(f"STFT: a window of shape {w.shape} does not fit a frame of {frame} numbers")
        sizes = {None: 1.0, "density": math.sqrt((w * w).sum()), "spectrum": abs(w).sum()}
        return w / sizes[self.scaling]


def named_window(name: str, length: int, periodic: bool = True) -> numpy.ndarray:
    """A window of `length` numbers, as if it went on `periodic`ally, or from its beginning to its end."""
    made = _WINDOWS[checks.one_of("window", name, _WINDOWS)]
    return made(length + 1)[:-1] if periodic else made(length)


_WINDOWS = {"hann": numpy.hanning, "hamming": numpy.hamming, "blackman": numpy.blackman, "bartlett": numpy.bartlett}
_ALIASES = {"uniform": RandomUniform, "normal": RandomNormal, "zero": Zeros, "one": Ones, "eye": Identity}
_ALIASES |= {"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal, "STFTInitializer": STFT}


# Keras has each under the name of a function, too.
constant, identity, ones, orthogonal, zeros = Constant, Identity, Ones, Orthogonal, Zeros
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling = LecunNormal, LecunUniform, VarianceScaling
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
IdentityInitializer, OrthogonalInitializer, STFTInitializer, stft = Identity, Orthogonal, STFT, STFT


def get(identifier: Any) -> Any:
    """The initializer of a name; arrays are copied; objects are themselves."""
    if isinstance(identifier, (Tensor, numpy.ndarray)):
        return Constant(identifier)
    return by_name("initializer", identifier, Initializer, _ALIASES)
