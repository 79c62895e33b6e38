"""Checkpoints: `save(path, state)` and `load(path)`, in the safetensors format.

A safetensors file is a length, a JSON header, and the bytes of the tensors one after the other: nothing in it can
run code. Tensors go into the body, under the dotted path at which they stand in the state. All the rest (the
nesting, numbers, text) goes into one entry of the header's metadata, as JSON in which `{"$tensor": "model.0.weight"}`
stands where a tensor was, after a checksum of the whole file:

    "__metadata__": {"tinygrad_ml": "crc32=1c291ca3 {\\"epoch\\": 3, \\"model\\": {...}}"}

Any other program that reads safetensors finds the tensors by name, and `load` reads the files of other programs,
those of `torch.save` among them (`torch_files.py`).

Read next: `nn/module.py` for `state_dict`, which makes most of what is saved.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import re
import secrets
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
import safetensors
import safetensors.numpy

from .backend import Device
from .errors import CheckpointError
from .functional import tensor
from .tensor import Tensor
from .torch_files import is_torch_file, widened
from .torch_files import read as read_torch_file

# The types that both a tensor here and a tensor in a file can have: the file's name, then NumPy's.
_DTYPES = {
    "BOOL": "bool",
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
}
_METADATA = "__metadata__"
_OURS = "tinygrad_ml"
# Where the checksum stands in the file. It is computed with zeros in its own place.
_BEFORE_CHECKSUM = f'"{_OURS}":"crc32='.encode()
_NO_CHECKSUM = b"00000000"
_DESCRIPTION = re.compile(r"crc32=([0-9a-f]{8}) (.*)", re.DOTALL)

_WAYS_OUT = {
    errno.ENOSPC: "make room on the disk, or choose another one",
    errno.EDQUOT: "make room in your quota, or choose another disk",
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "choose a path whose folders are folders",
    errno.EISDIR: "choose the name of a file, not of a folder",
}


def save(path: str | os.PathLike[str], state: Any) -> None:
    """Write a state to a file: whole, or not at all.

    The state is any nesting of dictionaries, lists and tuples of tensors, NumPy arrays, numbers, strings, booleans
    and None, as in `{"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}`. Tensors are
    copied to the host and stay where they are; one that stands in several places is saved once.

    path   the file. One that is there already is replaced in a single step when the new one is complete.
    state  what to save

    Raises `CheckpointError`: the state holds something else, or the file cannot be written. The message says what and
    why; a file that was there before is untouched, and nothing is left behind.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise CheckpointError(f"save was given a {type(path).__name__} as its path; the order is save(path, state)")
    write(Path(path), _serialize(state))


def load(path: str | os.PathLike[str], device: str | Device | None = None) -> Any:
    """Read what `save` wrote, the tensors of a safetensors file of any other program, or a state that `torch.save` wrote.

    path    the file
    device  where the tensors go, whatever device they were saved from; None is the default device

    Returns the state, as it was: tensors are tensors again (without gradient), NumPy arrays are NumPy arrays. For a
    safetensors file of another program, a flat dictionary of tensors. Of `torch.save`'s files only tensors and plain
    values are read, so `model.load_state_dict(load("weights.pt"))` is safe. Numbers in bfloat16 become float32, exactly.

    Raises `CheckpointError`: the file is missing, truncated, corrupt, of another kind, holds a type that no
    tensor here can have (float8), or a pickle that holds more than plain values. The message names the file and says what
    to do.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; check the path of the checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}); name a file that you may read") from error

    if is_torch_file(content):
        return read_torch_file(path, content, device)
    header = _read_header(path, content)
    try:
        entries = safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise _corrupt(path, str(error)) from error
    body = {name: _array(path, name, entry) for name, entry in entries}
    decoder = _Decoder(body, device)
    metadata = header.get(_METADATA) or {}
    ours = metadata.get(_OURS)
    if ours is None:
        if any(_DESCRIPTION.fullmatch(text) for text in metadata.values()):
            raise _corrupt(path, f"the name {_OURS!r} of its description is damaged")
        return {name: decoder.tensor(name) for name in body}
    description = _verify(path, content, ours)
    try:
        return decoder.decode(json.loads(description))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _corrupt(path, f"its description of the state makes no sense: {error!r}") from error


def _serialize(state: Any) -> bytes:
    """The content of the file."""
    encoder = _Encoder()
    try:
        description = json.dumps(encoder.encode(state, ()))
    except RecursionError:
        raise CheckpointError("the state contains itself, or is nested too deeply to be saved") from None
    # One entry holds it all: the library writes several in random order, and equal states should make equal files.
    text = f"crc32={_NO_CHECKSUM.decode()} {description}"
    content = bytearray(safetensors.numpy.save(encoder.body, {_OURS: text}))
    place = content.index(_BEFORE_CHECKSUM) + len(_BEFORE_CHECKSUM)
    content[place : place + len(_NO_CHECKSUM)] = b"%08x" % zlib.crc32(content)
    return bytes(content)


class _Encoder:
    """Turns a state into what JSON can hold, and moves its tensors to `body`, by name."""

    def __init__(self) -> None:
        self.body: dict[str, numpy.ndarray] = {}
        self._met: dict[int, tuple[object, str]] = {}  # id -> what has it (kept, so that no other gets it), its name

    def encode(self, value: Any, path: tuple[str, ...]) -> Any:
        """`value`, which stands at `path` in the state."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (numpy.bool_, numpy.integer, numpy.floating)):
            return value.item()
        if isinstance(value, Tensor):
            return {"$tensor": self._store(value, value.numpy, path)}
        if isinstance(value, numpy.ndarray):
            return {"$array": self._store(value, lambda: value, path)}
        if isinstance(value, (list, tuple)):
            items = [self.encode(item, (*path, str(number))) for number, item in enumerate(value)]
            return {"$tuple": items} if isinstance(value, tuple) else items
        if isinstance(value, Mapping):
            items = [(self.encode(key, path), self.encode(item, (*path, str(key)))) for key, item in value.items()]
            # JSON's keys are strings, and those with a $ are ours.
            plain = all(isinstance(key, str) and not key.startswith("$") for key in value)
            return dict(items) if plain else {"$items": items}
        raise CheckpointError(
            f"{'.'.join(path) or 'the state'} is of type {type(value).__name__}; only tensors, NumPy arrays, numbers, "
            "strings, booleans, None, and dictionaries, lists and tuples of them can be saved"
        )

    def _store(self, owner: Tensor | numpy.ndarray, to_host: Callable[[], numpy.ndarray], path: tuple[str, ...]) -> str:
        """Put an array into the body, unless `owner` was met before; its name."""
        if id(owner) in self._met:
            return self._met[id(owner)][1]
        array = to_host()
        where = ".".join(path) or "tensor"
        if array.dtype.name not in _DTYPES.values():
            raise CheckpointError(f"{where} has dtype {array.dtype}, which a checkpoint cannot hold; convert it first")
        # {"a": {"b": x}} and {"a.b": y} meet in one name; the header's own name is taken too.
        names = itertools.chain([where], (f"{where}~{number}" for number in itertools.count(2)))
        name = next(name for name in names if name not in self.body and name != _METADATA)
        # The library takes the bytes as they lie in memory.
        self.body[name] = numpy.asarray(array, array.dtype.newbyteorder("<"), order="C")
        self._met[id(owner)] = owner, name
        return name


class _Decoder:
    """Turns what `_Encoder` made back into the state."""

    def __init__(self, body: dict[str, numpy.ndarray], device: str | Device | None):
        self._body = body
        self._device = device
        self._tensors: dict[str, Tensor] = {}

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name: the same object at each place where it stands."""
        if name not in self._tensors:
            self._tensors[name] = tensor(self._body[name], device=self._device)
        return self._tensors[name]

    def decode(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.decode(item) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"$tensor": name}:
                return self.tensor(name)
            case {"$array": name}:
                return self._body[name]
            case {"$tuple": items}:
                return tuple(self.decode(items))
            case {"$items": items}:
                return {self.decode(key): self.decode(item) for key, item in items}
            case _:
                return {key: self.decode(item) for key, item in value.items()}


def write(path: Path, content: bytes) -> None:
    """Make `path` a file with this content, in one step: whoever looks sees the old file or the new one.

    Raises `CheckpointError` where that cannot be; then all is as it was before.
    """
    path = path.resolve()  # of a link, what it leads to is written
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} is not a file, and is left as it is: choose the name of a file")
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:  # an interrupt must not leave the file behind either
        with contextlib.suppress(OSError):
            temporary.unlink()
        if not isinstance(error, OSError):
            raise
        way_out = _WAYS_OUT.get(error.errno or 0, "choose a folder you may write to")
        raise CheckpointError(
            f"{path} could not be written ({error.strerror}; {len(content):,} bytes): {way_out}. "
            "What was there before is unchanged."
        ) from error


def _read_header(path: Path, content: bytes) -> dict[str, Any]:
    """The header of a safetensors file, checked for what the library overlooks: keys that stand twice."""
    length = int.from_bytes(content[:8], "little")
    if not 2 <= length <= len(content) - 8:
        if content[8:9] == b"{":
            raise _corrupt(path, f"of the {length} bytes of its header {len(content) - 8} are there")
        pickled = content.startswith((b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"))
        hint = " but a pickle, which is never loaded, because that runs code" if pickled else ""
        raise CheckpointError(
            f"{path} is no safetensors file{hint}; give load() a file that save() wrote, or torch.save(model.state_dict(), "
            "...) of PyTorch 1.6 or newer"
        )
    try:
        return json.loads(content[8 : 8 + length], object_pairs_hook=_without_duplicates)
    except _DuplicateKey as error:
        raise _corrupt(path, f"its header has the key {error} twice") from error
    except (ValueError, RecursionError) as error:
        raise _corrupt(path, "its header is not JSON") from error


class _DuplicateKey(Exception):
    """A key that stands twice in one JSON object."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Readers differ in which of two equal keys they believe, so there may be none."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _DuplicateKey(repr(next(key for key in keys if keys.count(key) > 1)))
    return found


def _array(path: Path, name: str, entry: Mapping[str, Any]) -> numpy.ndarray:
    """One tensor of the body, as an array of its own."""
    if entry["dtype"] == "BF16":
        return widened(numpy.frombuffer(entry["data"], "<u2")).reshape(entry["shape"])
    if entry["dtype"] not in _DTYPES:
        raise CheckpointError(
            f"{path} has a tensor {name!r} of type {entry['dtype']}, which no tensor here can have; "
            "convert it to float32 with the program that wrote the file"
        )
    dtype = numpy.dtype(_DTYPES[entry["dtype"]])
    return numpy.frombuffer(entry["data"], dtype.newbyteorder("<")).reshape(entry["shape"]).astype(dtype, copy=False)


def _verify(path: Path, content: bytes, ours: str) -> str:
    """The description of the state in our metadata, once the checksum before it has been found right."""
    match = _DESCRIPTION.fullmatch(ours)
    place = content.find(_BEFORE_CHECKSUM) + len(_BEFORE_CHECKSUM)
    blank = content[:place] + _NO_CHECKSUM + content[place + len(_NO_CHECKSUM) :]
    if match is None or zlib.crc32(blank) != int(match[1], 16):
        raise _corrupt(path, "its content does not fit its checksum")
    return match[2]


def _corrupt(path: Path, problem: str) -> CheckpointError:
    return CheckpointError(f"{path} is truncated or corrupt: {problem}. Load an earlier checkpoint, or save it anew.")
