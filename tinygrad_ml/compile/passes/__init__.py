"""What makes a program shorter, in the order in which it is done. Each pass is a function Program -> Program.

    dead      what nobody needs
    equal     what is computed twice
    algebra   what changes nothing, and what is known now
    long_rows the way back through convolutions

Then the program becomes kernels: `fusion.py` says which instructions run together, `buffers.py` where
results are put.
"""

from .algebra import algebra
from .dead import dead
from .equal import equal
from .long_rows import long_rows

PASSES = {"dead": dead, "algebra": algebra, "long_rows": long_rows, "equal": equal}
"""By name, in order. `tg.compile(function, without=("equal",))` leaves one out."""

__all__ = ["PASSES", "algebra", "dead", "equal", "long_rows"]
