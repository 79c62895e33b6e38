"""Interpolation: sequences, images and volumes of another size.

Every way of it works along one axis after the other, and along an axis it is linear: output i is Σⱼ W[i, j] · x[j]. So
there is one small matrix of weights for each axis, and the gradient is a product with its transpose. Where each output
is just one of the inputs ("nearest"), it is picked by its number instead, so that nothing is rounded.
"""

import math
from collections.abc import Callable, Sequence

import numpy

from ...errors import OptionError, ShapeError
from ...functional.composed import composed
from ...functional.reductions import floating
from ...tensor import Tensor, TensorLike, as_tensor
from ...typing import PerAxis
from .convolution import SPACES
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
SMOOTH = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}  # how many spatial axes each mode is for
PICKING = {"nearest": 0.0, "nearest-exact": 0.5}  # where in an output pixel its input is looked for
INTERPOLATION_MODES = (*PICKING, *SMOOTH, "area")


@composed
def interpolate(
    input: TensorLike,
    size: PerAxis | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """x at another size: (batch, channels, *space) becomes (batch, channels, *size).

    size           the new size, a number or one for each axis; or
    scale_factor   by what the size is multiplied, a number or one for each axis, rounded down
    mode           "nearest" (the input at ⌊i · n / size⌋), "nearest-exact" (the one under the middle of output i),
                   "linear" (sequences), "bilinear", "bicubic" (images), "trilinear" (volumes),
                   "area" (the mean of the cells of a grid, as `adaptive_avg_pool2d`)
    align_corners  whether the middles of the corner pixels stay where they are, or (by default) their outer corners;
                   for the modes of lines and cubics
    recompute_scale_factor  whether positions are computed from the size that was rounded down
    antialias      whether the filter grows with the step where the image shrinks; for "bilinear" and "bicubic"

    Integers give float32, but for the modes that pick.
    A row or column with a number that is not finite has none that is afterwards, but for the modes that pick, and "area".
    Raises `OptionError` for options that do not go together, `ShapeError` for an input of another space.
    Sources: R. Keys, "Cubic Convolution Interpolation for Digital Image Processing" (1981), with a = -0.75, and with
    antialias a = -0.5.
    """
    input = floating(input) if mode in SMOOTH else as_tensor(input)
    space = input.shape[2:]
    _check_mode(input, mode, align_corners, antialias)
    sizes, factors = _sizes(space, size, scale_factor)
    if recompute_scale_factor:
        if scale_factor is None:
            raise OptionError("interpolate: recompute_scale_factor is for a scale_factor, and not for a size")
        factors = (None,) * len(space)
    if mode == "area":
        return AREA[len(space)](input, sizes)
    for axis, (n, out, factor) in enumerate(zip(space, sizes, factors, strict=True), start=2):
        if mode in PICKING:
            input = _pick(input, axis, out, factor, PICKING[mode])
        else:
            step = n / out if factor is None else 1 / factor
            if align_corners:
                step = (n - 1) / (out - 1) if out > 1 else 0.0
            cubic, weights = mode == "bicubic", _filter_weights if antialias else _between
            if n != out or (cubic and not antialias):  # else PyTorch leaves an axis alone, whatever its factor
                input = mix_along(input, axis, weights(n, out, step, bool(align_corners), cubic))
    return input


def _check_mode(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode not in INTERPOLATION_MODES:
        raise OptionError(f"interpolate: mode={mode!r} is not one of {', '.join(map(repr, INTERPOLATION_MODES))}")
    dims = input.ndim - 2
    if dims != SMOOTH.get(mode, dims) or dims not in SPACES:
        space = SPACES.get(SMOOTH.get(mode, 0), "1 to 3 spatial axes")
        raise ShapeError(
            f"interpolate by {mode!r} needs an input (batch, channels, {space}), but got {input._described()}"
        )
    if align_corners is not None and mode not in SMOOTH:
        raise OptionError(
            f"interpolate: align_corners is for {', '.join(map(repr, SMOOTH))}, and not for mode={mode!r}"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise OptionError(f"interpolate: antialias is for 'bilinear' and 'bicubic', and not for mode={mode!r}")
    if 0 in input.shape[2:]:
        raise ShapeError(f"interpolate: there is nothing to interpolate in {input._described()}")


def _sizes(space: tuple[int, ...], size, scale_factor) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new size of each axis, and the factor that was given for it, if any."""
    if (size is None) == (scale_factor is None):
        raise OptionError("interpolate needs either a size or a scale_factor")
    given = size if scale_factor is None else scale_factor
    given = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(space)
    kinds = (int, numpy.integer) if scale_factor is None else (int, float, numpy.number)
    if len(given) != len(space) or not all(isinstance(g, kinds) and g > 0 for g in given):
        what = "size" if scale_factor is None else "scale_factor"
        raise OptionError(
            f"interpolate: {what} is a positive number, or one for each of {len(space)} axes, not "
            f"{size if scale_factor is None else scale_factor}"
        )
    if scale_factor is None:
        return tuple(int(g) for g in given), (None,) * len(space)
    sizes = tuple(math.floor(n * g) for n, g in zip(space, given, strict=True))
    if 0 in sizes:
        raise OptionError(f"interpolate: scale_factor={scale_factor} leaves nothing of a space of {space}")
    return sizes, tuple(float(g) for g in given)


def _pick(x: Tensor, axis: int, out: int, factor: float | None, middle: float) -> Tensor:
    """One input for each output along an axis."""
    n = x.shape[axis]
    # In float32, because so PyTorch rounds the places of images, and rounding decides between two that are equally near.
    step, outputs = numpy.float32(n / out if factor is None else 1 / factor), numpy.arange(out, dtype=numpy.float32)
    places = numpy.minimum(((outputs + numpy.float32(middle)) * step).astype(int), n - 1)
    return pick_along(x, axis, places)


def pick_along(x: Tensor, axis: int, places: numpy.ndarray) -> Tensor:
    """x at some places along an axis, which do not go back."""
    n, out = x.shape[axis], len(places)
    if out % n == 0 and (places == numpy.arange(out) // (out // n)).all():
        # Each input is there several times, one beside the other: the gradient is a plain sum.
        wide = x.expand_dims(axis + 1).broadcast_to((*x.shape[: axis + 1], out // n, *x.shape[axis + 1 :]))
        return wide.reshape((*x.shape[:axis], out, *x.shape[axis + 1 :]))
    every = {int(step) for step in numpy.diff(places)} or {1}
    key: slice | numpy.ndarray = places
    if len(every) == 1 and 0 not in every:  # every n-th input: a view
        key = slice(int(places[0]), int(places[-1]) + 1, every.pop())
    return x[(*(slice(None),) * axis, key)]


def mix_along(x: Tensor, axis: int, weights: numpy.ndarray) -> Tensor:
    """Σⱼ weights[i, j] · x[j] along an axis, as a product of matrices."""
    if axis == x.ndim - 1:
        return x @ x._like(weights.T)
    rows = x.reshape((*x.shape[: axis + 1], math.prod(x.shape[axis + 1 :])))
    return (x._like(weights) @ rows).reshape((*x.shape[:axis], len(weights), *x.shape[axis + 1 :]))


def _between(n: int, out: int, step: float, aligned: bool, cubic: bool) -> numpy.ndarray:
    """The weights of the two, or four, inputs around each output; beyond the ends stands the last input."""
    middles = numpy.arange(out) * step if aligned else (numpy.arange(out) + 0.5) * step - 0.5
    left = numpy.floor(middles).astype(int)
    kernel, taps = (_cubic(-0.75), range(-1, 3)) if cubic else (_hat, range(2))
    weights = numpy.zeros((out, n))
    for tap in taps:
        numpy.add.at(weights, (numpy.arange(out), numpy.clip(left + tap, 0, n - 1)), kernel(left + tap - middles))
    return weights


def _filter_weights(n: int, out: int, step: float, aligned: bool, cubic: bool) -> numpy.ndarray:
    """The weights of all inputs under a kernel that is as wide as the step, where the image shrinks."""
    kernel, reach = (_cubic(-0.5), 2) if cubic else (_hat, 1)
    width = max(step, 1.0)
    middles = (numpy.arange(out)[:, None] + 0.5) * step
    places = numpy.arange(n)
    first = numpy.maximum((middles - reach * width + 0.5).astype(int), 0)
    last = numpy.minimum((middles + reach * width + 0.5).astype(int), n)
    weights = kernel((places - middles + 0.5) / width) * ((places >= first) & (places < last))
    return weights / weights.sum(1, keepdims=True)


def _hat(x: numpy.ndarray) -> numpy.ndarray:
    return numpy.maximum(1 - abs(x), 0)


def _cubic(a: float) -> Callable[[numpy.ndarray], numpy.ndarray]:
    """Keys's kernel: 1 at 0, 0 at the other integers, with continuous slopes."""

    def kernel(x: numpy.ndarray) -> numpy.ndarray:
        x = abs(x)
        near, far = ((a + 2) * x - (a + 3)) * x * x + 1, (((x - 5) * x + 8) * x - 4) * a
        return numpy.where(x <= 1, near, numpy.where(x < 2, far, 0))

    return kernel
