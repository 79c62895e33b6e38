"""The memory in which a program works, besides what it is given and hands out.

Read next: `executable.py`.
"""

from __future__ import annotations

import numpy


class StepMemory:
    """The planned memory of a step, which all of its programs share: only one of them runs at a time."""

    def __init__(self):
        self.array = numpy.empty(0, numpy.uint8)

    def of(self, nbytes: int) -> numpy.ndarray:
        """At least so many bytes, aligned to a cache line."""
        if self.array.size < nbytes:
            whole = numpy.empty(nbytes + 64, numpy.uint8)
            start = -whole.ctypes.data % 64
            self.array = whole[start : start + nbytes]
        return self.array
