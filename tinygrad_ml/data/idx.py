"""The IDX format, in which MNIST and its relatives are published: a short header, then one array.

    bytes 0-1   zero
    byte  2     the element type: 8 is uint8, 13 is float32, ...
    byte  3     the number of dimensions, n
    4n bytes    the length of each dimension, as big-endian 32-bit integers
    the rest    the elements, last dimension fastest, big-endian

Read next: `vision.py`, which reads MNIST and Fashion-MNIST with it.
"""

from __future__ import annotations

import math
import os
import struct
import zlib

import numpy

from .files import damaged, read_bytes

_ELEMENT_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_WITH_GZIP_HEADER = zlib.MAX_WBITS | 16


def read_idx(path: str | os.PathLike[str], md5: str | None = None) -> numpy.ndarray:
    """Read an IDX file, raw or compressed with gzip, into an array.

    path  the file; whether it is compressed is seen from its content, not from its name
    md5   the MD5 sum of the file as it lies on the disk; None skips the check

    Returns a writable array in this machine's byte order, with the shape and the type that the header gives.

    Raises `DataError`: the file is missing or unreadable, has another checksum, is no IDX file, or is longer or
    shorter than its header says. The message names the file, what was found and what was expected.
    """
    content = read_bytes(path, md5)
    if content.startswith(_GZIP_MAGIC):
        try:
            content = zlib.decompress(content, wbits=_WITH_GZIP_HEADER)
        except zlib.error as error:
            raise damaged(path, f"it does not decompress ({error})") from error

    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _ELEMENT_TYPES:
        raise damaged(path, f"it starts with {content[:4].hex(' ') or 'nothing'}, which no IDX file does")
    dtype, ndim = numpy.dtype(_ELEMENT_TYPES[content[2]]), content[3]
    start = 4 + 4 * ndim
    if len(content) < start:
        raise damaged(path, f"its header announces {ndim} dimensions and ends after {len(content)} bytes")
    shape = struct.unpack_from(f">{ndim}I", content, 4)
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise damaged(path, f"its header announces shape {shape}, which takes {expected} bytes; found {len(content)}")
    try:
        elements = numpy.frombuffer(content, dtype, offset=start).reshape(shape)
    except ValueError as error:
        raise damaged(path, f"its header announces shape {shape}, which no array can have") from error
    # astype copies: the result is writable, and does not keep the file's bytes alive.
    return elements.astype(dtype.newbyteorder("="))
