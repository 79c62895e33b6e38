"""Random changes of the colours of images: lighter, darker, gray, inverted, with fewer shades, sharper, evened out.

Images have numbers from `value_range`, by default from 0 to 255. Read before: `augmentation.py`.
"""

from __future__ import annotations

from typing import Any

from ... import random
from ...functional import clip, floor, stack, where
from ...functional.convolution import per_axis
from ...tensor import Tensor, as_tensor
from .augmentation import VALUES, Augmentation, Transformation, between, by_image, checked_range, scaled
from .filters import blurred, filtered
from .pixels import gray_of, hsv_of, rgb_of


class ColorChange(Augmentation):
    """Layers that know in which range the numbers of an image are."""

    def __init__(self, value_range: Any, seed: int | None, data_format: str | None = None, **options: Any):
        super().__init__(seed, data_format, **options)
        self.value_range = checked_range(value_range)


class _FactorChange(ColorChange):
    """Those whose strength is drawn from `factor`, which lies between `_limits`."""

    _limits = (-1, 1)

    def __init__(
        self,
        factor: Any,
        value_range: Any = VALUES,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(value_range, seed, data_format, **options)
        self.factor = between(factor, "factor", *self._limits)


class RandomContrast(ColorChange):
    """y = (x - mean) · c + mean, with the mean of each channel of each image and a random c.

    factor       a pair of numbers from 0 to 1: c lies between 1 - lower and 1 + upper; a number is (0, upper)
    value_range  what the result is limited to
    """

    def __init__(self, factor: Any, value_range: Any = VALUES, seed: int | None = None, **options: Any):
        super().__init__(value_range, seed, **options)
        self.factor = between(factor, "factor", least=0)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        lower, upper = self.factor
        return {"contrast_factor": by_image(self.draw(1 - lower, 1 + upper, data))}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        mean = images.mean((1, 2), keepdims=True)
        return clip((images - mean) * transformation["contrast_factor"] + mean, *self.value_range)


class RandomBrightness(ColorChange):
    """y = x + b, with a random b for each image.

    factor       b lies between these parts of the whole range, from -1 to 1: a pair, or a number for both directions
    value_range  from where to where numbers go; the result is limited to it
    """

    def __init__(self, factor: Any, value_range: Any = VALUES, seed: int | None = None, **options: Any):
        super().__init__(value_range, seed, **options)
        self.factor = between(factor, "factor")

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        low, high = self.value_range
        return {"rgb_delta": by_image(self.draw(*self.factor, data) * (high - low))}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        return clip(images + transformation["rgb_delta"], *self.value_range)


class RandomHue(_FactorChange):
    """Red, green and blue images with their hue turned by a random part of half the circle, in one direction or the other.

    factor  the largest part, or (lowest, highest), from 0 to 1
    """

    _limits = (0, 1)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        way = where(self.draw(0, 1, data) > 0.5, -1.0, 1.0)
        return {"factor": way * self.draw(*self.factor, data) * 0.5}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        hsv = hsv_of(scaled(images, self.value_range, (0, 1)))
        hue = hsv[..., 0] + transformation["factor"].reshape((-1, 1, 1))
        hue = where(hue > 1, hue - 1, where(hue < 0, hue + 1, hue))
        rgb = rgb_of(stack([hue, hsv[..., 1], hsv[..., 2]], axis=-1))
        return scaled(clip(rgb, 0, 1), (0, 1), self.value_range)


class RandomSaturation(_FactorChange):
    """Red, green and blue images with their saturation multiplied by f / (1 - f), f being random.

    factor  f lies between these, from 0 to 1: 0 makes images gray, 0.5 leaves them, 1 makes colours full
    """

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        factor = self.draw(*self.factor, data)
        return {"factor": factor / (1 - factor + 1e-7)}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        hsv = hsv_of(images)
        saturation = clip(hsv[..., 1] * transformation["factor"].reshape((-1, 1, 1)), *self.value_range)
        return rgb_of(stack([hsv[..., 0], saturation, hsv[..., 2]], axis=-1))


class RandomColorJitter(ColorChange):
    """`RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue`, one after the other, each if it has a factor."""

    def __init__(
        self,
        value_range: Any = VALUES,
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(value_range, seed, data_format, **options)
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        factors = brightness_factor, contrast_factor, saturation_factor, hue_factor
        kinds = RandomBrightness, RandomContrast, RandomSaturation, RandomHue
        self.changes = [
            kind(factor, value_range=value_range)
            for kind, factor in zip(kinds, factors, strict=True)
            if factor is not None
        ]

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        return {"transforms": [change.get_random_transformation(data, training) for change in self.changes]}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        for change, drawn in zip(self.changes, transformation["transforms"], strict=True):
            images = change.transform_images(images, drawn, training)
        return images


class RandomColorDegeneration(_FactorChange):
    """y = x + f · (gray - x), with a random f for each image. factor: between which numbers f lies, from -1 to 1."""

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        return {"factor": by_image(self.draw(*self.factor, data))}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        return clip(images + transformation["factor"] * (gray_of(images) - images), *self.value_range)


class RandomGrayscale(Augmentation):
    """Images made gray, each with the probability `factor`; they keep their three channels."""

    def __init__(self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **options: Any):
        super().__init__(seed, data_format, **options)
        self.factor = between((0, factor), "factor", least=0)[1]

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        return {"should_apply": by_image(self.draw(0, 1, data) < self.factor)}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        return where(transformation["should_apply"], gray_of(images), images)


class RandomInvert(ColorChange):
    """y = highest - x for some images. factor: how probable that is, a number or (lowest, highest)."""

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = VALUES,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ):
        super().__init__(value_range, seed, data_format, **options)
        self.factor = between(factor, "factor", least=0)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        return {"apply_inversion": self.chosen(self.factor, data).reshape(-1)}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        return where(by_image(transformation["apply_inversion"]), self.value_range[1] - images, images)


class RandomPosterization(_FactorChange):
    """Images with fewer shades: of the 8 bits of a number the first b stay, the rest become 0.

    factor  b lies between these, from 1 to 8, and below the highest unless both are equal; a number is (1, number)
    """

    _limits = (1, 8)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        low, high = map(int, self.factor)
        bits = random.integers(low, max(high, low + 1), (data.shape[0],), device=data.device)
        return {"shift_factor": 8 - bits}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        step = 2.0 ** by_image(transformation["shift_factor"]).astype(images.dtype)
        bytes_of = floor(scaled(images, self.value_range, VALUES))
        return scaled(floor(bytes_of / step) * step, VALUES, self.value_range)


class Solarization(ColorChange):
    """x + a, and what is then not below a threshold inverted, as if film had seen too much light.

    addition_factor, threshold_factor  a and the threshold lie between these parts of 255; a pair, or a number for (0, number)
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = VALUES,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(value_range, seed, **options)
        self.addition_factor = between(addition_factor, "addition_factor", least=0)
        self.threshold_factor = between(threshold_factor, "threshold_factor", least=0)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        (a, b), (c, d) = self.addition_factor, self.threshold_factor  # of which Keras counts the first as it is
        return {
            "additions": by_image(self.draw(a, b * 255, data)),
            "thresholds": by_image(self.draw(c, d * 255, data)),
        }

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        x = clip(scaled(images, self.value_range, VALUES) + transformation["additions"], *VALUES)
        return scaled(where(x < transformation["thresholds"], x, 255 - x), VALUES, self.value_range)


class RandomSharpness(_FactorChange):
    """y = x + (1 - 2f) · (smooth - x), with a random f: 0 smooths images, 0.5 leaves them, 1 makes edges sharper.

    factor  f lies between these: a number, or (lowest, highest), from 0 to 1
    """

    _limits = (0, 1)

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        return {"factor": self.draw(*self.factor, data)}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        kernel = as_tensor([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]], device=images.device) / 13
        share = 1 - 2 * by_image(transformation["factor"])
        return clip(images + share * (filtered(images, kernel) - images), *self.value_range)


class RandomGaussianBlur(ColorChange):
    """Images blurred by a bell.

    factor       how probable it is that an image is changed, a number or (lowest, highest)
    kernel_size  to how many pixels the bell is cut, a number or one for each axis
    sigma        how wide it is: random between these, from 0 to 1; a number is (0, number)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = VALUES,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Any,
    ):
        super().__init__(value_range, seed, data_format, **options)
        self.factor, self.sigma = between(factor, "factor", least=0), between(sigma, "sigma", least=0)
        self.kernel_size = per_axis(kernel_size, 2, "kernel_size")

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        return {
            "should_apply_blur": self.chosen(self.factor, data).reshape(-1),
            "blur_factor": random.uniform(*self.sigma, (2,), device=data.device) + 1e-6,
        }

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        columns, rows = transformation["blur_factor"][0], transformation["blur_factor"][1]
        blur = blurred(images, (self.kernel_size[0], self.kernel_size[1]), rows, columns)
        return clip(where(by_image(transformation["should_apply_blur"]), blur, images), *self.value_range)
