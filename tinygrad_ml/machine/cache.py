"""The folder in which compiled kernels are kept for the next process, and whether it can be trusted.

What is found there is run. So a folder is used only if nobody but its owner can have put something into it: it, and all
folders above it, belong to the user or to root, and nobody else may write to them. (Where all may write, but each may
remove only what is theirs, as in /tmp, a folder of one's own is safe.) What cannot be trusted is left alone: one warning
says so, and kernels are compiled in memory, anew in each process.
"""

from __future__ import annotations

import os
import stat
import tempfile
import warnings
from functools import cache
from pathlib import Path

try:
    import grp
    import pwd
except ModuleNotFoundError:  # Windows, where a profile's folders are closed to others
    grp = pwd = None


def kernels() -> Path | None:
    """The folder for loops and products, made if it was not there; None where there can be none, or no safe one.

    It is `kernels` in `$TINYGRAD_ML_CACHE`, by default in `~/.cache/tinygrad_ml`.
    """
    root = os.environ.get("TINYGRAD_ML_CACHE")
    return _own_folder((Path(root) if root else Path.home() / ".cache" / "tinygrad_ml") / "kernels")


@cache
def _own_folder(path: Path) -> Path | None:
    try:
        path = path.resolve()
        wanted = (path, *path.parents)
        for folder in reversed([folder for folder in wanted if not folder.exists()]):
            folder.mkdir(mode=0o700, exist_ok=True)  # each by itself: parents that mkdir makes are as open as all else
    except OSError:
        return None
    return path if is_safe(path) else None


@cache
def is_safe(path: Path) -> bool:
    """Whether nobody but the user and root can have put something into this folder. If not, a warning says why."""
    reason = _unsafe(path.resolve())
    if reason is not None:
        warnings.warn(
            f"compiled kernels are not kept in {path}: {reason}. They are compiled in memory, anew in each process. "
            "Choose a folder of your own by the environment variable TINYGRAD_ML_CACHE (CUPY_CACHE_DIR for CUDA's), or "
            "remove this one.",
            stacklevel=2,
        )
    return reason is None


def _unsafe(path: Path) -> str | None:
    """Why somebody else may have written to the folder, or replaced it; None if nobody can have."""
    if pwd is None:
        return None
    for folder in (path, *path.parents):
        try:
            status = folder.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{folder} cannot be looked at ({error.strerror})"
        if status.st_uid not in (0, os.getuid()):
            return f"{folder} belongs to another user"
        open_to = stat.S_IWOTH if _is_private(status.st_gid) else stat.S_IWOTH | stat.S_IWGRP
        each_their_own = folder in path.parents and status.st_mode & stat.S_ISVTX
        if status.st_mode & open_to and not each_their_own:
            return f"others may write to {folder}"
    return None


def _is_private(group: int) -> bool:
    """Whether it is the group of the user alone, which many systems give to each, with rights to write."""
    if pwd is None or grp is None:
        return False
    try:
        user, members = pwd.getpwuid(os.getuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and user.pw_name == members.gr_name and set(members.gr_mem) <= {user.pw_name}


def write_whole(path: Path, content: bytes) -> None:
    """Write the file so that no other process ever sees a part of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
