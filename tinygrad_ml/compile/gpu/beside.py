"""Kernels that have nothing to do with each other, as one launch: each has some of the blocks.

In a graph whose kernels wait for each other a small kernel costs what its launch costs, whatever it computes. So it runs
together with small ones that came before, if it needs nothing of what came since; if it does, it waits for others until
something needs it (`in_turns`). Those that run together become one launch (`beside`). Equal kernels have a way of their own, `grouped.py`, for hundreds of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...ops.shapes import size
from ..schedule.kernel import Kernel
from .launch import ARGUMENT_POINTERS, Launch, by_blocks, launch, parameters

FULL_PROCESSOR_THREADS = 1 << 18
"""Threads of a kernel that waits for others, and of a launch: more than that, and the processor is full."""
SHARED_BYTES = 32 << 10
"""Bytes that the threads of a block may share; there are 48 KB without asking for more."""


def in_turns(kernels: Iterable[Kernel]) -> list[list[Kernel]]:
    """The kernels, those together that may run at the same time. Each comes after those here that it needs, if they do."""
    kernels = list(kernels)
    turns, here = _Turns(), set(kernels)
    for kernel in kernels:
        turns.add(kernel, kernel.needs & here)
    turns.close()
    return turns.all


class _Turns:
    """Turns that are made, and a last one for which others are waited for.

    all  kernels by turn
    """

    def __init__(self):
        self.all: list[list[Kernel]] = []
        self._number: dict[Kernel, int] = {}  # of the turn
        self._room: dict[int, int] = {}  # turn of small kernels -> threads that may come to it
        self._waiting: list[Kernel] = []
        self._left = FULL_PROCESSOR_THREADS  # threads that may come to them
        self._views: list[Kernel] = []  # of what those will make

    def add(self, kernel: Kernel, needs: set[Kernel]) -> None:
        """Into a turn after those that it needs; none that came before needs it."""
        if any(needed not in self._number for needed in needs):
            if kernel.kind == "single" and kernel.instructions[0].op.kind == "view":
                self._views.append(kernel)
                return
            self.close()
        threads = _threads(kernel)
        if kernel.kind != "loop" or not kernel.outputs or threads > FULL_PROCESSOR_THREADS:
            self._make([kernel])
            return
        first = max((self._number[needed] for needed in needs), default=-1) + 1
        for turn in reversed(self._room):
            if turn < first:
                break
            if threads <= self._room[turn]:
                self._room[turn] -= threads
                self._number[kernel] = turn
                self.all[turn].append(kernel)
                return
        if threads > self._left:
            self.close()
        self._waiting.append(kernel)
        self._left -= threads

    def close(self) -> None:
        """Let those run that have waited."""
        if self._waiting:
            self._room[len(self.all)] = self._left
            self._make(self._waiting)
        for view in self._views:
            self._make([view])
        self._waiting, self._views, self._left = [], [], FULL_PROCESSOR_THREADS

    def _make(self, kernels: list[Kernel]) -> None:
        self._number |= dict.fromkeys(kernels, len(self.all))
        self.all.append(kernels)


def _threads(kernel: Kernel) -> int:
    """About how many it has: one for each element, or for eight that are added up."""
    return size(kernel.shape) // 8 if kernel.axes else size(kernel.shape)


def beside(launches: Iterable[Launch]) -> list[Launch]:
    """The same in as few launches as may be, of launches that do not need each other, in the same order or any."""
    found: list[list[Launch]] = []
    for one in launches:
        if found and _fit([*found[-1], one]):
            found[-1].append(one)
        else:
            found.append([one])
    return [_as_one(those) if len(those) > 1 else those[0] for those in found]


def _fit(launches: Sequence[Launch]) -> bool:
    threads = sum(one.grid[0] for one in launches) * max(one.block[0] for one in launches)
    return (
        all(one.lines for one in launches)
        and threads <= FULL_PROCESSOR_THREADS
        and sum(one.shared for one in launches) <= SHARED_BYTES
        and len({value for one in launches for value in one.arguments}) <= ARGUMENT_POINTERS
    )


def _as_one(launches: Sequence[Launch]) -> Launch:
    threads = max(one.block[0] for one in launches)
    parts = []
    for one in launches:
        few = [f"if (threadIdx.x >= {one.block[0]}) return;"] * (one.block[0] < threads)
        parts.append((one.grid[0], [*few, *one.lines]))
    blocks, shared = sum(one.grid[0] for one in launches), sum(one.shared for one in launches)
    reads = [value for one in launches for value in one.reads]
    given = parameters(reads, [value for one in launches for value in one.writes])
    words, remark = " ".join(one.words for one in launches), f"{len(launches)} kernels beside each other"
    return launch(f"together {words}", remark, by_blocks(parts), given, (blocks,), threads, shared=shared)
