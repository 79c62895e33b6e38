"""Changes to images on their way into a batch: plain functions of NumPy arrays.

One convention throughout: a transform takes a *batch*, an array of shape (N, H, W) or (N, C, H, W), and returns
one. Random transforms make a new choice for each image of the batch.

    augment = Compose([RandomTranslation(2), ToFloat(), Normalize(MNIST.mean, MNIST.std)])
    loader = DataLoader(MNIST(train=True, transform=augment), batch_size=128, shuffle=True)

Read next: `vision.py`, which applies them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy

from ..errors import OptionError, ShapeError
from .seeds import base_seed


class Compose:
    """Apply `transforms` one after the other."""

    def __init__(self, transforms: Sequence[Callable[[numpy.ndarray], numpy.ndarray]]):
        self.transforms = list(transforms)

    def __call__(self, images: numpy.ndarray) -> numpy.ndarray:
        for transform in self.transforms:
            images = transform(images)
        return images


class ToFloat:
    """Bytes 0 to 255 become float32 numbers 0 to 1, with an axis for the channels: (N, H, W) -> (N, 1, H, W)."""

    def __call__(self, images: numpy.ndarray) -> numpy.ndarray:
        scaled = images.astype(numpy.float32) / numpy.float32(255)
        return scaled[:, None] if scaled.ndim == 3 else scaled


class Normalize:
    """`(x - mean) / std`, by channel: on images of shape (N, C, H, W).

    mean, std  one number for each channel

    Raises `OptionError`: a `std` is 0, or their numbers differ. `ShapeError`: the images have other channels.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        if len(mean) != len(std) or 0 in std:
            raise OptionError(f"Normalize was given mean={mean} and std={std}; give each channel a mean and a std > 0")
        self.mean = numpy.reshape(numpy.array(mean, numpy.float64), (-1, 1, 1))
        self.std = numpy.reshape(numpy.array(std, numpy.float64), (-1, 1, 1))

    def __call__(self, images: numpy.ndarray) -> numpy.ndarray:
        if images.ndim != 4 or images.shape[1] != len(self.mean):
            raise ShapeError(
                f"Normalize with {len(self.mean)} channels was given images of shape {images.shape}; "
                f"expected (N, {len(self.mean)}, H, W), which ToFloat makes of grey images"
            )
        dtype = images.dtype if images.dtype.kind == "f" else numpy.dtype(numpy.float32)
        return (images - self.mean.astype(dtype)) / self.std.astype(dtype)


class _Random:
    """Base of the random transforms: a random stream each, started at first use."""

    def __init__(self, seed: int | None):
        self._seed = seed
        self._generator: numpy.random.Generator | None = None

    @property
    def generator(self) -> numpy.random.Generator:
        """The stream of random numbers; without a seed, one is drawn from the library's, which `manual_seed` rules."""
        if self._generator is None:
            self._generator = numpy.random.default_rng(base_seed(self._seed))
        return self._generator


class RandomTranslation(_Random):
    """Move each image by up to `pixels` in each direction, at random; what comes into view is 0.

    pixels  the largest shift, up or down and left or right
    seed    the same seed gives the same shifts

    Raises `OptionError`: `pixels` is negative.
    """

    def __init__(self, pixels: int, seed: int | None = None):
        super().__init__(seed)
        if pixels < 0:
            raise OptionError(f"RandomTranslation was given pixels={pixels}; it must be 0 or more")
        self.pixels = pixels

    def __call__(self, images: numpy.ndarray) -> numpy.ndarray:
        count, size = len(images), images.shape[-2:]
        border = [(0, 0)] * (images.ndim - 2) + [(self.pixels, self.pixels)] * 2
        # Every window of the image's size over its padded self, without a copy: (N, ..., top, left, H, W).
        windows = numpy.lib.stride_tricks.sliding_window_view(numpy.pad(images, border), size, axis=(-2, -1))
        top, left = self.generator.integers(0, 2 * self.pixels + 1, size=(2, count))
        return windows[numpy.arange(count), ..., top, left, :, :]


class RandomHorizontalFlip(_Random):
    """Mirror each image left to right with probability `p`.

    p     the probability
    seed  the same seed flips the same images
    """

    def __init__(self, p: float = 0.5, seed: int | None = None):
        super().__init__(seed)
        self.p = p

    def __call__(self, images: numpy.ndarray) -> numpy.ndarray:
        chosen = self.generator.random(len(images)) < self.p
        flipped = images.copy()
        flipped[chosen] = images[chosen, ..., ::-1]
        return flipped
