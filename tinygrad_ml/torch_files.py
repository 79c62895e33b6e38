"""Files that PyTorch's `torch.save` wrote: their tensors and plain values, read without running anything.

Such a file is a ZIP archive of uncompressed members: `NAME/data.pkl`, a pickle of the state in which a tensor stands as a
call of `_rebuild_tensor_v2` on a storage, and `NAME/data/0`, `NAME/data/1`, ..., the bytes of the storages.

A pickle is a program that may call whatever it names. Here it may name what stands in `_MEANINGS`, functions of this file
that make tensors, dictionaries, sets and tuples, and nothing else: another name is an error before anything is called.

Read next: `io.py`, whose `load` reads these beside its own files.
"""

from __future__ import annotations

import io
import math
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy

from .backend import Device
from .errors import CheckpointError
from .functional import tensor
from .tensor import Tensor

BFLOAT16 = "bfloat16"
"""The upper half of a float32, which no tensor here can have: it is read as the float32 that it is."""

_DTYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": BFLOAT16,
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


def is_torch_file(content: bytes) -> bool:
    """Whether these are the bytes of a file as `torch.save` writes them since PyTorch 1.6: a ZIP archive with a pickle."""
    return content.startswith(b"PK") and b"/data.pkl" in content


def widened(halves: numpy.ndarray) -> numpy.ndarray:
    """The numbers of bfloat16, given as uint16, in float32: exact."""
    return (halves.astype(numpy.uint32) << 16).view(numpy.float32)


def read(path: Path, content: bytes, device: str | Device | None) -> Any:
    """The state in the file: dictionaries, lists, tuples, numbers, texts, and tensors on `device` without gradient.

    Tensors that share memory in the file, as tied weights do, are one tensor if they are the same part of it.

    Raises `CheckpointError`: the file is damaged, or holds something that is not a plain value, as a whole module does.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _Reader(path, archive, len(content), device).state()
    except (CheckpointError, MemoryError):
        raise
    except Exception as error:  # a pickle that is damaged can fail in any way, but only inside of the reader
        raise _damaged(path, f"{type(error).__name__}: {error}") from error


class _Storage(NamedTuple):
    """A flat array of the file."""

    key: str
    array: numpy.ndarray


class _Reader:
    def __init__(self, path: Path, archive: zipfile.ZipFile, length: int, device: str | Device | None):
        self.path, self.archive, self.length, self.device = path, archive, length, device
        names = archive.namelist()
        found = [name for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(found) != 1:
            raise _damaged(path, f"it has {len(found)} members data.pkl, not one")
        self.folder = found[0].removesuffix("data.pkl")
        order = self._member("byteorder").decode() if self.folder + "byteorder" in names else "little"
        self.order: Literal["<", ">"] = ">" if order == "big" else "<"
        self.storages: dict[str, _Storage] = {}
        self.tensors: dict[tuple, Tensor] = {}

    def state(self) -> Any:
        return _plain(_Unpickler(self).load(), ())

    def _member(self, name: str) -> bytes:
        """The bytes of a member, which are no more than the file has: nothing in it is compressed."""
        member = self.archive.getinfo(self.folder + name)
        if member.compress_type != zipfile.ZIP_STORED or member.file_size > self.length:
            raise _damaged(self.path, f"{member.filename} is compressed, or larger than the file")
        return self.archive.read(member)  # which compares the checksum

    def storage(self, kind: str, key: str, count: int) -> _Storage:
        if key not in self.storages:
            dtype = numpy.dtype("uint16" if _DTYPES[kind] == BFLOAT16 else _DTYPES[kind])
            flat = numpy.frombuffer(self._member(f"data/{key}"), dtype.newbyteorder(self.order))
            self.storages[key] = _Storage(key, widened(flat.astype(dtype)) if _DTYPES[kind] == BFLOAT16 else flat)
        if len(self.storages[key].array) < count:
            raise _damaged(self.path, f"data/{key} has {len(self.storages[key].array)} numbers, not {count}")
        return self.storages[key]

    def tensor(self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
        place = storage.key, offset, shape, strides
        if place not in self.tensors:
            flat = storage.array
            last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
            elements = math.prod(shape)
            if min(offset, *shape, *strides, 0) < 0 or (elements and last >= len(flat)) or elements > self.length:
                raise _damaged(
                    self.path, f"a tensor of shape {shape} does not fit the {len(flat)} numbers of data/{storage.key}"
                )
            steps = [stride * flat.itemsize for stride in strides]
            view = numpy.lib.stride_tricks.as_strided(flat[offset:], shape, steps)
            self.tensors[place] = tensor(numpy.array(view, flat.dtype.newbyteorder("="), order="C"), device=self.device)
        return self.tensors[place]


class _Kind:
    """A class of storages, by its name."""

    def __init__(self, name: str):
        self.name = name


def _rebuilt_parameter(data: Tensor, requires_grad: bool, hooks: Any, *state: Any) -> Tensor:
    return data


def _text(name: str, *rest: Any) -> str:
    return ":".join(map(str, (name, *rest)))


_MEANINGS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("torch", "Size"): tuple,
    ("torch", "device"): _text,
    ("torch._utils", "_rebuild_parameter"): _rebuilt_parameter,
    ("torch._utils", "_rebuild_parameter_with_state"): _rebuilt_parameter,
    **{("torch", kind): _Kind(kind) for kind in _DTYPES},
}
"""(module, name) in a pickle -> what is called in its place. `_rebuild_tensor_v2` is the reader's."""


class _Unpickler(pickle.Unpickler):
    def __init__(self, reader: _Reader):
        super().__init__(io.BytesIO(reader._member("data.pkl")))
        self.reader = reader

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._tensor
        if (module, name) not in _MEANINGS:
            raise CheckpointError(
                f"{self.reader.path} names {module}.{name}, and a file may hold only tensors, numbers, texts, dictionaries, "
                f"lists and tuples: anything else runs code when it is read. Save it anew with torch.save(model.state_dict(), path)"
            )
        return _MEANINGS[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, count = pid
        return self.reader.storage(kind.name, key, count)

    def _tensor(self, storage: _Storage, offset: int, shape: tuple, strides: tuple, *rest: Any) -> Tensor:
        return self.reader.tensor(storage, int(offset), tuple(shape), tuple(strides))


_PLAIN = (bool, int, float, str, bytes, type(None), Tensor)


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    """The value in Python's own dictionaries, lists and tuples, if it is made of nothing else and does not hold itself."""
    if isinstance(value, _PLAIN):
        return value
    if id(value) in above or len(above) > sys.getrecursionlimit() // 4:
        raise CheckpointError("the state in the file contains itself, or is nested too deeply")
    above = (*above, id(value))
    if isinstance(value, Mapping):
        return {_plain(key, above): _plain(item, above) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_plain(item, above) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, (set, frozenset)):
        return type(value)(_plain(item, above) for item in value)
    raise CheckpointError(f"the file holds a {type(value).__name__}, which is neither a tensor nor a plain value")


def _damaged(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(f"{path}, which torch.save wrote, is truncated or corrupt: {problem}. Save it anew.")
