"""How threads share the tasks of a job, in the language of LLVM.

The thread that wants a job done copies it to the *board*, which lies at one place for as long as the process lives.
Every thread takes tasks from there, one by one, by counting down `remaining`; so a thread that comes late, or
not at all, delays nothing but the task that it has taken.

    run(stretch)          do the jobs of a stretch (`stretch.py`) one after the other, with the help of whoever works at the board. First
                          they are told where what moves lies in this call; if there are many rounds, addresses go on
                          behind each of them
    work(board, scratch)  help, until nothing was to be done for a while, and no stretch runs that may have more to do

`remaining` says in one number whether there is a task and which: whoever looks at it late, when the next job
is on the board already, takes a task of that one, or none.
"""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from ..llvm.assembler import INT, Function, number
from .job import FUNCTION, LONGEST, MEMORY, SHARED, TASKS, TOLD
from .stretch import (
    ADVANCING,
    BASES,
    BEHIND,
    BOARD,
    COUNT,
    FIELDS_OF_STRETCH,
    INTEGERS,
    JOBS,
    MOVING,
    PLACES,
    ROUNDS,
    STEPS,
)

AWAKE, OWNED, YIELD, RUNNING, REMAINING, LEFT, JOB = 0, 1, 2, 3, 8, 16, 24
"""The fields of the board: threads at work; whether somebody's job is on it; the address of what lets other threads run; how
many stretches run that have jobs for several threads; tasks that nobody has taken; tasks that are not done; the job. What all
threads write has a cache line of its own."""
FIELDS_OF_BOARD = JOB + LONGEST

TOGETHER = 8
"""Integers of a job that are copied to the board at once."""
GLANCES = 256
"""Looks at the board before others are let run."""
PATIENCE = 100 * GLANCES
"""Looks in vain after which a thread goes to sleep: some tenths of a millisecond."""


def write_board(module: ir.Module) -> None:
    """Write `run` and `work`."""
    pause = ir.Function(module, ir.FunctionType(ir.VoidType(), []), "llvm.x86.sse2.pause")
    helping = _help(module)
    _run(module, _one(module, helping, pause))
    _work(module, helping, pause)


def _load(f: Function, board: ir.Value, place: int) -> ir.Value:
    return f.load_atomic(f.at(board, place), "seq_cst", 8)


def _store(f: Function, board: ir.Value, place: int, value: ir.Value) -> None:
    f.store_atomic(value, f.at(board, place), "seq_cst", 8)


def _do(f: Function, job: ir.Value, task: ir.Value, scratch: ir.Value) -> None:
    """One task."""
    f.call_at(f.field(job, FUNCTION), [f.add(job, number(8 * TOLD)), task, scratch])


def _help(module: ir.Module) -> ir.Function:
    """`help(board, scratch)`: take tasks from the board until there are none."""
    f = Function(module, "help", 2)
    board, scratch = f.given
    take, do, end = (f.append_basic_block() for _ in range(3))
    f.branch(take)
    f.position_at_end(take)
    task = f.sub(f.atomic_rmw("sub", f.at(board, REMAINING), number(1), "seq_cst"), number(1))
    f.cbranch(f.icmp_signed(">=", task, number(0)), do, end)
    f.position_at_end(do)
    _do(f, f.add(board, number(8 * JOB)), task, scratch)
    f.atomic_rmw("sub", f.at(board, LEFT), number(1), "seq_cst")
    f.branch(take)
    f.position_at_end(end)
    return f.finished()


def _run(module: ir.Module, one: ir.Function) -> None:
    f = Function(module, "run", 1, exported=True)
    (stretch,) = f.given
    told = {place: f.field(stretch, place) for place in range(FIELDS_OF_STRETCH)}

    def element(field: int, i: ir.Value) -> ir.Value:
        return f.field(f.add(told[field], f.mul(i, number(8))), 0)

    def running(more: int) -> None:
        with f.if_then(f.icmp_signed("!=", told[BOARD], number(0))):
            f.atomic_rmw("add", f.at(told[BOARD], RUNNING), number(more), "seq_cst")

    with f.each(told[MOVING]) as i:
        pair = f.mul(i, number(2))
        begins, behind = element(BASES, element(BEHIND, pair)), element(BEHIND, f.add(pair, number(1)))
        f.store(f.add(begins, behind), f.at(element(PLACES, i)))
    running(1)
    with f.each(told[ROUNDS]):
        with f.each(told[COUNT]) as i:
            f.call(one, [element(JOBS, i), told[BOARD]])
        with f.each(told[ADVANCING]) as i:
            integer = f.at(element(INTEGERS, i))
            f.store(f.add(f.load(integer), element(STEPS, i)), integer)
    running(-1)
    f.ret_void()


def _one(module: ir.Module, helping: ir.Function, pause: ir.Function) -> ir.Function:
    """`one(job, board)`: do all tasks of a job."""
    f = Function(module, "one", 2)
    job, board = f.given
    tasks, scratch = f.field(job, TASKS), f.field(job, MEMORY)
    ask, alone, shared = (f.append_basic_block() for _ in range(3))
    wanted = f.and_(f.icmp_signed("!=", board, number(0)), f.icmp_signed("!=", f.field(job, SHARED), number(0)))
    f.cbranch(wanted, ask, alone)
    f.position_at_end(ask)
    owned = f.cmpxchg(f.at(board, OWNED), number(0), number(1), "seq_cst")
    f.cbranch(f.extract_value(owned, 1), shared, alone)

    f.position_at_end(alone)  # another thread runs a step of its own
    with f.each(tasks) as task:
        _do(f, job, task, scratch)
    f.ret_void()

    f.position_at_end(shared)
    several = ir.VectorType(INT, TOGETHER).as_pointer()
    for place in range(0, LONGEST, TOGETHER):
        source, target = (f.bitcast(f.at(x, at), several) for x, at in ((job, place), (board, JOB + place)))
        f.store(f.load(source, align=8), target, align=8)
    _store(f, board, LEFT, tasks)
    _store(f, board, REMAINING, tasks)
    f.call(helping, [board, scratch])
    _watch(f, board, pause, lambda looks: f.icmp_signed("<=", _load(f, board, LEFT), number(0)))
    _store(f, board, OWNED, number(0))
    return f.finished()


def _work(module: ir.Module, helping: ir.Function, pause: ir.Function) -> None:
    f = Function(module, "work", 2, exported=True)
    board, scratch = f.given
    f.atomic_rmw("add", f.at(board, AWAKE), number(1), "seq_cst")
    again, useful, asleep = (f.append_basic_block() for _ in range(3))
    f.branch(again)
    f.position_at_end(again)

    def enough(looks: ir.Value) -> ir.Value:
        there = f.icmp_signed(">", _load(f, board, REMAINING), number(0))
        nobody = f.icmp_signed("==", _load(f, board, RUNNING), number(0))
        return f.or_(there, f.and_(nobody, f.icmp_signed(">=", looks, number(PATIENCE))))

    patient = f.icmp_signed("<", _watch(f, board, pause, enough), number(PATIENCE))
    f.cbranch(f.or_(patient, f.icmp_signed("!=", _load(f, board, RUNNING), number(0))), useful, asleep)
    f.position_at_end(useful)
    f.call(helping, [board, scratch])
    f.branch(again)
    f.position_at_end(asleep)
    f.atomic_rmw("sub", f.at(board, AWAKE), number(1), "seq_cst")
    f.ret_void()


def _watch(f: Function, board: ir.Value, pause: ir.Function, enough: Callable[[ir.Value], ir.Value]) -> ir.Value:
    """Look until `enough(looks)`, and let other threads run now and then; how many looks it took."""
    before = f.block
    look, on, polite, last, end = (f.append_basic_block() for _ in range(5))
    f.branch(look)
    f.position_at_end(look)
    looks = f.phi(INT)
    looks.add_incoming(number(0), before)
    f.cbranch(enough(looks), end, on)
    f.position_at_end(on)
    f.call(pause, [])
    looks_now = f.add(looks, number(1))
    f.cbranch(f.icmp_signed("==", f.srem(looks_now, number(GLANCES)), number(0)), polite, last)
    f.position_at_end(polite)
    f.call(f.inttoptr(f.field(board, YIELD), ir.FunctionType(ir.IntType(32), []).as_pointer()), [])
    f.branch(last)
    f.position_at_end(last)
    looks.add_incoming(looks_now, last)
    f.branch(look)
    f.position_at_end(end)
    return looks
