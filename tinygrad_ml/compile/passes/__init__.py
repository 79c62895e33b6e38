"""What makes a program shorter, in the order in which it is done. Each pass is a function Program -> Program.

    dead      what nobody needs
    algebra   what changes nothing, and what is known now
    one_hot   what is taken from rows by labels, as a comparison
    equal     what is computed twice
    rolled    loops of Python as loops, on a CPU; a GPU has loops laid out (`laid_out.py`)
    tables    products of looked-up rows as rows of a product, where machine code runs it

Then the program becomes kernels, in `../schedule/`.
"""

from .algebra import algebra
from .dead import dead
from .equal import equal
from .one_hot import one_hot
from .rolled import rolled

PASSES = {"dead": dead, "algebra": algebra, "one_hot": one_hot, "equal": equal}
"""By name, in order, on all machines. `tg.compile(function, without=("equal",))` leaves one out."""

__all__ = ["PASSES", "algebra", "dead", "equal", "one_hot", "rolled"]
