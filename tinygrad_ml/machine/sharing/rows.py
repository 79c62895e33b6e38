"""A loop as a job, in the language of LLVM: each task is the loop over some of its rows, or the only task is a call of it.

A loop is a function of C, of integers and addresses, and the first of its arguments is the number of rows. It is
given fewer rows, and addresses that many rows further on.
"""

from __future__ import annotations

from llvmlite import ir

from ..llvm.assembler import Function
from .job import ARGUMENTS, FOURS_IN_A_ROW, HEIGHT, LOOP, ROWS


def write_rows(module: ir.Module, row: int) -> None:
    """Write `rows4(told, task, scratch)` and on, for loops with up to 4 arguments besides the number of rows, and on; those of a
    `row` of such functions. See `calling.rows`."""
    for arguments in _in_row(row):
        f = Function(module, f"rows{arguments}", 3, exported=True)
        told, task, _ = f.given
        start = f.mul(task, f.field(told, HEIGHT))
        count = f.least(f.field(told, HEIGHT), f.sub(f.field(told, ROWS), start))
        given = [
            f.add(f.field(told, ARGUMENTS + i), f.mul(start, f.field(told, ARGUMENTS + arguments + i)))
            for i in range(arguments)
        ]
        f.call_at(f.field(told, LOOP), [count, *given])
        f.ret_void()


def write_calls(module: ir.Module, row: int) -> None:
    """Write `call4(told, task, scratch)` and on, for loops with up to 4 arguments, and on: as above. See `calling.call`."""
    for arguments in _in_row(row):
        f = Function(module, f"call{arguments}", 3, exported=True)
        told, _, _ = f.given
        f.call_at(f.field(told, LOOP), [f.field(told, 1 + i) for i in range(arguments)])
        f.ret_void()


def _in_row(row: int) -> range:
    return range(4 * (row * FOURS_IN_A_ROW + 1), 4 * ((row + 1) * FOURS_IN_A_ROW + 1), 4)
