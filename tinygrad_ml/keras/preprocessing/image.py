"""`ImageDataGenerator` of Keras 2: images that are turned, moved and mirrored at random, batch by batch.

Today these are `image_dataset_from_directory`, and layers such as `RandomFlip` in the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy

from ...errors import DataError, OptionError, ShapeError
from ..checks import number, one_of, whole
from ..layers.channels import checked_format
from ..py_dataset import PyDataset
from ..utils.images import ENDINGS as _ENDINGS
from ..utils.images import array_to_img as array_to_img
from ..utils.images import img_to_array as img_to_array
from ..utils.images import load_img as load_img
from ..utils.images import save_img as save_img
from ..utils.np_utils import to_categorical
from .warping import WARP_FILLS, warp

_EPSILON = 1e-6
"""Added to a deviation before something is divided by it."""


class ImageDataGenerator:
    """Makes batches of images that are changed at random in each epoch.

    featurewise_center, featurewise_std_normalization   less the mean, by the deviation, of what `fit` was given
    samplewise_center, samplewise_std_normalization     less its own mean, by its own deviation
    rotation_range             turned by up to so many degrees, either way
    width_shift_range, height_shift_range   moved: by a part of its size, if below 1; by pixels; or by one of a list
    brightness_range           (least, largest) factor of the brightness
    shear_range                sheared by up to so many degrees
    zoom_range                 (least, largest) factor, or z for (1 - z, 1 + z)
    channel_shift_range        added to each channel, up to this
    fill_mode, cval            what is at places outside: "nearest", "constant" (cval), "reflect" or "wrap"
    horizontal_flip, vertical_flip   mirrored, half of the time
    rescale                    a factor of all numbers, in the end
    preprocessing_function     is done to each image, before `rescale`
    validation_split           the part of the images that `subset="validation"` has
    zca_whitening is not offered
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: tuple[float, float] | None = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ):
        if zca_whitening:
            raise OptionError("ImageDataGenerator: zca_whitening is not offered; whiten the images before, in NumPy")
        if interpolation_order not in (0, 1):
            raise OptionError(
                f"interpolation_order={interpolation_order}: images are read at the nearest (0) or linearly (1)"
            )
        self.featurewise_center, self.samplewise_center = featurewise_center, samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.rotation_range, self.shear_range = number("rotation_range", rotation_range), shear_range
        self.width_shift_range, self.height_shift_range = width_shift_range, height_shift_range
        self.brightness_range, self.channel_shift_range = brightness_range, channel_shift_range
        self.zoom_range = zoom_range if isinstance(zoom_range, (tuple, list)) else (1 - zoom_range, 1 + zoom_range)
        if len(self.zoom_range) != 2:
            raise OptionError(f"zoom_range={zoom_range!r} must be a number, or two: the least factor, and the largest")
        self.fill_mode, self.cval = one_of("fill_mode", fill_mode, WARP_FILLS), cval
        self.horizontal_flip, self.vertical_flip = horizontal_flip, vertical_flip
        self.rescale, self.preprocessing_function = rescale, preprocessing_function
        self.data_format = checked_format(data_format)
        self.validation_split = number("validation_split", validation_split, 0, 1)
        self.interpolation_order, self.dtype = interpolation_order, dtype or "float32"
        self.mean: Any = None
        self.std: Any = None

    @property
    def _channel_axis(self) -> int:
        """Of one image."""
        return 0 if self.data_format == "channels_first" else 2

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Look at images for the means and deviations of their channels.

        augment  look at images that have been changed at random, `rounds` times over
        """
        x = _four_axes(x, self.dtype)
        if augment:
            random = numpy.random.RandomState(seed)
            changed = [self._changed(one, random) for _ in range(whole("rounds", rounds)) for one in x]
            x = numpy.stack(changed)
        axes = tuple(axis for axis in range(4) if axis != self._channel_axis + 1)
        self.mean = x.mean(axes, keepdims=True)[0]
        self.std = (x - self.mean).std(axes, keepdims=True)[0]

    def standardize(self, x: numpy.ndarray) -> numpy.ndarray:
        """An image as it goes into the model: what is always done, and nothing at random."""
        if self.preprocessing_function is not None:
            x = self.preprocessing_function(x)
        if self.rescale:
            x = x * self.rescale
        if self.samplewise_center:
            x = x - x.mean()
        if self.samplewise_std_normalization:
            x = x / (x.std() + _EPSILON)
        for wanted, name in ((self.featurewise_center, "mean"), (self.featurewise_std_normalization, "std")):
            if wanted and self.mean is None:
                raise OptionError(f"ImageDataGenerator needs the {name} of the images: call fit(x) before")
        if self.featurewise_center:
            x = x - self.mean
        return x / (self.std + _EPSILON) if self.featurewise_std_normalization else x

    def get_random_transform(self, img_shape: tuple[int, ...], seed: int | None = None) -> dict[str, Any]:
        """What is to be done to an image of this shape, drawn at random; `apply_transform` does it."""
        return self._drawn(img_shape, numpy.random.RandomState(seed))

    def _drawn(self, shape: tuple[int, ...], random: Any) -> dict[str, Any]:
        height, width = (shape[axis] for axis in range(3) if axis != self._channel_axis)
        same = self.zoom_range[0] == 1 and self.zoom_range[1] == 1
        zoom = (1, 1) if same else random.uniform(*self.zoom_range, 2)
        both = self.brightness_range
        return {
            "theta": random.uniform(-self.rotation_range, self.rotation_range) if self.rotation_range else 0,
            "tx": _shift(self.width_shift_range, width, random),
            "ty": _shift(self.height_shift_range, height, random),
            "shear": random.uniform(-self.shear_range, self.shear_range) if self.shear_range else 0,
            "zx": zoom[0],
            "zy": zoom[1],
            "flip_horizontal": self.horizontal_flip and random.random_sample() < 0.5,
            "flip_vertical": self.vertical_flip and random.random_sample() < 0.5,
            "channel_shift_intensity": random.uniform(-self.channel_shift_range, self.channel_shift_range)
            if self.channel_shift_range
            else None,
            "brightness": None if both is None else random.uniform(both[0], both[1]),
        }

    def apply_transform(self, x: numpy.ndarray, transform_parameters: Mapping[str, Any]) -> numpy.ndarray:
        """An image, changed as `get_random_transform` has drawn it."""
        told = {"theta": 0, "tx": 0, "ty": 0, "shear": 0, "zx": 1, "zy": 1, **transform_parameters}
        x = numpy.moveaxis(x, self._channel_axis, 2)
        x = warp(x, **{name: told[name] for name in ("theta", "tx", "ty", "shear", "zx", "zy")}, **self._filling())
        if told.get("channel_shift_intensity") is not None:
            x = numpy.clip(x + told["channel_shift_intensity"], x.min(), x.max())
        x = x[:, ::-1] if told.get("flip_horizontal") else x
        x = x[::-1] if told.get("flip_vertical") else x
        if told.get("brightness") is not None:
            x = numpy.clip(x * told["brightness"], 0, max(255, x.max()))
        return numpy.moveaxis(x, 2, self._channel_axis)

    def _filling(self) -> dict[str, Any]:
        return {"fill_mode": self.fill_mode, "cval": self.cval, "order": self.interpolation_order}

    def random_transform(self, x: numpy.ndarray, seed: int | None = None) -> numpy.ndarray:
        """An image, changed at random."""
        return self._changed(x, numpy.random.RandomState(seed))

    def _changed(self, x: numpy.ndarray, random: Any) -> numpy.ndarray:
        return self.apply_transform(x, self._drawn(x.shape, random))

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        subset: str | None = None,
    ) -> ImageBatches:
        """Batches of arrays: of images (batch, height, width, channels), and of what belongs to them."""
        x = _four_axes(x, self.dtype)
        rest = [None if one is None else numpy.asarray(one) for one in (y, sample_weight)]
        for one in rest:
            if one is not None and len(one) != len(x):
                raise ShapeError(f"there are {len(x)} images, and {len(one)} labels or weights")
        at = int(self.validation_split * len(x))
        rows = self._part(numpy.arange(len(x)), at, subset)
        return ImageBatches(self, rows, lambda i: x[i], rest, batch_size, shuffle, seed)

    @staticmethod
    def _part(rows: numpy.ndarray, at: int, subset: str | None) -> numpy.ndarray:
        one_of("subset", subset, ("training", "validation", None))
        return rows if subset is None else rows[:at] if subset == "validation" else rows[at:]

    def flow_from_directory(
        self,
        directory: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: list[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> ImageBatches:
        """Batches of the images in a folder with a folder for each class in it.

        class_mode  of the labels: "categorical", "binary", "sparse", "input" (the images themselves), or None
        """
        root = Path(directory)
        if not root.is_dir():
            raise DataError(f"{root} is no folder: give one that has a folder for each class")
        names = sorted(path.name for path in root.iterdir() if path.is_dir()) if classes is None else list(classes)
        paths: list[Path] = []
        numbers: list[int] = []
        for label, name in enumerate(names):
            files = sorted(path for path in (root / name).rglob("*") if path.suffix.lower() in _ENDINGS)
            files = list(self._part(numpy.array(files, object), int(self.validation_split * len(files)), subset))
            paths, numbers = paths + files, numbers + [label] * len(files)
        print(f"Found {len(paths)} images belonging to {len(names)} classes.")

        def read(i: int) -> numpy.ndarray:
            image = load_img(paths[i], color_mode, target_size, interpolation, keep_aspect_ratio)
            return img_to_array(image, self.data_format, self.dtype)

        labels = _labels(numbers, one_of("class_mode", class_mode, _CLASS_MODES), len(names))
        made = ImageBatches(self, numpy.arange(len(paths)), read, [labels, None], batch_size, shuffle, seed)
        made.class_indices = {name: label for label, name in enumerate(names)}
        made.classes, made.filenames = numpy.array(numbers), [str(path.relative_to(root)) for path in paths]
        made.returns_images = class_mode == "input"
        return made


_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


def _labels(numbers: list[int], mode: str | None, classes: int) -> numpy.ndarray | None:
    if mode == "categorical":
        return to_categorical(numbers, classes).astype("float32")
    return numpy.array(numbers, "float32") if mode in ("binary", "sparse") else None


class ImageBatches(PyDataset):
    """What `flow` and `flow_from_directory` return: an endless iterator of batches, and a data set for `fit`."""

    class_indices: dict[str, int]
    classes: numpy.ndarray
    filenames: list[str]
    returns_images = False

    def __init__(
        self,
        generator: ImageDataGenerator,
        rows: numpy.ndarray,
        read: Callable[[int], numpy.ndarray],
        rest: list[numpy.ndarray | None],
        batch_size: int,
        shuffle: bool,
        seed: int | None,
    ):
        super().__init__()
        if not len(rows):
            raise DataError("there are no images: look at the folder, validation_split and subset")
        self.n = self.samples = len(rows)
        self.batch_size, self.shuffle = whole("batch_size", batch_size), shuffle
        self._generator, self._rows, self._read, self._rest = generator, rows, read, rest
        self._random = numpy.random.RandomState(seed)
        self._place = 0
        self._begin()

    def _begin(self) -> None:
        self._order = self._random.permutation(self._rows) if self.shuffle else self._rows

    def __len__(self) -> int:
        return math.ceil(self.n / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        generator = self._generator
        images = [generator.standardize(generator._changed(self._read(row), self._random)) for row in rows]
        batch = numpy.stack(images).astype(generator.dtype)
        if self.returns_images:
            return batch, batch
        rest = [one[rows] for one in self._rest if one is not None]
        return (batch, *rest) if rest else batch

    def on_epoch_end(self) -> None:
        """Draw another order."""
        self._begin()

    def reset(self) -> None:
        """Begin again with the first batch."""
        self._place = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        batch = self[self._place]
        self._place += 1
        if self._place == len(self):
            self._place = 0
            self._begin()
        return batch

    def next(self) -> Any:
        """The next batch."""
        return self.__next__()


def _four_axes(x: Any, dtype: Any) -> numpy.ndarray:
    x = numpy.asarray(x, dtype)
    if x.ndim != 4:
        raise ShapeError(f"images come as (images, height, width, channels), and not with the shape {x.shape}")
    return x


def _shift(limits: Any, size: int, random: Any) -> float:
    """By how many pixels an image is moved."""
    if isinstance(limits, (list, tuple, numpy.ndarray)):
        return float(random.choice(limits)) * random.choice([-1, 1])
    if not limits:
        return 0
    by = random.uniform(-limits, limits)
    return by * size if limits < 1 else by
