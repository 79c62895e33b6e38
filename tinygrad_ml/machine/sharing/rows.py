"""A loop as a job, in the language of LLVM: each task is the loop over some of its rows, or the only task is a call of it.

A loop is a function of C, of integers and addresses, and the first of its arguments is the number of rows. It is
given fewer rows, and addresses that many rows further on.
"""

from __future__ import annotations

from llvmlite import ir

from ..llvm.assembler import INT, Function
from .job import ARGUMENTS, HEIGHT, LOOP, ROWS

FOURS_IN_A_ROW = 8
"""Functions that are made at once: a module of its own takes as long as ten of them."""


def padded(arguments: int) -> int:
    """For how many arguments the function is that gives a loop so many: for every fourth number there is one. What a function of
    C is given behind its own arguments, it does not look at."""
    return max(-(-arguments // 4), 1) * 4


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
        loop = ir.FunctionType(ir.VoidType(), [INT] * (1 + arguments)).as_pointer()
        f.call(f.inttoptr(f.field(told, LOOP), loop), [count, *given])
        f.ret_void()


def write_calls(module: ir.Module, row: int) -> None:
    """Write `call4(told, task, scratch)` and on, for loops with up to 4 arguments, and on; those of a `row` of such functions. See
    `calling.call`."""
    for arguments in _in_row(row):
        f = Function(module, f"call{arguments}", 3, exported=True)
        told, _, _ = f.given
        loop = ir.FunctionType(ir.VoidType(), [INT] * arguments).as_pointer()
        f.call(f.inttoptr(f.field(told, LOOP), loop), [f.field(told, 1 + i) for i in range(arguments)])
        f.ret_void()


def row_of(arguments: int) -> int:
    """The row in which the function for so many arguments is, a number of `padded`."""
    return (arguments // 4 - 1) // FOURS_IN_A_ROW


def _in_row(row: int) -> range:
    return range(4 * (row * FOURS_IN_A_ROW + 1), 4 * ((row + 1) * FOURS_IN_A_ROW + 1), 4)
