"""A loop as a job, in the language of LLVM: each task is the loop over some of its rows, or the only task is a call of it.

A loop is a function of C, of integers and addresses, and the first of its arguments is the number of rows. It is
given fewer rows, and addresses that many rows further on.
"""

from __future__ import annotations

from llvmlite import ir

from ..llvm.assembler import INT, Function
from .job import ARGUMENTS, HEIGHT, LOOP, ROWS


def write_rows(module: ir.Module, arguments: int) -> None:
    """Write `rows(told, task, scratch)`, for loops with so many arguments besides the number of rows. See `calling.rows`."""
    f = Function(module, "rows", 3, exported=True)
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


def write_call(module: ir.Module, arguments: int) -> None:
    """Write `call(told, task, scratch)`, for loops with so many arguments. See `calling.call`."""
    f = Function(module, "call", 3, exported=True)
    told, _, _ = f.given
    loop = ir.FunctionType(ir.VoidType(), [INT] * arguments).as_pointer()
    f.call(f.inttoptr(f.field(told, LOOP), loop), [f.field(told, 1 + i) for i in range(arguments)])
    f.ret_void()
