"""Running a program on the CPU: as a Python function, written for it, that allocates nothing.

Its lines are calls of loops that were compiled to machine code, and of NumPy. Read in this order: `loops.py` (a fused
kernel as a loop), `machine_code.py` and `mathematics.py` (how that is compiled), `moves.py` (loops that move numbers),
`products/` (matrix products), `functions.py` (the NumPy call for each operation), `layout.py` (where every value
lies), `source.py` (the function that is written), `executable.py` (what is called).
"""

from .executable import Executable, Memory

__all__ = ["Executable", "Memory"]
