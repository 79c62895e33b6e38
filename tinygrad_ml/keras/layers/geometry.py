"""Random changes of where pixels are: images moved, turned, made larger, mirrored, sheared, cut, seen from aside, bent.

The geometry is in `affine.py`. Read before: `augmentation.py`.
"""

from __future__ import annotations

import math
from typing import Any

from ... import random
from ...functional import arange, clip, concat, flip, floor, ones, where
from ...tensor import Tensor, as_tensor
from ..checks import number, one_of, whole
from .affine import FILL_MODES, INTERPOLATIONS, grid, homography, images_at, projected, transform
from .augmentation import VALUES, Movement, Transformation, between, by_image, checked_range
from .filters import blurred
from .resizing import fitting_crop, resized


class _Geometric(Movement):
    """Images looked at through a matrix for each: see `affine.transform`."""

    def __init__(
        self,
        fill_mode: str,
        interpolation: str,
        seed: int | None,
        fill_value: float,
        data_format: str | None,
        **options: Any,
    ):
        super().__init__(seed, data_format, **options)
        self.fill_mode = one_of("fill_mode", fill_mode, FILL_MODES)
        self.interpolation = one_of("interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        return transform(images, transformation["matrix"], self.fill_mode, interpolation, self.fill_value)


class RandomTranslation(_Geometric):
    """Each image moved by a random part of its height and width.

    height_factor, width_factor  the largest part, in both directions; or (lowest, highest)
    fill_mode      what comes in: "reflect" (dcba|abcd|dcba), "wrap" (abcd|abcd|abcd), "nearest" (aaaa|abcd|dddd),
                   or "constant", `fill_value`
    interpolation  "bilinear" or "nearest"
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height, self.width = between(height_factor, "height_factor"), between(width_factor, "width_factor")

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        down = self.draw(*self.height, data) * data.shape[1]
        right = self.draw(*self.width, data) * data.shape[2]
        one, zero = down * 0 + 1, down * 0
        return {"matrix": ((one, zero, -down), (zero, one, -right))}


class RandomRotation(_Geometric):
    """Each image turned around its middle by a random part of a full turn.

    factor  the largest part of 2π, in both directions; or (lowest, highest), above 0 being anticlockwise. The rest is as in `RandomTranslation`
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.factor = self.part = between(factor, "factor")

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        angle = self.draw(*self.part, data) * (2 * math.pi)
        cos, sin = angle.cos(), angle.sin()
        return {"matrix": ((cos, sin, None), (-sin, cos, None))}


class RandomZoom(_Geometric):
    """Each image made smaller or larger by a random part: positive factors zoom out, negative ones in.

    height_factor  the largest part, in both directions; or (lowest, highest)
    width_factor   likewise; None keeps the proportions. The rest is as in `RandomTranslation`
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height = between(height_factor, "height_factor")
        self.width = None if width_factor is None else between(width_factor, "width_factor")

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        tall = self.draw(*self.height, data) + 1
        wide = tall if self.width is None else self.draw(*self.width, data) + 1
        return {"matrix": ((tall, tall * 0, None), (wide * 0, wide, None))}


class RandomFlip(Movement):
    """Each image mirrored or not. mode: "horizontal", "vertical" or "horizontal_and_vertical"."""

    def __init__(self, mode: str = "horizontal_and_vertical", seed: int | None = None, **options: Any):
        super().__init__(seed, **options)
        axes = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (2, 1)}
        self.mode, self.axes = one_of("mode", mode, axes), axes[mode]

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        return {"flips": [by_image(self.draw(0, 1, data) < 0.5) for _ in self.axes]}

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        for axis, tossed in zip(self.axes, transformation["flips"], strict=True):
            images = where(tossed, flip(images, axis), images)
        return images


class RandomShear(_Geometric):
    """Each image sheared: a row moves along by a random part of its height in the image, a column by one of its width.

    x_factor, y_factor  the largest part, in both directions; or (lowest, highest), from 0 to 1, in one direction or the other.
    The rest is as in `RandomTranslation`
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **options)
        self.x_factor, self.y_factor = between(x_factor, "x_factor"), between(y_factor, "y_factor")

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        way = where(self.draw(0, 1, data, 1) > 0.5, -1.0, 1.0)
        both = [self.draw(*factor, data, 1) for factor in (self.x_factor, self.y_factor)]
        return {"shear_factor": concat(both, axis=1) * way}

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        along, down = (transformation["shear_factor"][:, i] for i in (0, 1))
        one, zero = along * 0 + 1, along * 0
        matrix = ((one, down, zero), (along, one, zero))
        return transform(images, matrix, self.fill_mode, interpolation, self.fill_value)


class RandomCrop(Movement):
    """A random part of images, of the size (height, width), the same of all in a batch.

    In use, and of images that are not larger, it is the largest part in the middle that has these proportions, at that size.
    """

    always = True

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **options: Any,
    ):
        super().__init__(seed, data_format, name=name, **options)
        self.height, self.width = whole("height", height), whole("width", width)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        room = [n - size for n, size in zip(data.shape[1:3], (self.height, self.width), strict=True)]
        if not training or min(room) <= 0:
            return {}
        return {"corner": [floor(random.uniform(0, n + 1, (), device=data.device)).astype("int64") for n in room]}

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        if not transformation:
            return resized(fitting_crop(images, self.height, self.width), self.height, self.width)
        for axis, (first, size) in enumerate(zip(transformation["corner"], (self.height, self.width), strict=True), 1):
            places = first + arange(size, device=images.device)
            images = images[(slice(None),) * axis + (places,)]
        return images


class RandomPerspective(Movement):
    """Images seen from aside: their corners are moved by a random part of where they are.

    factor         how probable it is that an image is changed, or (lowest, highest) probability
    scale          how far corners are moved, from 0 to 1
    interpolation  "bilinear" or "nearest"
    fill_value     what stands outside of the image
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(seed, data_format, **options)
        self.factor, self.scale = between(factor, "factor", 0), number("scale", scale, 0, 1)
        self.interpolation, self.fill_value = one_of("interpolation", interpolation, INTERPOLATIONS), fill_value

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        batch, height, width, _ = data.shape
        corners = [[0.0, 0.0], [width - 1, 0.0], [0.0, height - 1], [width - 1, height - 1]]
        start = as_tensor(corners, device=data.device).astype("float32") * ones((batch, 1, 1), device=data.device)
        moved = self.draw(-0.5 * self.scale, 0.5 * self.scale, data, 4, 2)
        return {
            "apply_perspective": self.chosen(self.factor, data).reshape(-1),
            "start_points": start,
            "end_points": start + start * moved,
        }

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        a = homography(transformation["start_points"], transformation["end_points"])
        seen = projected(images, a, "constant", interpolation, self.fill_value)
        return where(by_image(transformation["apply_perspective"]), seen, images)


class RandomElasticTransform(Movement):
    """Images bent as if they were made of rubber: each pixel moves a little, its neighbours nearly as far.

    factor         how probable it is that an image is changed, or (lowest, highest) probability
    scale          how far pixels move, a number or (lowest, highest), from 0 to 1
    interpolation  "bilinear" or "nearest"
    fill_mode      what comes in, as in `RandomTranslation`, or "mirror" (dcb|abcd|cba)
    value_range    what the result is limited to
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = VALUES,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(seed, data_format, **options)
        self.factor, self.scale = between(factor, "factor", 0), between(scale, "scale", 0)
        self.interpolation = one_of("interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode, self.fill_value = one_of("fill_mode", fill_mode, (*FILL_MODES, "mirror")), fill_value
        self.value_range = checked_range(value_range)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        factor = random.uniform(*self.scale, (), device=data.device)
        sigma, window = factor * (0.05 * min(data.shape[1:3])), int(0.3 * self.scale[1] * min(data.shape[1:3])) | 1
        noise = random.normal(0, 1, (*data.shape[:3], 2), device=data.device) * sigma
        away = blurred(noise, (window, window), sigma + 1e-6, sigma + 1e-6) * (factor * (0.1 * max(data.shape[1:3])))
        return {"apply_transform": self.chosen(self.factor, data).reshape(-1), "away": away}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        return clip(self._moved(images, transformation, self.interpolation), *self.value_range)

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        y, x = grid(images)
        rows, columns = (place + transformation["away"][..., i] for i, place in enumerate((y, x)))
        bent = images_at(images, rows, columns, self.fill_mode, interpolation, self.fill_value)
        return where(by_image(transformation["apply_transform"]), bent, images)
