"""Images in files as arrays, and back, by Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy

from ...backend import DEFAULT_FLOAT
from ...errors import DataError, OptionError, ShapeError
from ..checks import one_of
from ..layers.channels import checked_format

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
COLOR_MODES = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}
RESAMPLING = {"bilinear": "BILINEAR", "nearest": "NEAREST", "bicubic": "BICUBIC", "lanczos": "LANCZOS", "box": "BOX"}
RESAMPLING |= {"hamming": "HAMMING", "lanczos3": "LANCZOS", "area": "BOX"}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_LARGEST_BYTE = 255


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise DataError("reading and writing images needs Pillow: pip install pillow") from None
    return Image


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """An image file as an image of Pillow, of `target_size` (height, width) if given.

    keep_aspect_ratio  cut off what is too wide or too high, from both sides, instead of squeezing it
    """
    Image = _pillow()
    kind = COLOR_MODES[one_of("color_mode", color_mode, COLOR_MODES)]
    how = Image.Resampling[RESAMPLING[one_of("interpolation", interpolation, RESAMPLING)]]
    try:
        image = Image.open(path)
        image = image if kind == "L" and image.mode in ("I", "I;16") else image.convert(kind)
    except Exception as error:  # Pillow has no error of its own: OSError, SyntaxError, ValueError and others
        raise DataError(f"{path} cannot be read as an image ({error}): fetch it again, or delete it") from None
    if target_size is not None and image.size != (target_size[1], target_size[0]):
        box = middle(image.size, (target_size[1], target_size[0])) if keep_aspect_ratio else None
        image = image.resize((target_size[1], target_size[0]), how, box=box)
    return image


def middle(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the largest part in the middle of an image that is as wide to high as wanted."""
    width = min(size[0], size[1] * wanted[0] // wanted[1])
    height = min(size[1], size[0] * wanted[1] // wanted[0])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return left, top, left + width, top + height


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> numpy.ndarray:
    """An image of Pillow as an array (height, width, channels) of numbers from 0 to 255, float32 by default.

    data_format  "channels_first" for (channels, height, width)
    """
    array = numpy.asarray(img, dtype or DEFAULT_FLOAT)
    if array.ndim not in (2, 3):
        raise ShapeError(f"an image has 2 or 3 axes, and not the shape {array.shape}")
    array = array[..., None] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if checked_format(data_format) == "channels_first" else array


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array (height, width, channels) as an image of Pillow; channels are 1, grey, 3, or 4, with transparency.

    scale  make the least number 0 and the largest 255; else they are from 0 to 255 already
    """
    Image = _pillow()
    array = numpy.array(x.numpy() if hasattr(x, "numpy") else x, dtype or DEFAULT_FLOAT)
    if array.ndim != 3:
        raise ShapeError(f"an image has the axes (height, width, channels), and not the shape {array.shape}")
    array = array.transpose(1, 2, 0) if checked_format(data_format) == "channels_first" else array
    if array.shape[2] not in _MODES:
        raise ShapeError(f"an image has 1, 3 or 4 channels, and not {array.shape[2]}: its shape is {array.shape}")
    if scale:
        array = array - array.min()
        array = array / (array.max() or 1) * _LARGEST_BYTE
    array = array[:, :, 0] if array.shape[2] == 1 else array
    deep = array.ndim == 2 and array.max(initial=0) > _LARGEST_BYTE
    return Image.fromarray(array.astype("int32" if deep else "uint8"))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **options: Any,
) -> None:
    """Write an array into an image file; see `array_to_img`.

    file_format  by default that of the ending of `path`
    options      of Pillow's `Image.save`
    """
    kind = (file_format or (Path(path).suffix[1:] if isinstance(path, (str, Path)) else "")).lower()
    if not kind:
        raise OptionError("save_img does not know the kind of file: give path an ending, or file_format='png'")
    kind = "jpeg" if kind == "jpg" else kind
    image = array_to_img(x, data_format, scale)
    image = image.convert("RGB") if image.mode == "RGBA" and kind == "jpeg" else image
    image.save(path, format=kind, **options)
