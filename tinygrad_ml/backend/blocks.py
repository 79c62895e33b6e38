"""Elementwise functions of NumPy, one after the other, over blocks of arrays that fit into the cache.

Each function alone would go through all of memory. So one block after the other goes through all of the functions
while it is in the cache, and what comes between lies in a few registers of the size of a block. The updates of the
optimisers run like this (`optim/loop.py`), and what a compiled step leaves to NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import numpy

BLOCK_ELEMENTS = 32768
"""Half a dozen such arrays of float32 fit into the second-level cache."""


class Register:
    """Memory for a block of values between two functions, which later values may take over."""

    def __init__(self, itemsize: int):
        self.itemsize = itemsize


def registers(calls: Iterable[tuple[Sequence[Hashable], Any, bool]]) -> dict[Any, Register]:
    """A register for each result that has no memory of its own.

    calls  in order: (operands, result, whether it may lie in the place of an operand that is read for the last time);
           the result is None if it has memory of its own
    """
    calls = list(calls)
    last = {operand: i for i, (operands, _, _) in enumerate(calls) for operand in operands}
    register: dict[Any, Register] = {}
    free: list[Register] = []
    for i, (operands, result, in_place) in enumerate(calls):
        done = [register[x] for x in dict.fromkeys(operands) if x in register and last[x] == i]
        if in_place:
            free, done = [*free, *done], []
        if result is not None:
            fitting = [known for known in free if known.itemsize == result.dtype.itemsize]
            register[result] = fitting[-1] if fitting else Register(result.dtype.itemsize)
            free = [known for known in free if known is not register[result]]
        free += done
    return register


class Blocks:
    """Calls of NumPy, over blocks.

    calls      (function, cells of the operands, cell of the result), in order. A cell holds an array or a number: first
               come those that a run is given, then the registers. A function takes the memory of its result last
    cut        how many of the first cells are arrays that are cut into blocks; the others are the same in all blocks
    registers  arrays of the size of a block
    length     of a block, along the first axis
    flat       whether the arrays are taken as if they had one axis
    """

    def __init__(
        self,
        calls: Iterable[tuple[Callable, Sequence[int], int]],
        cut: int,
        registers: Sequence[numpy.ndarray],
        length: int,
        flat: bool = True,
    ):
        self.registers = list(registers)
        self._calls = [(_with_memory_last(f), itemgetter(*operands, result)) for f, operands, result in calls]
        self._cut, self._length, self._flat = cut, length, flat

    def __call__(self, cells: Sequence[Any]) -> None:
        """Run on arrays and numbers. Flat arrays that are written to must be contiguous."""
        cut, length, given = self._cut, self._length, len(cells)
        cells = [*cells, *self.registers]
        whole = [array.reshape(-1) for array in cells[:cut]] if self._flat else cells[:cut]
        extent = len(whole[0])
        for start in range(0, extent, length):
            cells[:cut] = [array[start : start + length] for array in whole]
            if extent - start < length:
                cells[given:] = [register[: extent - start] for register in self.registers]
            for function, memory in self._calls:
                function(*memory(cells))


def _with_memory_last(function: Callable) -> Callable:
    if function in (numpy.maximum, numpy.minimum):  # which want to be told by name that it is the memory
        return lambda a, b, out: function(a, b, out=out)
    return function
