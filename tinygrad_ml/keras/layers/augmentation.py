"""Layers that change images: what all have in common. Read next: `geometry.py`, `colors.py`, `mixing.py`.

A change has two parts, under Keras's names: `get_random_transformation` draws, once for images, labels and masks of segments;
`transform_images`, and where it is needed `transform_labels` and `transform_segmentation_masks`, do what was drawn. These are given
batches with the channels last; `call` takes one image, too, and either format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import random
from ...backend import DEFAULT_FLOAT
from ...errors import OptionError, ShapeError
from ...functional import moveaxis
from ...tensor import Tensor, as_tensor
from ..checks import number
from .channels import checked_format
from .regularization import Seeded

Transformation = dict[str, Any]
VALUES = (0, 255)


def between(factor: Any, what: str, least: float = -1, most: float = 1) -> tuple[float, float]:
    """(lowest, highest) of a factor that is a pair, or a number: then in both directions, as far as `least` lets it."""
    pair = (max(-abs(factor), least), abs(factor)) if isinstance(factor, (int, float)) else factor
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise OptionError(f"{what}={factor!r} must be a number, or a pair (lowest, highest)")
    low, high = sorted(float(number(what, one, least, most)) for one in pair)
    return low, high


def checked_range(value_range: Any) -> Any:
    """A pair (lowest, highest) of what numbers images are made of."""
    if not isinstance(value_range, (list, tuple)) or len(value_range) != 2:
        raise OptionError(f"value_range={value_range!r} must be a pair (lowest, highest)")
    return value_range


def scaled(images: Tensor, before: Any, after: Any) -> Tensor:
    """Images of the range `before` in the range `after`."""
    if tuple(before) == tuple(after):
        return images
    return (images - before[0]) / (before[1] - before[0]) * (after[1] - after[0]) + after[0]


class Augmentation(Seeded):
    """The base of layers that change images. They act where they are called by themselves, and in training; not where a model is
    used.

    seed         of what is drawn
    data_format  "channels_last": (batch, height, width, channels), or without the batch; or "channels_first"

    Called on images; or on a dictionary with "images", and "labels" and "segmentation_masks", which are changed alike.
    """

    always = False  # whether the layer acts where a model is used, too

    def __init__(self, seed: int | None, data_format: str | None = None, **options: Any):
        super().__init__(seed, **options)
        self.data_format = checked_format(data_format)

    def call(self, inputs: Any, training: bool = True) -> Any:
        data = inputs if isinstance(inputs, Mapping) else {"images": inputs}
        if "bounding_boxes" in data:
            raise OptionError(
                f"{self.name}: boxes around things in images are not offered; images, labels and masks are"
            )
        training = bool(training)
        images = as_tensor(data["images"]).astype(DEFAULT_FLOAT)
        if images.ndim not in (3, 4):
            raise ShapeError(
                f"{self.name} takes images (batch, height, width, channels), or one, but got {images._described()}. What "
                "has no channels gets one by x.reshape(-1, height, width, 1)"
            )
        if not training and not self.always:
            return inputs if isinstance(inputs, Mapping) else images
        alone = images.ndim == 3
        batch = self._batch(images, alone)
        with self.stream():
            drawn = self.get_random_transformation(batch, training)
            made: dict[str, Any] = {"images": self._back(self.transform_images(batch, drawn, training), alone)}
        if not isinstance(inputs, Mapping):
            return made["images"]
        if "labels" in data:
            labels = as_tensor(data["labels"])
            labels = labels.expand_dims(0) if alone else labels
            changed = self.transform_labels(labels, drawn, training)
            made["labels"] = changed.squeeze(0) if alone else changed
        if "segmentation_masks" in data:
            masks = self._batch(as_tensor(data["segmentation_masks"]), alone)
            made["segmentation_masks"] = self._back(self.transform_segmentation_masks(masks, drawn, training), alone)
        return {**data, **made}

    def _batch(self, images: Tensor, alone: bool) -> Tensor:
        images = images.expand_dims(0) if alone else images
        return moveaxis(images, 1, -1) if self.data_format == "channels_first" else images

    def _back(self, images: Tensor, alone: bool) -> Tensor:
        images = moveaxis(images, -1, 1) if self.data_format == "channels_first" else images
        return images.squeeze(0) if alone else images

    def get_random_transformation(self, data: Tensor, training: bool = True) -> Transformation:
        """What is drawn for a batch of images; nothing, by default."""
        return {}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        """Images (batch, height, width, channels) as training sees them."""
        raise NotImplementedError

    def transform_labels(self, labels: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        """Their labels: by default they stay."""
        return labels

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        """Masks of segments, (batch, height, width, 1): by default they stay."""
        return segmentation_masks

    def draw(self, low: float, high: float, images: Tensor, *more: int) -> Tensor:
        """A random number for each image, or an array of them of a shape."""
        return random.uniform(low, high, (images.shape[0], *more), device=images.device)

    def chosen(self, factor: tuple[float, float], images: Tensor) -> Tensor:
        """Whether each image is one that is changed: with a probability drawn from `factor`, (batch, 1, 1, 1)."""
        return by_image(self.draw(0, 1, images) < self.draw(*factor, images))


class Movement(Augmentation):
    """Layers that move pixels: those of images with `interpolation`, and those of masks, which are numbers of classes, without."""

    interpolation: str = "nearest"

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool = True) -> Tensor:
        return self._moved(images, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool = True
    ) -> Tensor:
        return self._moved(segmentation_masks, transformation, "nearest")

    def _moved(self, images: Tensor, transformation: Transformation, interpolation: str) -> Tensor:
        """Images, or masks, (batch, height, width, channels), after what was drawn."""
        raise NotImplementedError


def by_image(numbers: Tensor) -> Tensor:
    """A number for each image, so that it meets all pixels: (batch,) as (batch, 1, 1, 1)."""
    return numbers.reshape((-1, 1, 1, 1))
