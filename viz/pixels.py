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
from collections.abc import Sequence
from typing import NamedTuple

import numpy

from tinygrad_ml.graph import Node

MOST_TILES, LONGEST_SIDE = 8, 28
"""So many tiles are shown, and of larger ones so many rows and columns, spread evenly."""
SLOT_POINTS = 116.0, 58.0
"""The room for a picture in a box: its width and height, at most."""

_LOW, _ZERO, _HIGH, _NO_NUMBER = (33, 102, 172), (246, 246, 246), (178, 88, 27), (179, 38, 30)


LABELLED_POINTS = 230.0, 120.0
"""The same of one with words along the edges of its tiles, which one zooms into."""
LONGEST_WORD, LETTER = 7, 0.55
"""So many letters of a word stand beside a tile; how wide one is, in pixels."""


class Pixels(NamedTuple):
    """A picture: its size in pixels, a PNG in base64, and what it shows, in words.

    tiles  where its tiles are, (x, y, width, height) in pixels, if words stand along their edges
    words  those of the rows and columns of each tile
    """

    width: int
    height: int
    png: str
    about: str
    tiles: tuple[tuple[int, int, int, int], ...] = ()
    words: tuple[str, ...] = ()

    @property
    def points(self) -> tuple[int, int]:
        """How large it is in a box."""
        scale = _scale(self.width, self.height, LABELLED_POINTS if self.words else SLOT_POINTS)
        return max(round(self.width * scale), 4), max(round(self.height * scale), 4)


def pixels_of(array: numpy.ndarray, node: Node | None = None, tokens: Sequence[str] = ()) -> Pixels | None:
    """A picture of a tensor; None if it is no picture.

    node    what the tensor is of; None for what a function was given. Leaves with a gradient are filters, others images
    tokens  the words of a sequence, to stand beside what has a row and a column for each of them, as attention has
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
    if node is not None and is_over(array, tokens):
        return _labelled(
            tiles[:MOST_TILES].astype(numpy.float64), f"{min(len(tiles), MOST_TILES)} of {len(tiles)} heads", tokens
        )
    shown = tiles[:MOST_TILES, :: _stride(tiles.shape[1]), :: _stride(tiles.shape[2])].astype(numpy.float64)
    about = f"{len(shown)} of {len(tiles)} {what}" if len(shown) < len(tiles) else f"{len(tiles)} {what}"
    if what == "channels" and len(array) > 1:
        about += " of the first of the batch"
    return _picture(_colours(shown), about)


def is_over(array: numpy.ndarray, tokens: Sequence[str]) -> bool:
    """Whether an array is of (batch, heads, row, column), with a row and a column for each token, as attention is."""
    return array.ndim == 4 and array.shape[2:] == (len(tokens), len(tokens)) and 2 <= len(tokens) <= LONGEST_SIDE


def _scale(wide: float, high: float, room: tuple[float, float] = SLOT_POINTS) -> float:
    """Points for a pixel, where a picture fills the room that there is."""
    return min(room[0] / wide, room[1] / high)


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


def _labelled(tiles: numpy.ndarray, about: str, words: Sequence[str]) -> Pixels:
    """Tiles with room for the words of their rows on the left, and of their columns above."""
    longest = max(min(len(word), LONGEST_WORD) for word in words)
    return _picture(_colours(tiles), about, round(longest * LETTER + 0.5), tuple(words))


def _picture(tiles: numpy.ndarray, about: str, rim: int = 0, words: tuple[str, ...] = ()) -> Pixels:
    """Tiles of (height, width, 3) in rows, with a clear line between them, or as much as a rim."""
    count, high, wide, _ = tiles.shape
    down, right = high + rim + 1, wide + rim + 1
    columns = max(range(1, count + 1), key=lambda c: (_scale(c * right, -(-count // c) * down), c))
    rows = -(-count // columns)
    page = numpy.zeros((rows * down - 1, columns * right - 1, 4), numpy.uint8)
    places = []
    for number, tile in enumerate(tiles):
        y, x = number // columns * down + rim, number % columns * right + rim
        page[y : y + high, x : x + wide, :3] = tile
        page[y : y + high, x : x + wide, 3] = 255
        places.append((x, y, wide, high))
    png = base64.b64encode(_png(page)).decode()
    return Pixels(page.shape[1], page.shape[0], png, about, tuple(places) if words else (), words)


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
