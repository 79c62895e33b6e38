"""Files that TensorBoard reads: records of events, each a message of Protocol Buffers between checksums.

A record is the length of its message (8 bytes, the least first), the checksum of these 8 bytes, the message, and the
checksum of the message. A message is a sequence of fields: a key, which is 8 · the field's number + its kind, and a value.
An event has the fields 1, the time in seconds; 2, the step; 3, the version of the file, in the first one; and 5, a summary,
which is a list of values (field 1), each with a tag (field 1) and one of: 2, a number; 5, a histogram; 8, a text, with
9, what the text is for.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any

import numpy

_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5
"""Kinds of fields."""
_STRING_TYPE = 7
"""What TensorBoard calls a tensor of texts."""
_BINS = 30
_made = itertools.count()


class EventFile:
    """A new file of events in a folder, for `TensorBoard`; others in it stay."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{next(_made)}.v2"
        self._file = open(folder / name, "wb")  # noqa: SIM115  closed by close()
        self._write(_field(3, b"brain.Event:2"))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A number at a step."""
        self._value(tag, _field(2, float(value), _FLOAT), step)

    def histogram(self, tag: str, values: numpy.ndarray, step: int) -> None:
        """How many of the values, those that are finite, are in each of 30 bins."""
        values = numpy.asarray(values, numpy.float64).ravel()
        values = values[numpy.isfinite(values)]
        if not values.size:
            return
        counts, edges = numpy.histogram(values, _BINS)
        numbers = (values.min(), values.max(), values.size, values.sum(), (values * values).sum())
        body = b"".join(_field(i, float(number), _DOUBLE) for i, number in enumerate(numbers, 1))
        body += _field(6, edges[1:].astype("<f8").tobytes()) + _field(7, counts.astype("<f8").tobytes())
        self._value(tag, _field(5, body), step)

    def text(self, tag: str, text: str, plugin: str, step: int) -> None:
        """A text for one of TensorBoard's plugins, by its name."""
        tensor = _field(1, _STRING_TYPE, _VARINT) + _field(2, b"") + _field(8, text.encode())
        used_by = _field(1, _field(1, plugin.encode()) + _field(2, b"1"))
        self._value(tag, _field(8, tensor) + _field(9, used_by), step)

    def flush(self) -> None:
        """Let others read what was written so far."""
        self._file.flush()

    def close(self) -> None:
        """No more is written."""
        self._file.close()

    def _value(self, tag: str, body: bytes, step: int) -> None:
        value = _field(1, tag.encode()) + body
        self._write(_field(2, step, _VARINT) + _field(5, _field(1, value)))

    def _write(self, event: bytes) -> None:
        message = _field(1, time.time(), _DOUBLE) + event
        length = struct.pack("<Q", len(message))
        self._file.write(length + _checksum(length) + message + _checksum(message))


def _field(number: int, value: Any, kind: int = _BYTES) -> bytes:
    key = _varint(number << 3 | kind)
    if kind == _VARINT:
        return key + _varint(value)
    if kind == _BYTES:
        return key + _varint(len(value)) + value
    return key + struct.pack("<d" if kind == _DOUBLE else "<f", value)


def _varint(value: int) -> bytes:
    """A whole number, 7 bits a byte, the lowest first; the eighth bit says that more follow."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _checksum_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_OF_BYTES = [_checksum_of_byte(byte) for byte in range(256)]


def crc32c(message: bytes) -> int:
    """The cyclic redundancy check of Castagnoli's polynomial. Source: RFC 3720, appendix B.4."""
    crc = 0xFFFFFFFF
    for byte in message:
        crc = crc >> 8 ^ _OF_BYTES[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _checksum(message: bytes) -> bytes:
    """The check, turned by 15 bits and moved on, so that checks of checks differ from them."""
    crc = crc32c(message)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
