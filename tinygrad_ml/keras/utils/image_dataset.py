"""A folder of images as a data set: one folder a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy

from ...errors import OptionError
from ..checks import one_of
from .folders import loader_of_folder
from .images import COLOR_MODES, ENDINGS, RESAMPLING, img_to_array, load_img


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of the images in a folder with a folder for each class in it, for `fit`, `evaluate` and `for` loops.

    labels       "inferred", from the folders; None; or a list of integers, one for each file in alphabetical order
    label_mode   "int"; "categorical", one-hot; "binary", 0 and 1 as float32 of shape (batch, 1); or None
    class_names  the folders in the order of the labels; by default alphabetical
    color_mode   "rgb", "rgba" or "grayscale"
    image_size   (height, width) that all images are resized to
    batch_size   None for single images and labels, as a `Dataset`
    seed         of the order, and of what `validation_split` cuts off
    subset       "training", "validation" or "both", a pair of loaders
    crop_to_aspect_ratio  cut off what is too wide or too high; `pad_to_aspect_ratio`: fill up with black. Else images are squeezed
    data_format  "channels_first" for images (channels, height, width)
    follow_links and format are accepted: a `DataLoader` comes out

    The images are float32 from 0 to 255. Raises `DataError` for a folder without images, and for files that are none.
    """
    one_of("color_mode", color_mode, COLOR_MODES)
    one_of("interpolation", interpolation, RESAMPLING)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise OptionError("give one of crop_to_aspect_ratio and pad_to_aspect_ratio")

    def read(path: Path) -> numpy.ndarray:
        if pad_to_aspect_ratio:
            image = _padded(load_img(path, color_mode), image_size, interpolation)
        else:
            image = load_img(path, color_mode, image_size, interpolation, crop_to_aspect_ratio)
        return img_to_array(image, data_format)

    return loader_of_folder(
        directory,
        read,
        ENDINGS,
        labels=labels,
        label_mode=label_mode,
        class_names=class_names,
        batch_size=batch_size,
        shuffle=shuffle,
        seed=seed,
        validation_split=validation_split,
        subset=subset,
        verbose=verbose,
    )


def _padded(image: Any, size: tuple[int, int], interpolation: str) -> Any:
    """An image with black at its sides, so that it is as wide to high as wanted, and of that size."""
    width = max(image.size[0], image.size[1] * size[1] // size[0])
    height = max(image.size[1], image.size[0] * size[0] // size[1])
    left, top = (width - image.size[0]) // 2, (height - image.size[1]) // 2
    page = image.crop((-left, -top, width - left, height - top))
    from PIL import Image

    return page.resize((size[1], size[0]), Image.Resampling[RESAMPLING[interpolation]])
