"""Reads data files whole, and says clearly what is wrong with one: the shared ground of every reader here.

Read next: `idx.py`, the format MNIST is stored in.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..errors import DataError


def md5_of(path: str | os.PathLike[str]) -> str:
    """The MD5 sum of a file, as 32 hexadecimal digits. It guards against damage, not against malice."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def damaged(path: str | os.PathLike[str], problem: str) -> DataError:
    """The error to raise for a file whose content cannot be trusted: names the file, the problem, the way out."""
    return DataError(f"{path} is damaged or incomplete: {problem}. Delete it and fetch a fresh copy.")


def read_bytes(path: str | os.PathLike[str], md5: str | None = None) -> bytes:
    """The whole content of a file, its checksum verified when one is given.

    path  the file
    md5   its published MD5 sum; None skips the check

    Raises `DataError`: the file is missing, unreadable, or its checksum differs.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. Check the path, or put the file there.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Check that it is a file you may read.") from error
    if md5 is not None:
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != md5:
            raise damaged(path, f"its MD5 sum is {found}, expected {md5}")
    return content
