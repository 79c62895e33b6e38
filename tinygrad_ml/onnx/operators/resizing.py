"""Images of another size: `Resize`, and `Upsample`, which it was before.

Along each axis output i is Σⱼ W[i, j] · x[j], with weights by the distance of j from the place where i comes from.

Read before: `../../nn/functional/interpolation.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy

from ...errors import OptionError
from ...functional.reductions import floating
from ...nn.functional.interpolation import mix_along, pick_along
from ...tensor import Tensor
from ..table import Numbers, operator


class _Way(NamedTuple):
    """How places are found, and what is made of what lies around them; see `resize`."""

    mode: str
    transformation: str
    nearest: str
    cubic: float
    antialias: bool
    exclude_outside: bool
    outside: float


@operator("Resize", versions=(11, 13, 18, 19))
def resize(
    x: Tensor,
    roi: Numbers | None = None,
    scales: Numbers | None = None,
    sizes: Numbers | None = None,
    *,
    antialias: int = 0,
    axes: list[int] | None = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Tensor:
    """x at another size: by `scales`, or with `sizes`, for all axes or for `axes`.

    coordinate_transformation_mode   where in x the middle of an output lies
    keep_aspect_ratio_policy         "not_larger" and "not_smaller": one scale for all axes, so that no size is larger, or smaller
    antialias                        whether the weights reach further where the image shrinks
    exclude_outside                  whether what lies outside counts nothing, instead of as the last element
    extrapolation_value              what is outside of the region `roi` of "tf_crop_and_resize"
    """
    chosen = [axis % x.ndim for axis in axes] if axes is not None else list(range(x.ndim))
    regions = None if roi is None or not roi.size else [(roi[k], roi[k + len(chosen)]) for k in range(len(chosen))]
    way = _Way(
        mode,
        coordinate_transformation_mode,
        nearest_mode,
        cubic_coeff_a,
        bool(antialias),
        bool(exclude_outside),
        extrapolation_value,
    )
    old = [x.shape[axis] for axis in chosen]
    if sizes is not None and sizes.size:
        new, factors = _of_sizes(old, [int(size) for size in sizes], keep_aspect_ratio_policy)
    elif scales is not None and scales.size:
        factors = [float(scale) for scale in scales]
        new = [math.floor(n * factor) for n, factor in zip(old, factors, strict=True)]
    else:
        raise OptionError("Resize needs scales or sizes")
    for k, axis in enumerate(chosen):
        x = _resized(x, axis, new[k], factors[k], None if regions is None else regions[k], way)
    return x


@operator("Resize", versions=(10,))
def first_resize(x: Tensor, scales: Numbers, *, mode: str = "nearest") -> Tensor:
    """x at another size, by the rule that `Upsample` has."""
    return resize(x, None, scales, mode=mode, coordinate_transformation_mode="asymmetric", nearest_mode="floor")


@operator("Upsample", versions=(9,))
def upsample(x: Tensor, scales: Numbers, *, mode: str = "nearest") -> Tensor:
    """x at another size: output i comes from place i / scale."""
    return first_resize(x, scales, mode=mode)


@operator("Upsample", versions=(7,))
def upsample_by_attribute(x: Tensor, *, mode: str = "nearest", scales: list[float]) -> Tensor:
    """The same, with scales that are attributes."""
    return first_resize(x, numpy.array(scales), mode=mode)


@operator("Upsample", versions=(1,))
def upsample_images(x: Tensor, *, height_scale: float, mode: str = "nearest", width_scale: float) -> Tensor:
    """The same of images."""
    return first_resize(
        x, numpy.array([1, 1, height_scale, width_scale]), mode="linear" if mode == "bilinear" else mode
    )


def _of_sizes(old: Sequence[int], sizes: list[int], policy: str) -> tuple[list[int], list[float]]:
    """Sizes and scales; one scale for all axes, if the ratio of the sizes is kept."""
    factors = [size / n for size, n in zip(sizes, old, strict=True)]
    if policy == "stretch":
        return sizes, factors
    factor = min(factors) if policy == "not_larger" else max(factors)
    return [math.floor(n * factor + 0.5) for n in old], [factor] * len(old)


def _resized(x: Tensor, axis: int, out: int, factor: float, region: tuple[float, float] | None, way: _Way) -> Tensor:
    n = x.shape[axis]
    if factor == 1 and out == n and way.transformation != "tf_crop_and_resize":
        return x
    places = _places(n, out, factor, region, way.transformation)
    outside = None
    if way.transformation == "tf_crop_and_resize":
        outside = (places < 0) | (places > n - 1)
    if way.mode == "nearest":
        numbers = numpy.clip(_nearest(places, way.nearest), 0, n - 1).astype(int)
        forward = outside is None and (numpy.diff(numbers) >= 0).all()
        y = pick_along(x, axis, numbers) if forward else x[(*(slice(None),) * axis, numbers)]
    else:
        y = mix_along(floating(x), axis, _weights(places, n, factor, way)).astype(x.dtype)
    if outside is None or not outside.any():
        return y
    along = x._like(outside).astype("bool").reshape((-1,) + (1,) * (x.ndim - 1 - axis))
    return along.where(way.outside, y)


def _places(n: int, out: int, factor: float, region: tuple[float, float] | None, transformation: str) -> numpy.ndarray:
    """Where on an axis of size n each of `out` outputs comes from."""
    i, length = numpy.arange(out, dtype=float), n * factor
    match transformation:
        case "half_pixel":
            return (i + 0.5) / factor - 0.5
        case "pytorch_half_pixel":
            return (i + 0.5) / factor - 0.5 if length > 1 else i * 0 - 0.5
        case "half_pixel_symmetric":
            return n / 2 * (1 - out / length) + (i + 0.5) / factor - 0.5
        case "align_corners":
            return i * (n - 1) / (length - 1) if length != 1 else i * 0
        case "asymmetric":
            return i / factor
        case "tf_crop_and_resize" if region is not None:
            first, last = (float(end) for end in region)
            if length == 1:
                return i * 0 + (first + last) * (n - 1) / 2
            return first * (n - 1) + i * (last - first) * (n - 1) / (length - 1)
    raise OptionError(f"Resize: there is no way {transformation!r} to find places{', without roi' * (region is None)}")


def _nearest(places: numpy.ndarray, rule: str) -> numpy.ndarray:
    match rule:
        case "round_prefer_floor":
            return numpy.ceil(places - 0.5)
        case "round_prefer_ceil":
            return numpy.floor(places + 0.5)
        case "floor":
            return numpy.floor(places)
        case "ceil":
            return numpy.ceil(places)
    raise OptionError(
        f"Resize: nearest_mode={rule!r} is not one of round_prefer_floor, round_prefer_ceil, floor and ceil"
    )


def _weights(places: numpy.ndarray, n: int, factor: float, way: _Way) -> numpy.ndarray:
    """For each output the shares of all n elements; where the image shrinks, more of them count with `antialias`."""
    if way.mode not in ("linear", "cubic"):
        raise OptionError(f"Resize: mode={way.mode!r} is not one of nearest, linear and cubic")
    narrow = min(factor, 1.0) if way.antialias else 1.0
    reach = (2 if way.mode == "cubic" else 1) / narrow
    left = numpy.floor(places - reach).astype(int)
    taps = left[:, None] + numpy.arange(math.ceil(2 * reach) + 2)
    distances = abs(taps - places[:, None]) * narrow
    shares = _cubic(distances, way.cubic) if way.mode == "cubic" else numpy.maximum(1 - distances, 0)
    if way.exclude_outside:
        shares = shares * ((taps >= 0) & (taps < n))
    if way.exclude_outside or narrow < 1:
        shares = shares / shares.sum(1, keepdims=True)
    weights = numpy.zeros((len(places), n))
    numpy.add.at(weights, (numpy.arange(len(places))[:, None], numpy.clip(taps, 0, n - 1)), shares)
    return weights


def _cubic(distance: numpy.ndarray, a: float) -> numpy.ndarray:
    """Keys's kernel of distances: 1 at 0, and 0 at the other integers and beyond 2."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = (((distance - 5) * distance + 8) * distance - 4) * a
    return numpy.where(distance <= 1, near, numpy.where(distance < 2, far, 0))
