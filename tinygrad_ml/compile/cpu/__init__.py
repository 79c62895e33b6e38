"""Running a program on the CPU: as a Python function, written for it, that allocates nothing.

Its lines are calls of loops and matrix products that were compiled to machine code, and of NumPy. Read in this order:
`loops.py` and `walks.py` (a fused kernel as a loop), `places.py` (how it finds its elements), `../../machine/` (how it is
compiled, and how threads share it), `moves.py` and `gathers.py` (loops that move numbers, by views and by indices),
`looks.py` (one that looks for mistakes), `few_products.py` (products of a few numbers, as loops), `scans.py` (running totals), what is
found in a program and becomes one operation: `convolutions.py`, `pooling.py`, `edges.py`, `both_ways.py`; `functions.py` (the NumPy
call for each operation), `layout.py` (where every value lies, and what runs each operation that stands alone), `source.py` and
`lines.py` (the function that is written), `keepers.py` (arrays that are others in each call, and memory), `stretches.py` (what of it is
one call), `rounds.py` (that of one round of a loop), `executable.py` (what is called).
"""

from .executable import Executable, StepMemory

__all__ = ["Executable", "StepMemory"]
