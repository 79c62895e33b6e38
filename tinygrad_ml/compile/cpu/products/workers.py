"""The threads that help with jobs: as many as the library of NumPy's products has, one of them the caller's.

They are started when the first job is shared, sleep while no step runs, and are no more than helpers: a
process that was forked, or that is on its way out, does its jobs alone.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from functools import cache

import numpy

from .job import shape_for
from .native import Native, features
from .sharing import AWAKE, BOARD, OWNED, REMAINING, YIELD, write_sharing
from .tiles import write_product

__all__ = ["features", "product", "workers"]


SCRATCH = 1 << 17
"""Bytes of memory that a task may need: a panel of the widest tile."""


def aligned(nbytes: int) -> numpy.ndarray:
    """So many bytes of 0, from the beginning of a cache line on."""
    whole = numpy.zeros(nbytes + 64, numpy.uint8)
    start = -whole.ctypes.data % 64
    return whole[start : start + nbytes]


def _yield_address() -> int:
    """Where the function of the system begins that lets other threads run."""
    function = ctypes.windll.kernel32.SwitchToThread if sys.platform == "win32" else ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value


class Workers:
    """The board, and the threads that work at it."""

    def __init__(self):
        self._native = native = Native("sharing", write_sharing)
        self.run = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(native.address("run"))
        self._work = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 2)(native.address("work"))
        self._board = aligned(8 * BOARD).view(numpy.int64)
        self.board = self._board.ctypes.data
        self._board[YIELD] = _yield_address()
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Nobody works at the board."""
        self._board[[AWAKE, OWNED, REMAINING]] = 0
        self._threads: list[threading.Thread] = []
        self._called = threading.Event()

    def wake(self, helpers: int) -> None:
        """See that so many threads look at the board for a while."""
        if self._board[AWAKE] < helpers:
            while len(self._threads) < helpers:
                name = f"tinygrad_ml products {len(self._threads) + 1}"
                thread = threading.Thread(target=self._live, args=(self._called,), name=name, daemon=True)
                self._threads.append(thread)
                thread.start()
            self._called.set()

    def _live(self, called: threading.Event) -> None:
        scratch = aligned(SCRATCH)
        while True:
            called.wait()
            called.clear()
            self._work(self.board, scratch.ctypes.data)


@cache
def workers() -> Workers:
    """Those of this process."""
    return Workers()


@cache
def _product(register: int, itemsize: int) -> Native:
    return Native("product", write_product, shape_for(register, itemsize), itemsize)


def product(register: int, itemsize: int) -> int:
    """The address of the function that does a task of a product, of numbers of so many bytes."""
    return _product(register, itemsize).address("product")
