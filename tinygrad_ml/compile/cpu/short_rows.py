"""How the text of a loop goes through short rows.

A loop serves rows of all lengths: it does as many numbers of a row at a time as fit into registers, and what is left one by one.
Of short rows most is left. So where there are many of them

    written down    a line for each element: machine code does many rows at a time
    known           the size stands in the text: machine code does a row at a time, in registers, without a loop
    left at once    what is left of a row, or of the rows, is done at once, by a part of a register (AVX-512): else that is the same
                    text once more, and half of the time that it takes to compile

Of 32,000 rows of 16, tanh and a sigmoid take 0.6 ms where their size is known and 1.5 written down, relu 0.08 and 0.66; of 16,000
rows of 10 with AVX-512 0.30 and 0.44, 0.03 and 0.20; of 6, 0.22 and 0.14. What is written down takes up to ten times as long to
compile.

Read before: `walks.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...ops.shapes import size
from ..program import Instruction
from .expressions import is_brief

NARROW_ELEMENTS = 16
"""So many elements at most of a row, or of the last axis, are written down or known, if there are as many rows at least."""
KNOWN_ELEMENTS = 8
"""So few elements that lie side by side fill a register."""
WRITTEN_OPERATIONS = 400
"""So many operations at most are written down: each takes a quarter of a millisecond to compile."""
SHORT_ELEMENTS = 128
"""A row of fewer elements, of which more than one are left behind those that fill registers of 8, is done in registers to its end."""


class ShortRows(NamedTuple):
    """written  the groups of axes for each of whose elements there are lines: then the text depends on their sizes
    known    the group whose size stands in the text
    at_once  whether what is left is done at once
    """

    written: tuple[int, ...] = ()
    known: int | None = None
    at_once: bool = False


def short_rows(
    inner: Mapping[int, int], rows: int, side_by_side: bool, last: int, instructions: Sequence[Instruction]
) -> ShortRows:
    """How a loop goes through its rows.

    inner         sizes of the groups of axes that are a row
    rows          how many there are beside each other, one after the other; 0 if there are no rows
    side_by_side  whether nothing is reduced, and the numbers of a row lie side by side in all arrays
    last          the size of the last group, if it is not the only one; else 0
    """
    elements, written, known = size(tuple(inner.values())), (), None
    if rows >= NARROW_ELEMENTS >= elements:
        if side_by_side and _fills_registers(elements):
            (known,) = inner
        elif elements * len(instructions) <= WRITTEN_OPERATIONS:
            written = tuple(inner)
    part = last < SHORT_ELEMENTS and last % KNOWN_ELEMENTS > 1
    left = elements >= KNOWN_ELEMENTS if written else part
    return ShortRows(written, known, left and any(i.elementwise and not is_brief(i) for i in instructions))


def _fills_registers(elements: int) -> bool:
    """Whether so many numbers are a few whole registers, or the part of one that AVX-512 computes with."""
    from ...machine.llvm.compiler import register_bytes  # which is there where loops are written
    from ...machine.llvm.language import LONGEST_REGISTER

    whole = elements % KNOWN_ELEMENTS == 0
    return whole or (elements > KNOWN_ELEMENTS and register_bytes() == LONGEST_REGISTER)
