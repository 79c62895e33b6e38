"""Fetches a data file: from the first mirror that has it, going on where a broken transfer stopped.

What arrives is collected in `<name>.part` beside the target. Only when it is complete and its checksum is the
published one does it get its name, in one step; so a file under its own name is always whole.

Read next: `vision.py`, which says what to fetch.
"""

from __future__ import annotations

import http
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tqdm import tqdm

from ..errors import DataError
from .files import checksum_of, name_of

_CHUNK = 1 << 16
# A transfer that breaks off is taken up again this often before the next mirror is tried.
_RESUMPTIONS = 5


class _MirrorFailed(Exception):
    """One mirror could not deliver; the next one may."""


def download(
    urls: Sequence[str],
    path: str | os.PathLike[str],
    checksum: str | None,
    timeout: float = 30.0,
    progress: bool | None = None,
) -> Path:
    """Make sure that `path` holds the file that has this checksum, fetching it if it does not.

    urls      the same file on several servers, tried in this order
    path      where it goes; missing folders are made. A file there with another checksum is replaced.
    checksum  the published MD5 or SHA-256 as hexadecimal digits; None if none is known: then what is there is taken, and what
              the server sends, as it is
    timeout   seconds of silence after which a server counts as dead
    progress  show a progress bar; None shows it on a terminal only

    Returns `path`.

    Raises `DataError`: no server delivered the file (the message lists each with its answer), or it cannot be stored.
    What has arrived is kept, and the next call goes on from there.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        if path.is_file() and _is_right(path, checksum):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_store(path, error) from error

    failures = []
    for url in urls:
        try:
            _fetch(url, part, checksum, timeout, progress)
        except _MirrorFailed as failure:
            failures.append(f"  {url}: {failure}")
            continue
        try:
            os.replace(part, path)
        except OSError as error:
            raise _cannot_store(path, error) from error
        return path
    raise DataError(
        f"{path} could not be downloaded:\n" + "\n".join(failures) + "\n"
        "Check the network and try again (what has arrived is kept), or fetch the file by other means and put it there."
    )


def _fetch(url: str, part: Path, checksum: str | None, timeout: float, progress: bool | None) -> None:
    """Complete `part` from one mirror, or raise `_MirrorFailed` with the reason."""
    for _ in range(1 + _RESUMPTIONS):
        start = part.stat().st_size if part.exists() else 0
        try:
            complete = _transfer(url, part, start, timeout, progress)
        except (OSError, http.client.HTTPException) as error:
            raise _MirrorFailed(error) from error
        if complete:
            if checksum is None or (found := checksum_of(part, checksum)) == checksum:
                return
            part.unlink()
            if start == 0:
                raise _MirrorFailed(f"sent a file whose {name_of(checksum)} sum is {found}, expected {checksum}")
            # Otherwise the start of the file, from an earlier call or another mirror, may be at fault: begin anew.
    raise _MirrorFailed(f"the transfer broke off {1 + _RESUMPTIONS} times")


def _is_right(path: Path, checksum: str | None) -> bool:
    return checksum is None or checksum_of(path, checksum) == checksum


def _transfer(url: str, part: Path, start: int, timeout: float, progress: bool | None) -> bool:
    """Append to `part` what the server sends from byte `start` on; whether it was all there is.

    A connection that fails before the first byte raises; one that breaks later does not, for what came counts.
    """
    headers = {"User-Agent": "tinygrad_ml"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return True  # nothing comes after what we have
        raise
    resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT  # a plain 200 sends the file from its start
    begin = start if resumed else 0
    total = None if response.length is None else begin + response.length
    hidden = None if progress is None else not progress  # tqdm's None: hidden unless on a terminal
    with (
        response,
        _open(part, "ab" if resumed else "wb") as file,
        tqdm(desc=part.stem, total=total, initial=begin, unit="B", unit_scale=True, disable=hidden) as bar,
    ):
        try:
            while chunk := response.read1(_CHUNK):  # what is there, without waiting for a whole chunk
                _store(chunk, file, part)
                bar.update(len(chunk))
        except (OSError, http.client.HTTPException):
            if file.tell() == begin:
                raise
            return False
        return total is None or file.tell() == total


def _open(part: Path, mode: str) -> IO[bytes]:
    try:
        return open(part, mode)
    except OSError as error:
        raise _cannot_store(part, error) from error


def _store(chunk: bytes, file: IO[bytes], part: Path) -> None:
    """Write at once, so that a full disk is not mistaken for a broken connection later."""
    try:
        file.write(chunk)
        file.flush()
    except OSError as error:
        raise _cannot_store(part, error) from error


def _cannot_store(path: Path, error: OSError) -> DataError:
    return DataError(f"{path} cannot be stored: {error.strerror}. Make room, or choose a folder you may write to.")
