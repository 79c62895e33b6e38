"""Reads data files whole, and says clearly what is wrong with one: the shared ground of every reader here.

Read next: `idx.py`, the format MNIST is stored in.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from ..errors import DataError, OptionError

_ALGORITHMS = {32: "md5", 64: "sha256"}
_NAMES = {32: "MD5", 64: "SHA-256"}


def checksum_of(path: str | os.PathLike[str], like: str) -> str:
    """The checksum of a file as hexadecimal digits: MD5 or SHA-256, whichever `like` is. MD5 guards against damage, not
    against malice.

    Raises `OptionError` if `like` is neither.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: _hash(like)).hexdigest()


def _hash(like: str) -> Any:
    if len(like) not in _ALGORITHMS:
        raise OptionError(f"{like!r} is no checksum: an MD5 has 32 hexadecimal digits, a SHA-256 has 64")
    return hashlib.new(_ALGORITHMS[len(like)], usedforsecurity=False)


def name_of(checksum: str) -> str:
    """ "MD5" or "SHA-256"."""
    return _NAMES[len(checksum)]


def damaged(path: str | os.PathLike[str], problem: str) -> DataError:
    """The error to raise for a file whose content cannot be trusted: names the file, the problem, the way out."""
    return DataError(f"{path} is damaged or incomplete: {problem}. Delete it and fetch a fresh copy.")


def read_bytes(path: str | os.PathLike[str], checksum: str | None = None) -> bytes:
    """The whole content of a file, its checksum verified when one is given.

    path      the file
    checksum  its published MD5 or SHA-256; None skips the check

    Raises `DataError`: the file is missing, unreadable, or its checksum differs.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. Check the path, or put the file there.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Check that it is a file you may read.") from error
    if checksum is not None:
        digest = _hash(checksum)
        digest.update(content)
        if digest.hexdigest() != checksum:
            raise damaged(path, f"its {name_of(checksum)} sum is {digest.hexdigest()}, expected {checksum}")
    return content
