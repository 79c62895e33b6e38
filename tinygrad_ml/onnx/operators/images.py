"""Files of images, read by Pillow.

Read next: `../table.py`.
"""

from __future__ import annotations

import io

import numpy

from ...errors import DataError, OptionError
from ..table import Numbers, operator

PIXELS = {"RGB": "RGB", "BGR": "RGB", "Grayscale": "L"}
"""ONNX's formats of pixels, and Pillow's modes."""


@operator("ImageDecoder", (20,))
def image_decoder(encoded: Numbers, *, pixel_format: str = "RGB") -> numpy.ndarray:
    """(height, width, channels) of the bytes of a file; an empty array where they are none of an image."""
    try:
        from PIL import Image
    except ImportError:
        raise DataError("files of images are read by the package pillow: pip install pillow") from None
    if pixel_format not in PIXELS:
        raise OptionError(f"ImageDecoder's pixel_format {pixel_format!r} is none of {', '.join(PIXELS)}")
    try:
        with Image.open(io.BytesIO(encoded.astype(numpy.uint8).tobytes())) as image:
            pixels = numpy.asarray(image.convert(PIXELS[pixel_format]))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return numpy.zeros((0, 0, 0), numpy.uint8)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    return pixels[..., ::-1] if pixel_format == "BGR" else pixels
