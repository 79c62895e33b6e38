"""Kernels that have nothing to do with each other, as one launch: each has some of the blocks.

In a graph whose kernels wait for each other a small kernel costs what its launch costs, whatever it computes. So a kernel
that nothing needs yet waits, until one like it runs or something needs it (`in_turns`); those that have waited
together become one launch (`beside`). Equal kernels have a way of their own, `grouped.py`, for hundreds of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...ops.shapes import size
from ..passes.fusion import Kernel
from ..program import VIEWS, Value
from .launch import BLOCK, POINTERS, Launch, Piece, launch

SMALL = 1 << 18
"""Elements of a kernel that waits for others, and threads of a launch: more than that, and the processor is full."""
SHARED = 32 << 10
"""Bytes that the threads of a block may share; there are 48 KB without asking for more."""


def in_turns(kernels: Iterable[Kernel]) -> list[list[Kernel]]:
    """The kernels, those together that may run at the same time. Each comes after all that it needs, if they are in order."""
    turns: list[list[Kernel]] = []
    together: list[Kernel] = []
    views: list[Kernel] = []  # of what those make
    waiting: set[Kernel] = set()

    def run() -> None:
        turns.extend([together[:]] if together else [])
        turns.extend([view] for view in views)
        for those in (together, views, waiting):
            those.clear()

    for kernel in kernels:
        needed = not waiting.isdisjoint(kernel.needs)
        if needed and kernel.kind == "single" and kernel.instructions[0].op.name in VIEWS:
            views.append(kernel)
            waiting.add(kernel)
            continue
        if needed:
            run()
        if kernel.kind == "loop" and kernel.outputs and size(kernel.shape) <= SMALL:
            together.append(kernel)
            waiting.add(kernel)
        else:
            turns.append([kernel])
    run()
    return turns


def beside(launches: Iterable[Launch]) -> list[Launch]:
    """The same in as few launches as may be, of launches that do not need each other, in the same order or any."""
    made: list[Launch] = []
    waiting: list[Launch] = []
    for one in launches:
        if waiting and not _fit([*waiting, one]):
            made.append(_as_one(waiting))
            waiting = []
        waiting.append(one)
    return [*made, _as_one(waiting)] if waiting else made


def _fit(launches: Sequence[Launch]) -> bool:
    pieces = [one.piece for one in launches]
    if None in pieces:
        return False
    threads = sum(piece.blocks for piece in pieces) * max(piece.threads for piece in pieces)
    return (
        threads <= SMALL
        and sum(piece.shared for piece in pieces) <= SHARED
        and len({value for piece in pieces for value in (*piece.reads, *piece.writes)}) <= POINTERS
    )


def _as_one(launches: Sequence[Launch]) -> Launch:
    if len(launches) == 1:
        return launches[0]
    pieces = [one.piece for one in launches]
    threads, begin, lines = max(piece.threads for piece in pieces), 0, []
    for place, piece in enumerate(pieces):
        lines.append(_head(piece, begin, first=place == 0, last=piece is pieces[-1]))
        if piece.threads < threads:
            lines.append(f"    if (threadIdx.x >= {piece.threads}) return;")
        number = f"(blockIdx.x - {begin})" if begin else "blockIdx.x"
        lines += [f"    {line.replace(BLOCK, number)}" for line in piece.lines]
        begin += piece.blocks
    writes = _each_once(value for piece in pieces for value in piece.writes)
    reads = _each_once(value for piece in pieces for value in piece.reads)
    return launch(
        f"together {' '.join(piece.words for piece in pieces)}",
        f"{len(pieces)} kernels beside each other",
        [*lines, "}"],
        reads,
        writes,
        (begin,),
        threads,
        shared=sum(piece.shared for piece in pieces),
    )


def _head(piece: Piece, begin: int, first: bool, last: bool) -> str:
    condition = "" if last else f"if (blockIdx.x < {begin + piece.blocks}) "
    return f"{'' if first else '} else '}{condition}{{"


def _each_once(values: Iterable[Value]) -> list[Value]:
    return list(dict.fromkeys(values))
