"""Memory that arrays have let go of stays with the process, for the next ones.

Every operation of eager mode makes an array and soon lets go of it. By default the C library of Linux gives
large pieces back to the system at once, and is given them anew, page by page and each filled with zeros: for the arrays of
a small convolutional network that took as long as all of its arithmetic. Nothing here changes how much memory a program
needs at most, but for the rest of a large page.

Large pages have 2 megabytes, ordinary ones 4 kilobytes. A processor remembers where some thousand pages lie and has to look
others up, which takes longest on a virtual machine; a step of 784-500-500-10 with Adam goes through three thousand small ones.
"""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

import numpy

LARGEST_KEPT = 1 << 25
"""Bytes of an array up to which its memory is kept: as many as the C library allows. Larger ones go back to the system."""
MOST_KEPT = 1 << 28
"""Bytes of unused memory at the end of the heap from which on it goes back."""
PAGE_BYTES = 4096
"""What the C library adds to an array is less."""
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""The numbers of these options in <malloc.h>."""
CHOSEN_ELSEWHERE = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
"""Variables of the environment by which one says these things oneself."""


def keep_freed_memory() -> bool:
    """Ask the C library to keep what is freed; whether it does. Not asked is one that was told otherwise, or is not glibc."""
    if sys.platform != "linux" or any(name in os.environ for name in CHOSEN_ELSEWHERE):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    options = ((MMAP_THRESHOLD, LARGEST_KEPT), (TRIM_THRESHOLD, MOST_KEPT))
    kept = all(library.mallopt(option, value) for option, value in options)
    if kept:
        _ask_for_large_pages()
    return kept


def _ask_for_large_pages() -> None:
    """Let the heap be in large pages, as far as it is kept.

    NumPy asks for them where an array has 4 megabytes or more, and what it was told the system remembers of these addresses.
    So a few arrays that nobody writes to, for which there is no memory therefore, leave them so to all that come after them.
    """
    with suppress(MemoryError):  # a limit of addresses: then as far as it allows
        _ = [numpy.empty(LARGEST_KEPT - PAGE_BYTES, numpy.uint8) for _ in range(MOST_KEPT // LARGEST_KEPT - 1)]
