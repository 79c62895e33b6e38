"""Where a loop finds the elements of an array that it is given by the address of the first one.

To a compiler, an address is far less to look through than an array that knows all about itself: it takes
half of the time, for the same machine code. Read next: `loops.py` and `moves.py`, which write the loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy

from ...backend import dtypes
from ..program import Value

MEMORY = {dtype: f"{dtype}s" for dtype in dtypes.SUPPORTED - {dtypes.float16}}
"""dtype -> the type of memory that has such elements, as the argument of a loop. See `machine/llvm/language.py`. Machine code of
many processors does not compute with float16, so its operations are calls of NumPy."""

Forms: TypeAlias = Mapping[Value, numpy.ndarray]
"""value -> how it lies."""

NOTHING_OVERLAPS = "nothing_overlaps()"
"""The first line of each loop: what is written lies apart from all else that it is given. Else the compiler would have to
look at each pair of arrays before it does sixteen elements at a time, and with more than a few it does not."""
NOTHING_IS_EMPTY = "nothing_is_empty()"
"""The line of each loop that is not called for arrays without elements: it need not ask in each of its walks whether there is any."""
DENORMALS_ARE_ZERO = "denormals_are_zero()"
"""The second line of a loop that updates parameters. See `denormals.py`."""
ROWS_ARE_SHORT = "rows_are_short()"
"""A line of a loop over rows in which many numbers are left behind those that fill registers: these are done at once, too."""


class Operand(NamedTuple):
    """An array of which a loop is given the address: the memory of a value, or scratch memory for it.

    strides  along the domain of a fused kernel
    behind   bytes from its beginning to where the loop begins
    """

    value: Value
    strides: tuple[int, ...] = ()
    scratch: bool = False
    behind: int = 0


class Written(NamedTuple):
    """A loop, and what it is to be given.

    source    of the function `loop(sizes, addresses, steps)`
    sizes     of its axes
    operands  whose addresses it is given
    steps     of those that do not lie in order, and other numbers that are not in the text, for it to be that of many loops
    elements  that it goes through: threads share many
    growth    by how much the addresses, and then the steps, are larger for the next turn of the loop that the first size is of, if
              these turns do not need each other
    in_pieces  whether such a turn goes through memory piece by piece, far apart: then threads share few large tasks
    notes     whether it is given one more address: of a number that it makes 1 where it meets a mistake
    """

    source: str
    sizes: tuple[int, ...]
    operands: tuple[Operand, ...]
    steps: tuple[int, ...]
    elements: int
    growth: tuple[int, ...] | None = None
    in_pieces: bool = False
    notes: bool = False


def addressable(form: numpy.ndarray) -> bool:
    """Whether a loop can be given such an array: its elements have a type, and lie whole elements apart.

    The fields of an array of records may not.
    """
    return form.dtype in MEMORY and not any(stride % form.itemsize for stride in form.strides)


def looking(form: numpy.ndarray, source: numpy.ndarray) -> Callable:
    """What takes the view of an array in order that lies to it as `form` does to `source`: quicker than its operation."""
    shape, dtype, strides = form.shape, form.dtype, form.strides
    if not form.size:  # which may begin in front of an array that has nothing either
        return lambda array: numpy.empty(shape, dtype)
    offset = form.__array_interface__["data"][0] - source.__array_interface__["data"][0]
    return lambda array: numpy.ndarray(shape, dtype, array, offset, strides)


class Axis(NamedTuple):
    """An axis of an array: what it is indexed by, the name of its size, and the size."""

    index: str
    name: str
    size: int


def axes_of(shape: Sequence[int]) -> list[Axis]:
    """The axes of a shape, each with an index and a size of its own."""
    return [Axis(f"i{axis}", f"n{axis}", extent) for axis, extent in enumerate(shape)]


def nested(axes: Sequence[Axis], lines: Iterable[str]) -> list[str]:
    """Lines in loops over axes, one within the other."""
    for axis in reversed(axes):
        lines = [f"for {axis.index} in range({axis.name}):", *(f"    {line}" for line in lines)]
    return list(lines)


def loop_text(words: str, given: Iterable[str], lines: Iterable[str]) -> str:
    """The text of a loop: what it does, in words, the names of what it is given, and its lines."""
    return f"# {words}\ndef loop({', '.join(given)}):\n" + "".join(f"    {line}\n" for line in lines)


class LoopArray(NamedTuple):
    """An array in a loop.

    argument  how it stands among the arguments
    element   the element at the indices, which can be read and written
    steps     names of more arguments -> elements from one index to the next
    """

    argument: str
    element: str
    steps: dict[str, int]


def place(name: str, dtype: numpy.dtype, axes: Sequence[Axis], steps: Sequence[int]) -> LoopArray:
    """The place of an array; `steps` are its strides, in elements. Those of one that lies in order follow from its sizes."""
    argument = f"{name}: {MEMORY[dtype]}"
    if list(steps) == _steps_in_order(axes):
        return LoopArray(argument, f"{name}[{_in_order(axes)}]", {})
    named = {f"{name}_{k}": step for k, step in enumerate(steps) if step != 1}
    terms = [
        axis.index if step == 1 else f"{_factor(axis.index)} * {name}_{k}"
        for k, (axis, step) in enumerate(zip(axes, steps, strict=True))
    ]
    return LoopArray(argument, f"{name}[{' + '.join(terms)}]", named)


def _steps_in_order(axes: Sequence[Axis]) -> list[int]:
    steps, step = [], 1
    for axis in reversed(axes):
        steps.insert(0, step)
        step *= axis.size
    return steps


def _in_order(axes: Sequence[Axis]) -> str:
    """The index of an element where all lie in order: `(i0 * n1 + i1) * n2 + i2`."""
    index = axes[0].index if axes else "0"
    for axis in axes[1:]:
        index = f"{_factor(index)} * {axis.name} + {axis.index}"
    return index


def _factor(term: str) -> str:
    return f"({term})" if " " in term else term
