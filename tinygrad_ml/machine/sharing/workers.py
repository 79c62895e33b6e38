"""The threads that help with jobs: as many as the library of NumPy's products has, one of them the caller's.

They are started when the first job is shared, and sleep when there has been no other for a moment, so that threads of
NumPy find the cores free. They are no more than helpers: a process that was forked, or is on its way out, does its
jobs alone.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from functools import cache, partial

import numpy

from ..llvm.native import native
from .board import AWAKE, FIELDS_OF_BOARD, OWNED, REMAINING, RUNNING, YIELD, write_board
from .job import MOST_SCRATCH, address
from .stretch import BOARD, Stretch


def aligned(nbytes: int) -> numpy.ndarray:
    """So many bytes of 0, from the beginning of a cache line on."""
    whole = numpy.zeros(nbytes + 64, numpy.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + nbytes]


def _yield_address() -> int:
    """Where the function of the system begins that lets other threads run."""
    function = ctypes.windll.kernel32.SwitchToThread if sys.platform == "win32" else ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0


class Workers:
    """The board, and the threads that work at it."""

    def __init__(self):
        code = native("board", write_board)
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_int64)(code.address("run"))
        self._work = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 2)(code.address("work"))
        self._board = aligned(8 * FIELDS_OF_BOARD).view(numpy.int64)
        self._board[YIELD] = _yield_address()
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Nobody works at the board."""
        self._board[[AWAKE, OWNED, REMAINING, RUNNING]] = 0
        self._threads: list[threading.Thread] = []
        self._called = threading.Event()

    def runner(self, stretch: Stretch, helpers: int) -> Callable[[], object]:
        """What does the jobs of a stretch, with so many others' help. It does not hold the stretch."""
        stretch.make_known()
        board, row = self._board, stretch.row
        row[BOARD] = address(board) if helpers else 0
        run = partial(self._run, address(row))
        if not helpers:
            return run

        def together() -> None:
            if board[AWAKE] < helpers:
                self._wake(helpers)
            run()

        return together

    def _wake(self, helpers: int) -> None:
        """See that so many threads look at the board for a while."""
        while len(self._threads) < helpers:
            name = f"tinygrad_ml step {len(self._threads) + 1}"
            thread = threading.Thread(target=self._live, args=(self._called,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._called.set()

    def _live(self, called: threading.Event) -> None:
        scratch = aligned(MOST_SCRATCH)
        while True:
            called.wait()
            called.clear()
            self._work(address(self._board), address(scratch))


@cache
def workers() -> Workers:
    """Those of this process."""
    return Workers()
