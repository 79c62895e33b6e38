"""Fourier transforms. There are no complex numbers here: what is complex goes in and comes out as (real part, imaginary part).

One row has all: the transform without a factor, whose gradient is the one in the other direction.
"""

import builtins

import numpy

from ..errors import ShapeError
from ..ops import Primitive
from ..ops.shapes import same, size
from ..tensor import Tensor, TensorLike, apply
from .axes import one_axis
from .composed import composed
from .manipulation import pad, stack
from .reductions import floating


def _fourier(xp, x, sign):
    z = x[..., 0] + 1j * x[..., 1]
    y = xp.fft.fft(z) if sign < 0 else xp.fft.ifft(z) * z.shape[-1]
    return xp.stack([y.real, y.imag], -1).astype(x.dtype, copy=False)


fourier_row = Primitive(
    "fourier",
    _fourier,
    same,
    (lambda g, sign: g._apply(fourier_row, sign=-sign),),
    batch="leading",
    formula="yₖ = Σ xⱼ · exp({sign}·2πi·jk/n)",
    local=("exp({sign}·2πi·jk/n)",),
    flops=lambda y, x: 5 * size(x) // 2 * builtins.max(x[-2] - 1, 1).bit_length(),
)
"""Of numbers whose real and imaginary parts lie side by side along the last axis: x is (..., n, 2)."""


def _transform(real: Tensor, imag: Tensor, axis: int, sign: int) -> tuple[Tensor, Tensor]:
    axis = one_axis(axis, real.ndim)
    if not real.shape[axis]:
        raise ShapeError(f"a Fourier transform along axis {axis} of {real._described()}: the axis is empty")
    z = apply(fourier_row, (stack([real, imag], -1).swapaxes(axis, -2),), {"sign": sign}).swapaxes(axis, -2)
    return z[..., 0], z[..., 1]


def _pair(real: TensorLike, imag: TensorLike | None) -> tuple[Tensor, Tensor]:
    real = floating(real)
    imag = real * 0 if imag is None else floating(imag)
    if real.shape != imag.shape:
        raise ShapeError(f"real and imaginary parts have one shape, not {real.shape} and {imag.shape}")
    return real, imag


@composed
def fft(real: TensorLike, imag: TensorLike | None = None, axis: int = -1) -> tuple[Tensor, Tensor]:
    """yₖ = Σⱼ xⱼ · exp(-2πi·jk/n) along an axis, as (real part, imaginary part); without `imag` x is real.

    Source: J. Cooley, J. Tukey, "An Algorithm for the Machine Calculation of Complex Fourier Series" (1965).
    """
    return _transform(*_pair(real, imag), axis, -1)


@composed
def ifft(real: TensorLike, imag: TensorLike | None = None, axis: int = -1) -> tuple[Tensor, Tensor]:
    """xⱼ = (1/n) Σₖ yₖ · exp(2πi·jk/n) along an axis: the inverse of `fft`."""
    real, imag = _pair(real, imag)
    again = _transform(real, imag, axis, 1)
    n = real.shape[axis]
    return again[0] / n, again[1] / n


@composed
def rfft(x: TensorLike, n: int | None = None, axis: int = -1) -> tuple[Tensor, Tensor]:
    """The first n//2 + 1 places of the `fft` of real numbers; the others mirror them. x is cut to n, or filled up with 0."""
    x = _of_length(floating(x).swapaxes(axis, -1), n)
    real, imag = fft(x)
    half = x.shape[-1] // 2 + 1
    return real[..., :half].swapaxes(axis, -1), imag[..., :half].swapaxes(axis, -1)


@composed
def irfft(real: TensorLike, imag: TensorLike, n: int | None = None, axis: int = -1) -> Tensor:
    """The n real numbers whose `rfft` this is, by default 2·(m - 1) for m places."""
    real, imag = (part.swapaxes(axis, -1) for part in _pair(real, imag))
    n = 2 * (real.shape[-1] - 1) if n is None else n
    if n < 1:
        raise ShapeError(f"irfft to {n} numbers of {real._described()}: it gives 1 or more; pass n=")
    half = n // 2 + 1
    real, imag = _of_length(real, half), _of_length(imag, half)
    times = numpy.full(half, 2.0)  # each place but the first, and the middle one, stands for its mirror too
    times[0] = 1
    if n % 2 == 0:
        times[-1] = 1
    weights = real._like(times)
    y, _ = _transform(_of_length(real * weights, n), _of_length(imag * weights, n), -1, 1)
    return (y / n).swapaxes(axis, -1)


def _of_length(x: Tensor, n: int | None) -> Tensor:
    """The last axis cut to n, or filled up with 0."""
    if n is None or n == x.shape[-1]:
        return x
    if n < x.shape[-1]:
        return x[..., :n]
    return pad(x, [(0, 0)] * (x.ndim - 1) + [(0, n - x.shape[-1])])
