"""Loops as machine code: compiled by Numba, where it is installed, and kept for the next process.

A loop is written to a file of its own, named by what is in it, in the folder of `../cache.py`. Numba puts the machine
code beside it. Where no file can be written, loops are compiled in memory, anew in each process.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..cache import is_safe, kernels, write_whole

HEAD = """\
from math import acos, acosh, asin, asinh, atan, atan2, atanh, copysign, cos, cosh, erf, expm1, hypot, inf
from math import log10, log1p, log2, nan, sin, sinh, sqrt, tan

from numba import float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64

from tinygrad_ml.compile.cpu.mathematics import add_in_any_order, ceil, exp, floor, log, machine_code
from tinygrad_ml.compile.cpu.mathematics import floor_quotient, floor_remainder, nothing_overlaps, rint, tanh, trunc
from tinygrad_ml.compile.cpu.mathematics import bools, float32s, float64s, int8s, int16s, int32s, int64s
from tinygrad_ml.compile.cpu.mathematics import uint8s, uint16s, uint32s, uint64s


@machine_code(cache={cache})
"""


@cache
def available() -> bool:
    """Whether Numba is installed."""
    return importlib.util.find_spec("numba") is not None


@cache
def machine_code(source: str) -> Callable:
    """The function `loop` of the source as one of C, compiled or found in the cache.

    It is called with integers and addresses, and while it runs, other threads can.
    """
    name = "loop_" + hashlib.sha256(f"{version('numba')} {_mathematics()}\n{HEAD}{source}".encode()).hexdigest()[:20]
    folder = _folder()
    for attempt in (_kept, _kept_anew):
        if folder is None:
            break
        with suppress(Exception):  # of any kind: Numba's for a folder in which it cannot write, those of damaged files
            return _callable(attempt(folder / f"{name}.py", HEAD.format(cache=True) + source))
    return _callable(_run(name, f"<{name}>", HEAD.format(cache=False) + source))


def _folder() -> Path | None:
    """Where texts are kept; None where they or Numba's machine code could not be, or not safely."""
    numbas = os.environ.get("NUMBA_CACHE_DIR")  # which Numba prefers to the folder of the text
    return None if numbas and not is_safe(Path(numbas)) else kernels()


def _kept(path: Path, text: str) -> Any:
    """The loop, whose machine code is in the cache, or goes there.

    Numba asks for a file of the text, and takes machine code that was made when the file was as it is. What runs is
    the text itself, whatever the file says.
    """
    content = text.encode()
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, content)
    return _run(path.stem, str(path), text)


def _kept_anew(path: Path, text: str) -> Any:
    """The same, without what was there before."""
    for old in [*path.parent.glob(path.name), *path.parent.glob(f"__pycache__/{path.stem}.*")]:
        old.unlink()
    return _kept(path, text)


def _run(name: str, path: str, text: str) -> Any:
    """The function `loop` of a text, as if it were a module in that file."""
    module = sys.modules[name] = types.ModuleType(name)  # where Numba looks for it
    module.__file__ = path
    exec(compile(text, path, "exec", dont_inherit=True), module.__dict__)
    return module.loop


def _callable(loop: Any) -> Callable:
    """The loop, compiled by Numba, as a function of ctypes."""
    code, memory = loop.__wrapped__.__code__, loop.__wrapped__.__annotations__
    given = code.co_varnames[: code.co_argcount]
    kinds = [ctypes.c_void_p if name in memory else ctypes.c_int64 for name in given]
    function: Any = ctypes.CFUNCTYPE(None, *kinds)(loop.address)
    function.loop = loop  # which holds the machine code
    return function


@cache
def _mathematics() -> str:
    """What the functions do that are compiled into every loop: another text is another program."""
    return Path(__file__).with_name("mathematics.py").read_text(encoding="utf-8")
