"""A loop as a job, in the language of LLVM: each task is the loop over some of its rows, or the only task is a call of it.

A loop is a function of C, of integers and addresses, and the first of its arguments is the number of rows. It is
given fewer rows, and addresses that many rows further on.
"""

from __future__ import annotations

from llvmlite import ir

from ..llvm.assembler import INT, Function
from .job import ARGUMENTS, HEIGHT, LOOP, ROWS

IN_A_ROW = 8
"""Numbers of arguments for which functions are made at once: a module of its own takes as long as ten such functions."""


def write_rows(module: ir.Module, first: int) -> None:
    """Write `rows8(told, task, scratch)` and on, for loops with 8 arguments besides the number of rows, and on. See
    `calling.rows`."""
    for arguments in range(first, first + IN_A_ROW):
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


def write_calls(module: ir.Module, first: int) -> None:
    """Write `call8(told, task, scratch)` and on, for loops with 8 arguments, and on. See `calling.call`."""
    for arguments in range(first, first + IN_A_ROW):
        f = Function(module, f"call{arguments}", 3, exported=True)
        told, _, _ = f.given
        loop = ir.FunctionType(ir.VoidType(), [INT] * arguments).as_pointer()
        f.call(f.inttoptr(f.field(told, LOOP), loop), [f.field(told, 1 + i) for i in range(arguments)])
        f.ret_void()
