"""Loops as machine code: compiled by Numba, where it is installed, and kept for the next process.

A loop is written to a file of its own, named by what is in it, in the folder `kernels` of the cache:
`$TINYGRAD_ML_CACHE`, by default `~/.cache/tinygrad_ml`. Numba puts the machine code beside it. Where no
file can be written, loops are compiled in memory, anew in each process.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

HEAD = """\
from math import cos, expm1, inf, log, log10, log1p, log2, nan, sin, sqrt, tanh

from numba import float32, float64, int64

from tinygrad_ml.compile.cpu.mathematics import add_in_any_order, exp, machine_code, nothing_overlaps
from tinygrad_ml.compile.cpu.mathematics import bools, float32s, float64s, int32s, int64s, uint8s


@machine_code(cache={cache})
"""


@cache
def available() -> bool:
    """Whether Numba is installed."""
    return importlib.util.find_spec("numba") is not None


def cache_folder() -> Path:
    """Where compiled loops are kept."""
    root = os.environ.get("TINYGRAD_ML_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "tinygrad_ml") / "kernels"


@cache
def machine_code(source: str) -> Callable:
    """The function `loop` of the source as one of C, compiled or found in the cache.

    It is called with integers and addresses, and while it runs, other threads can.
    """
    name = "loop_" + hashlib.sha256(f"{version('numba')} {_mathematics()}\n{HEAD}{source}".encode()).hexdigest()[:20]
    for attempt in (_kept, _kept_anew):
        with suppress(Exception):  # of any kind: Numba's for a folder in which it cannot write, those of damaged files
            return _callable(attempt(name, source))
    names: dict = {}
    exec(compile(HEAD.format(cache=False) + source, f"<{name}>", "exec", dont_inherit=True), names)
    return _callable(names["loop"])


def _kept(name: str, source: str) -> Any:
    """The loop, in a file of its own in the cache."""
    path = cache_folder() / f"{name}.py"
    if not path.exists():
        write_whole(path, (HEAD.format(cache=True) + source).encode())
    specification = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(specification)  # where Numba looks for it
    specification.loader.exec_module(module)
    return module.loop


def _kept_anew(name: str, source: str) -> Any:
    """The same, without what was there before."""
    for path in [*cache_folder().glob(f"{name}.py"), *cache_folder().glob(f"__pycache__/{name}.*")]:
        path.unlink()
    return _kept(name, source)


def _callable(loop) -> Callable:
    """The loop, compiled by Numba, as a function of ctypes."""
    code, memory = loop.__wrapped__.__code__, loop.__wrapped__.__annotations__
    given = code.co_varnames[: code.co_argcount]
    kinds = [ctypes.c_void_p if name in memory else ctypes.c_int64 for name in given]
    function = ctypes.CFUNCTYPE(None, *kinds)(loop.address)
    function.loop = loop  # which holds the machine code
    return function


def write_whole(path: Path, content: bytes) -> None:
    """Write the file so that no other process ever sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(temporary, path)


@cache
def _mathematics() -> str:
    """What the functions do that are compiled into every loop: another text is another program."""
    return Path(__file__).with_name("mathematics.py").read_text(encoding="utf-8")
