"""`get_file`: a file of the network, fetched once, and unpacked, if wanted."""

from __future__ import annotations

import os
import shutil
import tarfile
import urllib.parse
import zipfile
from pathlib import Path
from typing import Any

from ...data.vision import fetch
from ...errors import DataError, OptionError
from ..checks import one_of


def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """The path of the file that is at the address `origin`, which is fetched if it is not there yet.

    fname           the name that it gets, by default that in the address
    file_hash       its MD5 or SHA-256 as hexadecimal digits: a file that has another is refused
    cache_dir       where it is kept, in the folder `cache_subdir`; by default $KERAS_HOME, or ~/.keras
    extract         unpack it (tar or zip), and return the folder; `untar` is the same
    archive_format  "tar", "zip", "auto", a list of them, or None
    force_download  fetch it even if it is there

    Raises `DataError` where it cannot be fetched, or has another checksum, and for archives that would write outside of the
    folder.
    """
    if origin is None:
        raise OptionError("get_file needs the address of the file: origin=")
    one_of("hash_algorithm", hash_algorithm, ("auto", "md5", "sha256"))
    name = os.fspath(fname) if fname else Path(urllib.parse.urlsplit(origin).path).name
    if not name or Path(name).name != name:
        raise OptionError(f"get_file: fname={name!r} must be the name of a file; the folder is cache_dir=")
    folder = Path(cache_dir or os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / cache_subdir
    unpacked = folder / name
    target = folder / name
    if extract or untar:
        if fname and "." in name:
            unpacked = folder / f"{name.partition('.')[0]}_extracted"
        else:
            target = folder / f"{name}_archive"
    if force_download:
        target.unlink(missing_ok=True)
    checksum = file_hash or md5_hash
    fresh = not target.is_file()
    if fresh or checksum is not None:
        fetch([origin], target, checksum)
    if not (extract or untar):
        return str(target)
    if fresh or not unpacked.is_dir():
        _extract(target, unpacked, ["tar", "zip"] if archive_format == "auto" else archive_format)
    return str(unpacked)


def _extract(path: Path, folder: Path, formats: Any) -> None:
    """Unpack an archive into a folder: whole, or not at all."""
    formats = [formats] if isinstance(formats, str) else list(formats or ())
    for kind in formats:
        one_of("archive_format", kind, ("tar", "zip"))
    if "tar" in formats and tarfile.is_tarfile(path):
        unpack = _unpack_tar
    elif "zip" in formats and zipfile.is_zipfile(path):
        unpack = _unpack_zip
    else:
        raise DataError(f"{path} is no archive of the kinds {', '.join(formats) or 'none'}: pass extract=False")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        unpack(path, part)
        if folder.is_dir():
            shutil.rmtree(folder)
        part.replace(folder)
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise DataError(f"{path} cannot be unpacked: {error}. Delete it, and fetch it again") from error


def _unpack_tar(path: Path, folder: Path) -> None:
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")  # which refuses what would be outside of the folder


def _unpack_zip(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:  # which leaves out what leads out of the folder
        archive.extractall(folder)
