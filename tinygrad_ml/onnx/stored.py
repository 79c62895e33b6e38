"""A tensor of an ONNX file as an array: of any dtype, inside the file or beside it, and never larger than its bytes.

What a file declares is compared with what is there before memory is asked for: a tensor of shape (1000000, 1000000) needs
as many numbers in the file. Numbers may stand beside the model, in files of its own folder and nowhere else: no absolute
path, no `..`, no link that leads out. Where NumPy has no such dtype (bfloat16, float8, int4, ...) it is one of `ml_dtypes`.

Read next: `reading.py`, which asks for them.
"""

from __future__ import annotations

import math
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

import numpy

from ..errors import DataError


class _Encoding(NamedTuple):
    """How a dtype lies in a file: NumPy's name of it, the bits of a number, and the field of a tensor that is not `raw_data`."""

    dtype: str
    bits: int
    field: str


STORED = {
    1: _Encoding("float32", 32, "float_data"),
    2: _Encoding("uint8", 8, "int32_data"),
    3: _Encoding("int8", 8, "int32_data"),
    4: _Encoding("uint16", 16, "int32_data"),
    5: _Encoding("int16", 16, "int32_data"),
    6: _Encoding("int32", 32, "int32_data"),
    7: _Encoding("int64", 64, "int64_data"),
    8: _Encoding("object", 0, "string_data"),
    9: _Encoding("bool", 8, "int32_data"),
    10: _Encoding("float16", 16, "int32_data"),
    11: _Encoding("float64", 64, "double_data"),
    12: _Encoding("uint32", 32, "uint64_data"),
    13: _Encoding("uint64", 64, "uint64_data"),
    14: _Encoding("complex64", 64, "float_data"),
    15: _Encoding("complex128", 128, "double_data"),
    16: _Encoding("bfloat16", 16, "int32_data"),
    17: _Encoding("float8_e4m3fn", 8, "int32_data"),
    18: _Encoding("float8_e4m3fnuz", 8, "int32_data"),
    19: _Encoding("float8_e5m2", 8, "int32_data"),
    20: _Encoding("float8_e5m2fnuz", 8, "int32_data"),
    21: _Encoding("uint4", 4, "int32_data"),
    22: _Encoding("int4", 4, "int32_data"),
    23: _Encoding("float4_e2m1fn", 4, "int32_data"),
    24: _Encoding("float8_e8m0fnu", 8, "int32_data"),
    25: _Encoding("uint2", 2, "int32_data"),
    26: _Encoding("int2", 2, "int32_data"),
    27: _Encoding("float6_e2m3fn", 6, "int32_data"),
    28: _Encoding("float6_e3m2fn", 6, "int32_data"),
}
"""The number of a dtype in ONNX -> how it is stored."""

_FIELDS = {kept.field for kept in STORED.values()} | {"raw_data"}
_LARGEST = 2**62  # of what is counted in bytes: far from where NumPy's own numbers end
_SPARSE = 2**24  # bytes that a sparse tensor may take when it is dense, whatever is there of it
_THIN = 1024  # and how many times its bytes a larger one may


def dtype_of(number: int) -> numpy.dtype | None:
    """NumPy's dtype for ONNX's number of it; None for 0, where none is declared. Strings are objects.

    Raises `DataError`: there is no such number, or `ml_dtypes` is not installed and NumPy has no such dtype.
    """
    if number == 0:
        return None
    if number not in STORED:
        raise DataError(f"dtype {number} is none of ONNX's, which are numbered from 1 to {max(STORED)}")
    name = STORED[number].dtype
    try:
        return numpy.dtype(name)
    except TypeError:
        pass
    try:
        import ml_dtypes

        return numpy.dtype(getattr(ml_dtypes, name))
    except (ImportError, AttributeError):
        raise DataError(f"NumPy has no dtype {name}: pip install --upgrade ml_dtypes") from None


class Storage:
    """Where the numbers of a model's tensors are: in the file, or in files of its folder, each part of which is read once."""

    def __init__(self, folder: Path | None):
        """folder: that of the model's file; None for one that was given as bytes, which has no other files"""
        self.folder = folder
        self._parts: dict[tuple[Path, int, int], bytes] = {}
        self._taken: dict[Path, int] = {}

    def array(self, proto: Any) -> numpy.ndarray:
        """The array of a `TensorProto`, which may be read-only.

        Raises `DataError`: its numbers are not there, or are not as many as its shape asks for.
        """
        dtype, shape = dtype_of(proto.data_type), _shape(proto.dims)
        if dtype is None:
            raise DataError("a tensor has no dtype")
        if proto.HasField("segment"):
            raise DataError("a tensor is one of several segments, which were never in use; write the model anew")
        size = math.prod(shape)
        if proto.data_location == 1:
            flat = _from_bytes(self._beside(proto, _bytes_of(size, proto.data_type)), proto.data_type, dtype, size)
        elif proto.HasField("raw_data"):
            flat = _from_bytes(proto.raw_data, proto.data_type, dtype, size)
        else:
            flat = _from_numbers(proto, dtype, size)
        if flat is None or any(len(getattr(proto, name)) for name in _FIELDS - {_field(proto)}):
            raise DataError(
                f"a tensor of {dtype} has its numbers in a place that is not for this dtype, or in two places"
            )
        return flat.reshape(shape)

    def dense(self, proto: Any) -> numpy.ndarray:
        """The array of a `SparseTensorProto`, with its zeros.

        Raises `DataError`: an index is outside of its shape, or it is so sparse that a small file asks for very much memory.
        """
        values, indices, shape = self.array(proto.values), self.array(proto.indices), _shape(proto.dims)
        wanted = math.prod(shape) * max(values.itemsize, 1)
        if wanted > max(_SPARSE, _THIN * (values.nbytes + indices.nbytes)):
            raise DataError(
                f"a sparse tensor of shape {shape} has {values.size:,} numbers that are not 0 and would take {wanted:,} bytes: "
                "it is read as a dense one, and is too sparse for that"
            )
        if (
            values.ndim != 1
            or indices.dtype != numpy.int64
            or indices.shape not in ((values.size,), (values.size, len(shape)))
        ):
            raise DataError(
                f"the indices {indices.shape} {indices.dtype} of a sparse tensor do not fit its values {values.shape}"
            )
        if indices.ndim == 2:
            inside = (indices >= 0).all() and (indices < numpy.array(shape, numpy.int64)).all()
            flat = indices @ numpy.array([math.prod(shape[axis + 1 :]) for axis in range(len(shape))], numpy.int64)
        else:
            inside, flat = bool((indices >= 0).all() and (indices < math.prod(shape)).all()), indices
        if not inside:
            raise DataError(f"an index of a sparse tensor is outside of its shape {shape}")
        found = numpy.zeros(math.prod(shape), values.dtype)
        found[flat] = values
        return found.reshape(shape)

    def _beside(self, proto: Any, wanted: int) -> bytes:
        """The bytes of a tensor that stands in another file of the model's folder."""
        entries = {entry.key: entry.value for entry in proto.external_data}
        location = entries.get("location", "")
        if self.folder is None:
            raise DataError(
                f"the numbers of a tensor are in a file {location!r} beside the model: give its path, and not its bytes"
            )
        path, there = self._inside(location)
        try:
            offset, length = int(entries.get("offset") or 0), int(entries.get("length") or wanted)
        except ValueError:
            raise DataError(f"the place {entries!r} of a tensor's numbers is not made of numbers") from None
        if length != wanted or offset < 0 or offset + length > there:
            raise DataError(
                f"a tensor needs {wanted:,} bytes of {location}, is to have {length:,} from {offset:,} on, and the file has {there:,}"
            )
        part = path, offset, length
        if part not in self._parts:
            self._taken[path] = self._taken.get(path, 0) + length
            if self._taken[path] > there:
                raise DataError(f"tensors are parts of {location} that overlap, and together larger than it")
            with open(path, "rb") as file:
                file.seek(offset)
                self._parts[part] = file.read(length)
            if len(self._parts[part]) < length:
                raise DataError(f"{location} became shorter while it was read")
        return self._parts[part]

    def _inside(self, location: str) -> tuple[Path, int]:
        """A file of the model's folder, and its size."""
        assert self.folder is not None
        windows = PureWindowsPath(location)  # which knows the separators and drives of every system
        if (
            not location
            or "\0" in location
            or windows.is_absolute()
            or windows.drive
            or windows.root
            or ".." in windows.parts
        ):
            raise DataError(
                f"the numbers of a tensor are said to be in {location!r}, which is not inside of the model's folder"
            )
        folder = self.folder.resolve()
        path = (folder / location).resolve()
        if not path.is_relative_to(folder):
            raise DataError(
                f"the numbers of a tensor are said to be in {location!r}, a link that leads out of the model's folder"
            )
        if not path.is_file():
            raise DataError(f"{location!r} with the numbers of a tensor is not there; it belongs into {folder}")
        return path, path.stat().st_size


def _shape(dims: Any) -> tuple[int, ...]:
    shape = tuple(dims)
    if len(shape) > 64:
        raise DataError(f"a tensor has {len(shape)} axes; 64 is the most that an array can have")
    if any(extent < 0 for extent in shape) or math.prod(extent for extent in shape if extent) > _LARGEST // 16:
        raise DataError(f"there is no tensor of shape {shape}")
    return shape


def _bytes_of(size: int, number: int) -> int:
    return (size * STORED[number].bits + 7) // 8


def _field(proto: Any) -> str:
    """The field of a `TensorProto` that has its numbers."""
    if proto.data_location == 1:
        return "external_data"
    return "raw_data" if proto.HasField("raw_data") else STORED[proto.data_type].field


def _from_bytes(raw: bytes, number: int, dtype: numpy.dtype, size: int) -> numpy.ndarray | None:
    """A flat array of the bytes, which begin with the lowest; None for strings, which are not stored so."""
    bits = STORED[number].bits
    if not bits:
        return None
    if len(raw) != _bytes_of(size, number):
        raise DataError(
            f"a tensor of {size:,} numbers of {dtype} has {_bytes_of(size, number):,} bytes, and {len(raw):,} are there"
        )
    if bits < 8:
        return _unpacked(numpy.frombuffer(raw, numpy.uint8), bits, size, dtype)
    if dtype.kind == "b":
        return numpy.frombuffer(raw, numpy.uint8) != 0
    code = (
        numpy.frombuffer(raw, f"<u{bits // 8}")
        if dtype.kind == "V" or bits == 8
        else numpy.frombuffer(raw, dtype.newbyteorder("<"))
    )
    return code.astype(code.dtype.newbyteorder("="), copy=False).view(dtype)


def _unpacked(packed: numpy.ndarray, bits: int, size: int, dtype: numpy.dtype) -> numpy.ndarray:
    """Numbers of less than 8 bits, of which the first has the lowest bits of the first byte."""
    each = numpy.unpackbits(packed, count=size * bits, bitorder="little").reshape(size, bits)
    code = each @ (1 << numpy.arange(bits, dtype=numpy.uint8))
    if dtype.name.startswith("int"):
        negative = (code >> (bits - 1)) << bits  # the highest bit is the sign
        code = code.astype(numpy.int8) - negative.astype(numpy.int8)
        return code.astype(dtype)
    return code.astype(dtype) if dtype.name.startswith("uint") else code.astype(numpy.uint8).view(dtype)


def _from_numbers(proto: Any, dtype: numpy.dtype, size: int) -> numpy.ndarray:
    """A flat array of the field of a tensor that has a number an entry: bits of them, where the field has integers."""
    kept = STORED[proto.data_type]
    field = getattr(proto, kept.field)
    entries = _bytes_of(size, proto.data_type) if 0 < kept.bits <= 4 else size * (2 if dtype.kind == "c" else 1)
    if len(field) != entries:
        raise DataError(
            f"a tensor of {size:,} numbers of {dtype} has {entries:,} entries in {kept.field}, and {len(field):,} are there"
        )
    if kept.field == "string_data":
        found = numpy.empty(size, object)
        found[:] = [text.decode("utf-8", "surrogateescape") for text in field]
        return found
    numbers = numpy.array(
        field, {"int32_data": "int32", "int64_data": "int64", "uint64_data": "uint64"}.get(kept.field, "float64")
    )
    if kept.bits <= 4:
        return _unpacked(numbers.astype(numpy.uint8), kept.bits, size, dtype)
    if dtype.kind == "c":
        return (numbers[0::2] + 1j * numbers[1::2]).astype(dtype)
    if kept.field == "int32_data" and dtype.kind not in "iub":
        return numbers.astype(f"uint{8 * dtype.itemsize}").view(dtype)
    return numbers.astype(dtype)
