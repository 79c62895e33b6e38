"""Loops as machine code, which is kept for the next process: see `llvm/`, which is there where llvmlite is installed."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def available() -> bool:
    """Whether llvmlite is installed, which is a compiler."""
    return importlib.util.find_spec("llvmlite") is not None


@cache
def machine_code(source: str) -> Callable:
    """The function `loop` of a text (see `llvm/language.py`) as one of C, compiled or found in the cache.

    It is called with integers and addresses, and while it runs, other threads can. Its own address is its `address`.
    """
    kept = _native(source)
    given = source.partition("def loop(")[2].partition("):")[0].split(", ")
    kinds = [ctypes.c_void_p if ":" in name else ctypes.c_int64 for name in given]
    address = kept.address("loop")
    function: object = ctypes.CFUNCTYPE(None, *kinds)(address)
    function.address, function.kept = address, kept  # type: ignore[attr-defined]
    return function  # type: ignore[return-value]


def begun(source: str) -> Callable[[], int]:
    """What says the address of the function `loop` of a text. Until it is asked, other threads may have compiled it."""
    return _native(source).later("loop")


def _native(source: str) -> Any:
    from .llvm.language import write_loop  # which need llvmlite
    from .llvm.native import native

    return native("loop", write_loop, source, improved=True)
