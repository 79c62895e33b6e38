"""A folder of images as a data set: one folder a class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy

from ...data import DataLoader, Dataset
from ...errors import DataError, OptionError, ShapeError
from ...tensor import as_tensor
from ..checks import number, one_of
from ..layers.channels import checked_format
from .np_utils import to_categorical

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
COLOR_MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
RESAMPLING = {"bilinear": "BILINEAR", "nearest": "NEAREST", "bicubic": "BICUBIC", "lanczos": "LANCZOS", "box": "BOX"}
RESAMPLING |= {"hamming": "HAMMING", "lanczos3": "LANCZOS", "area": "BOX"}


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise DataError("reading image files needs Pillow: pip install pillow") from None
    return Image


def load_img(
    path: Any, color_mode: str = "rgb", target_size: tuple[int, int] | None = None, interpolation: str = "nearest"
) -> Any:
    """An image file as an image of Pillow, of `target_size` (height, width) if given."""
    Image = _pillow()
    kind = COLOR_MODES[one_of("color_mode", color_mode, COLOR_MODES)]
    how = RESAMPLING[one_of("interpolation", interpolation, RESAMPLING)]
    try:
        image = Image.open(path).convert(kind)
    except Exception as error:  # Pillow has no error of its own: OSError, SyntaxError, ValueError and others
        raise DataError(f"{path} cannot be read as an image ({error}): fetch it again, or delete it") from None
    if target_size is not None and image.size != (target_size[1], target_size[0]):
        image = image.resize((target_size[1], target_size[0]), Image.Resampling[how])
    return image


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> numpy.ndarray:
    """An image of Pillow as an array (height, width, channels) of numbers from 0 to 255, float32 by default.

    data_format  "channels_first" for (channels, height, width)
    """
    array = numpy.asarray(img, dtype or "float32")
    if array.ndim not in (2, 3):
        raise ShapeError(f"an image has 2 or 3 axes, and not the shape {array.shape}")
    array = array[..., None] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if checked_format(data_format) == "channels_first" else array


class ImageFolder(Dataset):
    """Image files and their labels; the files are read as they are asked for."""

    def __init__(self, paths: list[Path], labels: numpy.ndarray | None, class_names: list[str], read: Any):
        self.file_paths, self.labels, self.class_names, self._read = paths, labels, class_names, read

    def __len__(self) -> int:
        return len(self.file_paths)

    def __getitem__(self, index: int) -> Any:
        image = img_to_array(self._read(self.file_paths[index]))
        return image if self.labels is None else (image, self.labels[index])

    def gather(self, indices: Any) -> Any:
        """The images (batch, height, width, channels) and labels at `indices`."""
        rows = [int(index) for index in numpy.asarray(indices)]
        images = as_tensor(numpy.stack([img_to_array(self._read(self.file_paths[row])) for row in rows]))
        return images if self.labels is None else (images, as_tensor(self.labels[rows]))


class ImageLoader(DataLoader):
    """Batches of images and labels; `class_names` says what the labels mean."""

    class_names: list[str]
    file_paths: list[str]


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

    The images are float32 from 0 to 255. Raises `DataError` for a folder without images, and for files that are none.
    """
    root = Path(directory)
    if not root.is_dir():
        raise DataError(f"{root} is no folder: give image_dataset_from_directory one that has a folder for each class")
    one_of("label_mode", label_mode, ("int", "categorical", "binary", None))
    one_of("color_mode", color_mode, COLOR_MODES)
    one_of("interpolation", interpolation, RESAMPLING)
    if validation_split is not None and not 0 < number("validation_split", validation_split, 0, 1) < 1:
        raise OptionError(
            f"validation_split={validation_split} must be above 0 and below 1: it is a part of the images"
        )
    if (subset is None) != (validation_split is None) or subset not in (None, "training", "validation", "both"):
        raise OptionError("give both validation_split and subset ('training', 'validation' or 'both'), or neither")
    paths, numbers, names = _find(root, labels, class_names)
    if verbose:
        print(f"Found {len(paths)} files belonging to {len(names)} classes.")
    order = (
        numpy.random.default_rng(0 if seed is None else seed).permutation(len(paths)) if shuffle else range(len(paths))
    )
    targets = None if label_mode is None or labels is None else _label(numbers, label_mode, len(names))

    def loader(rows: Any, shuffled: bool) -> ImageLoader | ImageFolder:
        rows = [int(row) for row in (order if batch_size is None and subset is None else rows)]
        own = None if targets is None else targets[rows]
        read = lambda path: load_img(path, color_mode, image_size, interpolation)  # noqa: E731
        folder = ImageFolder([paths[row] for row in rows], own, names, read)
        if batch_size is None:
            return folder
        made = ImageLoader(folder, batch_size, shuffle=shuffled, seed=seed)
        made.class_names, made.file_paths = names, [str(path) for path in folder.file_paths]
        return made

    if subset is None:
        return loader(range(len(paths)), shuffle)
    kept = len(paths) - int((validation_split or 0) * len(paths))
    training, validation = loader(order[:kept], shuffle), loader(order[kept:], False)
    return {"training": training, "validation": validation, "both": (training, validation)}[subset]


def _find(root: Path, labels: Any, class_names: list[str] | None) -> tuple[list[Path], list[int], list[str]]:
    """All image files, their class numbers, and the names of the classes."""
    if isinstance(labels, str) and labels == "inferred":
        there = sorted(path.name for path in root.iterdir() if path.is_dir())
        names = there if class_names is None else list(class_names)
        if sorted(names) != there:
            raise OptionError(f"class_names={names} are not the folders in {root}, which are {there}")
        found = [(path, number) for number, name in enumerate(names) for path in _images(root / name)]
    else:
        names = list(class_names or [])
        files = _images(root)
        given: list[Any] = [0] * len(files) if labels is None else list(labels)
        if len(given) != len(files):
            raise OptionError(f"there are {len(given)} labels for {len(files)} images in {root}")
        names = names or sorted({str(label) for label in given})
        found = list(zip(files, given, strict=True))
    if not found:
        raise DataError(f"there are no images ({', '.join(ENDINGS)}) in {root}, which needs a folder for each class")
    return [path for path, _ in found], [number for _, number in found], names


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)


def _label(numbers: list[int], label_mode: str, classes: int) -> numpy.ndarray:
    if label_mode == "categorical":
        return to_categorical(numbers, classes).astype("float32")
    if label_mode == "binary":
        if classes != 2:
            raise OptionError(f"label_mode='binary' needs 2 classes, and there are {classes}")
        return numpy.asarray(numbers, "float32")[:, None]
    return numpy.asarray(numbers, "int64")
