"""Functions of Python as tasks: for those of NumPy's that let go of Python's lock, and take long.

Read before: `calling.py`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from .calling import runner, threads
from .job import SHARED, job_row
from .stretch import Stretch

_TASK = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)


def each(count: int, task: Callable[[int], object]) -> None:
    """Do `task(i)` for each i below `count`, in any order, each in whichever thread; the first error is raised when all are done."""
    several = min(threads(), count)
    if several < 2:
        for i in range(count):
            task(i)
        return
    errors: list[BaseException] = []

    def one(told: int, i: int, scratch: int) -> None:
        try:
            task(i)
        except BaseException as error:
            errors.append(error)

    code = _TASK(one)
    job = job_row(ctypes.cast(code, ctypes.c_void_p).value or 0, count, [])
    job[SHARED] = True
    stretch = Stretch([job])
    runner(stretch, several)()
    if errors:
        raise errors[0]
