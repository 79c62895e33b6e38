"""Arrays that lie between pages of memory which nobody may touch: who reads or writes beside them is stopped by the system.

Linux only; for a test that runs in a process of its own.
"""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

PAGE = mmap.PAGESIZE
_system = ctypes.CDLL(None, use_errno=True)
_system.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_NOBODY = 0


def fenced(x: np.ndarray, end: bool) -> np.ndarray:
    """The numbers of x, of the same order in memory: the last one ends where such a page begins, or the first begins where one ends."""
    if x.ndim == 2 and not x.flags.c_contiguous and x.T.flags.c_contiguous:
        return fenced(x.T, end).T
    within = -(-x.nbytes // PAGE) * PAGE
    region = mmap.mmap(-1, within + 2 * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(region))
    for page in (start, start + PAGE + within):
        if _system.mprotect(page, PAGE, _NOBODY):
            raise OSError(ctypes.get_errno(), "mprotect")
    behind = PAGE + (within - x.nbytes if end else 0)
    found = np.frombuffer(region, x.dtype, x.size, behind).reshape(x.shape)
    found[...] = x
    return found
