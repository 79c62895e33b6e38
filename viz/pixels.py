"""Tensors as small pictures that stand in their boxes: images, filters, feature maps, attention.

A tensor of four axes is shown as tiles, a matrix each: of (batch, channels, height, width) the channels of the first of the
batch; of a convolution's weight its filters. Numbers below 0 are blue, those above orange, and all tiles have one scale; images
are grey or coloured as they are.

Read before: `known.py`. Read next: `rooms.py`.
"""

from __future__ import annotations

import base64
import struct
import zlib
from typing import NamedTuple

import numpy

from tinygrad_ml.graph import Node

MOST_TILES, LONGEST_SIDE = 8, 28
"""So many tiles are shown, and of larger ones so many rows and columns, spread evenly."""
SLOT_POINTS = 116.0, 58.0
"""The room for a picture in a box: its width and height, at most."""

_LOW, _ZERO, _HIGH, _NO_NUMBER = (33, 102, 172), (246, 246, 246), (178, 88, 27), (179, 38, 30)


class Pixels(NamedTuple):
    """A picture: its size in pixels, a PNG in base64, and what it shows, in words."""

    width: int
    height: int
    png: str
    about: str

    @property
    def points(self) -> tuple[int, int]:
        """How large it is in a box."""
        scale = _scale(self.width, self.height)
        return max(round(self.width * scale), 4), max(round(self.height * scale), 4)


def pixels_of(array: numpy.ndarray, node: Node | None = None) -> Pixels | None:
    """A picture of a tensor; None if it is no picture.

    node  what the tensor is of; None for what a function was given. Leaves with a gradient are filters, others images
    """
    if (
        array.ndim != 4
        or array.dtype.kind != "f"
        or not array.size
        or min(array.shape[2:]) < 2
        or max(array.shape[2:]) < 3
    ):
        return None
    leaf = node is None or node.op is None
    if leaf and node is not None and node.needs_grad:
        tiles, what = array.reshape(-1, *array.shape[2:]), "filters"
    else:
        tiles, what = array[0], "channels"
        if leaf and len(tiles) in (1, 3):
            return _image(array)
    shown = tiles[:MOST_TILES, :: _stride(tiles.shape[1]), :: _stride(tiles.shape[2])].astype(numpy.float64)
    about = f"{len(shown)} of {len(tiles)} {what}" if len(shown) < len(tiles) else f"{len(tiles)} {what}"
    if what == "channels" and len(array) > 1:
        about += " of the first of the batch"
    return _picture(_colours(shown), about)


def _scale(wide: float, high: float) -> float:
    """Points for a pixel, where a picture fills the room that there is."""
    return min(SLOT_POINTS[0] / wide, SLOT_POINTS[1] / high)


def _stride(length: int) -> int:
    return -(-length // LONGEST_SIDE)


def _image(array: numpy.ndarray) -> Pixels:
    """The first images of a batch, in grey or in colours, spread from black to white."""
    shown = array[: MOST_TILES // 2, :, :: _stride(array.shape[2]), :: _stride(array.shape[3])].astype(numpy.float64)
    finite = shown[numpy.isfinite(shown)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    share = numpy.nan_to_num((shown - low) / ((high - low) or 1.0)).clip(0, 1)
    tiles = numpy.broadcast_to(share, (len(share), 3, *share.shape[2:])).transpose(0, 2, 3, 1)
    return _picture((tiles * 255).round().astype(numpy.uint8), f"{len(shown)} of {len(array)} images")


def _colours(tiles: numpy.ndarray) -> numpy.ndarray:
    """Numbers as colours, of which the largest by size are the deepest."""
    finite = numpy.isfinite(tiles)
    largest = numpy.abs(tiles[finite]).max(initial=0.0) or 1.0
    share = numpy.where(finite, tiles, 0.0)[..., None] / largest
    ends = numpy.where(share < 0, _LOW, _HIGH)
    colours = numpy.array(_ZERO) + numpy.abs(share) * (ends - numpy.array(_ZERO))
    return numpy.where(finite[..., None], colours, _NO_NUMBER).round().astype(numpy.uint8)


def _picture(tiles: numpy.ndarray, about: str) -> Pixels:
    """Tiles of (height, width, 3) in rows, with a clear line between them."""
    count, high, wide, _ = tiles.shape
    columns = max(range(1, count + 1), key=lambda c: (_scale(c * wide, -(-count // c) * high), c))
    rows = -(-count // columns)
    page = numpy.zeros((rows * (high + 1) - 1, columns * (wide + 1) - 1, 4), numpy.uint8)
    for number, tile in enumerate(tiles):
        y, x = number // columns * (high + 1), number % columns * (wide + 1)
        page[y : y + high, x : x + wide, :3] = tile
        page[y : y + high, x : x + wide, 3] = 255
    return Pixels(page.shape[1], page.shape[0], base64.b64encode(_png(page)).decode(), about)


def _png(page: numpy.ndarray) -> bytes:
    """Pixels of red, green, blue and opacity as a PNG file."""
    high, wide, _ = page.shape
    lines = b"".join(b"\0" + line.tobytes() for line in page)
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
