"""Loops of eager mode as machine code: where many numbers are worth a compiler's import, and there is one.

A loop is a text (`../machine/llvm/language.py`) with the word `real` for the dtype of its numbers; the first thing that it is
given is the number of its rows, which threads share. NumPy takes a pass through memory for each operation, and a loop one for
all.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

from ..machine import machine_code
from ..machine.sharing.again import LoopPart, loop

Array: TypeAlias = Any

MANY_ELEMENTS = 1 << 16
"""Elements from which on a loop is worth it."""


def worth(x: Array) -> bool:
    """Whether there is machine code for arrays like this one; it follows from its size alone."""
    return x.size >= MANY_ELEMENTS and x.dtype.char in "fd" and machine_code.available()


def run(text: str, rows: int, numbers: tuple[int, ...], *arrays: tuple[Array, int]) -> None:
    """Do `loop(rows, *numbers, *arrays)` of a text; each array comes with how many elements it goes on from row to row."""
    part = as_part(text, rows, numbers, *arrays)
    loop(part.source, rows, numbers, tuple([array for array, _ in arrays]), part.growth)


def as_part(text: str, rows: int, numbers: tuple[int, ...], *arrays: tuple[Array, int]) -> LoopPart:
    """What `run` does, as a part of what is done in rounds (`../machine/sharing/again.py`)."""
    source = _of_dtype(text, arrays[0][0].dtype.char)
    return LoopPart(source, rows, numbers, tuple([step * array.itemsize for array, step in arrays]))


@cache
def _of_dtype(text: str, dtype: str) -> str:
    return text.replace("real", {"f": "float32", "d": "float64"}[dtype])
