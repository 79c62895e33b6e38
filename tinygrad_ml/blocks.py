"""Elementwise functions of NumPy, one after the other, over blocks of arrays that fit into the cache.

Each function alone would go through all of memory. So one block after the other goes through all of the functions
while it is in the cache, and what comes between lies in a few registers of the size of a block. The updates of the
optimisers run like this (`optim/loop.py`), and what a compiled step leaves to NumPy.
"""

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import numpy

BLOCK_ELEMENTS = 32768
"""Half a dozen such arrays of float32 fit into the second-level cache."""

COPIED_ELEMENTS = 4096
"""So many numbers are copied sooner than NumPy has laid out a view."""

WORTH_MASKING = 1 << 14
"""Elements from which on a choice is made by masks."""


def broadcast_to(x: Any, shape: tuple[int, ...]) -> numpy.ndarray:
    """x repeated to a shape: a view, if that is large."""
    if math.prod(shape) > COPIED_ELEMENTS:
        return numpy.broadcast_to(x, shape)
    repeated = numpy.empty(shape, x.dtype)
    repeated[...] = x
    return repeated


def where(condition: Any, a: Any, b: Any, out: numpy.ndarray | None = None) -> Any:
    """a where the condition is true, else b, as NumPy's `where`; into `out`, if that is given.

    NumPy's goes one way or the other for each element, and the processor guesses which: for a condition like x > 0 wrongly
    every other time, and each of these takes as long as sixteen elements. Bits need no guess: b ^ ((a ^ b) & mask), where the
    mask of an element is all ones or all zeros.
    """
    masks = condition.dtype == bool and a.dtype == b.dtype and a.dtype.itemsize <= 8
    if not masks or (condition.size < WORTH_MASKING and a.size < WORTH_MASKING):
        return _chosen(condition, a, b, out)
    if any(numpy.ndim(x) and x.shape != condition.shape for x in (a, b)):
        return _spread(condition, a, b, out)
    result = numpy.empty_like(condition, a.dtype) if out is None else out
    bits = numpy.dtype(f"i{result.itemsize}")
    whole = [numpy.asarray(x).view(bits) for x in (result, a, b)] + [condition.view(numpy.int8)]
    if all(x.flags.c_contiguous for x in whole):
        whole = [x.reshape(-1) if x.ndim else x for x in whole]
    extent = len(whole[0])
    length = max(1, BLOCK_ELEMENTS * extent // result.size)
    mask = numpy.empty((length, *whole[0].shape[1:]), bits)
    nothing = not whole[2].ndim and not whole[2]
    for start in range(0, extent, length):
        y, a_bits, b_bits, chosen = (x[start : start + length] if x.ndim else x for x in whole)
        ones = numpy.negative(chosen, mask[: len(y)], dtype=bits)  # -1 is all ones
        if nothing:
            numpy.bitwise_and(a_bits, ones, y)
        else:
            numpy.bitwise_and(ones, a_bits ^ b_bits, ones)
            numpy.bitwise_xor(ones, b_bits, y)
    return result


def _spread(condition: Any, a: Any, b: Any, out: numpy.ndarray | None) -> Any:
    """`where` by masks, of which there is one for several elements, or whose numbers are those of several."""
    shape = numpy.broadcast_shapes(condition.shape, a.shape, b.shape)
    alike = next((x for x in (a, b, condition) if x.shape == shape), None)
    result = out
    if result is None:
        result = numpy.empty(shape, a.dtype) if alike is None else numpy.empty_like(alike, a.dtype)
    bits = numpy.dtype(f"i{result.itemsize}")
    whole = [numpy.asarray(x) for x in (result, a, b, condition)]
    y, a, b, chosen = [
        x.reshape((1,) * (len(shape) - x.ndim) + x.shape).view(bits if x.dtype != bool else "i1") for x in whole
    ]
    length = max(1, BLOCK_ELEMENTS * len(y) // max(1, result.size))
    nothing = b.size == 1 and not b.any()
    for start in range(0, len(y), length):
        a_bits, b_bits, ones = (x[start : start + length] if len(x) > 1 else x for x in (a, b, chosen))
        ones, part = numpy.negative(ones, dtype=bits), y[start : start + length]
        if nothing:
            numpy.bitwise_and(a_bits, ones, part)
        else:
            numpy.bitwise_xor((a_bits ^ b_bits) & ones, b_bits, part)
    return result


def _chosen(condition: Any, a: Any, b: Any, out: numpy.ndarray | None) -> Any:
    if out is None:
        return numpy.where(condition, a, b)
    numpy.copyto(out, b)
    numpy.copyto(out, a, where=condition)
    return out


def registers(
    calls: Sequence[tuple[Sequence[Hashable], Any]], kept: Collection[Any], in_place: Sequence[bool] | None = None
) -> dict[Any, Any]:
    """{result: the one whose register it takes over, or itself} of all results that are not `kept` elsewhere.

    calls     (operands, result), in order
    in_place  for each, whether its result may lie in the place of an operand that is read for the last time
    """
    last = {operand: i for i, (operands, _) in enumerate(calls) for operand in operands}
    register: dict[Any, Any] = {}
    free: list[Any] = []
    for i, (operands, result) in enumerate(calls):
        done = [register[x] for x in dict.fromkeys(operands) if x in register and last[x] == i]
        if in_place is None or in_place[i]:
            free, done = [*free, *done], []
        if result not in kept:
            fitting = [other for other in free if other.dtype.itemsize == result.dtype.itemsize]
            register[result] = fitting[-1] if fitting else result
            free = [other for other in free if other is not register[result]]
        free += done
    return register


class BlockRunner:
    """Calls of NumPy, over blocks.

    calls      (function, operands, result), in order; the function is told where its result goes as `out`
    cut        those operands and results that are cut into blocks
    whole      those that are the same in all blocks
    registers  what comes between, and an array of the size of a block for it
    length     of a block, along the first axis
    flat       whether arrays are taken as if they had one axis
    """

    def __init__(
        self,
        calls: Sequence[tuple[Callable, Sequence[Hashable], Hashable]],
        cut: Sequence[Hashable],
        whole: Sequence[Hashable],
        registers: Mapping[Any, numpy.ndarray],
        length: int,
        flat: bool = True,
    ):
        cell = {value: i for i, value in enumerate((*cut, *whole, *registers))}
        self.calls = [(_memory_last(f), itemgetter(*[cell[x] for x in (*operands, y)])) for f, operands, y in calls]
        self.registers, self._length, self._flat = list(registers.values()), length, flat

    def __call__(self, cut: Sequence[numpy.ndarray], whole: Sequence[Any]) -> None:
        """Run on these arrays and numbers. Flat arrays that are written to must be contiguous."""
        arrays = [array.reshape(-1) for array in cut] if self._flat else cut
        extent, length, registers = len(arrays[0]), self._length, self.registers
        for start in range(0, extent, length):
            if extent - start < length:
                registers = [register[: extent - start] for register in registers]
            memory = [*[array[start : start + length] for array in arrays], *whole, *registers]
            for function, arguments in self.calls:
                function(*arguments(memory))

    def bound(self, cut: Sequence[numpy.ndarray], whole: Sequence[Any]) -> list[Callable[[], object]]:
        """The calls for these arrays, of one block at most, and these numbers, which are arrays too: each knows its operands."""
        memory = [*cut, *whole, *[register[: len(cut[0])] for register in self.registers]]
        return [partial(function, *arguments(memory)) for function, arguments in self.calls]


def _memory_last(function: Callable) -> Callable:
    if isinstance(function, numpy.ufunc) and function not in (numpy.maximum, numpy.minimum):
        return function  # quicker, if it is not told by name where its result goes
    return lambda *operands: function(*operands[:-1], out=operands[-1])
