"""Reads NumPy's `.npz` files, those with lists of numbers in them included, and runs nothing of what a file says.

NumPy writes arrays of lists as pickles, and whoever reads a pickle runs what is in it. Here a pickle may ask for NumPy's
arrays and dtypes, and for nothing else; and what came out must be lists of numbers.
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
import zlib
from typing import Any

import numpy
from numpy.lib import format as npy

from .files import damaged, read_bytes

_ALLOWED = {
    (module, name)
    for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    for name in ("_reconstruct", "scalar")
} | {("numpy", "ndarray"), ("numpy", "dtype")}
_MOST_BYTES = 1 << 32
"""What the arrays of a file may have at most when they are unpacked, in bytes."""


class _ArraysOnly(pickle.Unpickler):
    """A reader of pickles that knows NumPy's arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only arrays of numbers and lists are read")
        return super().find_class(module, name)


def read_npz(path: str | os.PathLike[str], checksum: str | None = None) -> dict[str, numpy.ndarray]:
    """{name: array} of a `.npz` file. An array of dtype object holds lists of integers or other numbers.

    path      the file
    checksum  its MD5 or SHA-256 as hexadecimal digits; None skips the check

    Raises `DataError`: the file is missing or damaged, its checksum differs, or there is something else in it.
    """
    content = read_bytes(path, checksum)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(part.file_size for part in archive.infolist()) > _MOST_BYTES:
                raise damaged(path, f"its arrays would have more than {_MOST_BYTES:,} bytes")
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return {name.removesuffix(".npy"): _array(io.BytesIO(archive.read(name))) for name in names}
    except (zipfile.BadZipFile, pickle.UnpicklingError, zlib.error, ValueError, EOFError, OSError) as error:
        raise damaged(path, str(error)) from error
    except (AttributeError, TypeError, KeyError, IndexError, NotImplementedError, RuntimeError) as error:
        raise damaged(path, f"it is no file of arrays ({error})") from error


def _array(file: io.BytesIO) -> numpy.ndarray:
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"version {version} of the format is not read")
    shape, _, dtype = read(file)
    if not dtype.hasobject:
        file.seek(0)
        return npy.read_array(file, allow_pickle=False)
    found = _ArraysOnly(file, encoding="latin1").load()
    if not isinstance(found, numpy.ndarray) or found.dtype != object or found.shape != shape or found.ndim != 1:
        raise ValueError("an array of lists is to have one axis")
    lists = numpy.empty(len(found), object)
    for i, one in enumerate(found):
        lists[i] = _numbers(one)
    return lists


def _numbers(one: Any) -> list:
    if isinstance(one, numpy.ndarray) and one.dtype.kind in "iufb" and one.ndim == 1:
        return one.tolist()
    if not isinstance(one, list) or not all(type(number) in (int, float, bool) for number in one):
        raise ValueError(f"there is a {type(one).__name__} where a list of numbers should be")
    return one
