"""Running a program on the CPU: as a Python function of NumPy calls, written for it, that allocates nothing.

Read in this order: `functions.py` (the NumPy call for each operation), `layout.py` (where every value
lies), `source.py` (the function that is written), `executable.py` (what is called).
"""

from .executable import Executable, Memory

__all__ = ["Executable", "Memory"]
