"""What makes a program shorter, in the order in which it is done. Each pass is a function Program -> Program.

    dead            what nobody needs
    rolled at once  loops of Python of a long program, on a CPU: then all others look at one round
    algebra         what changes nothing, and what is known now
    one_hot         what is taken from rows by labels, as a comparison
    equal           what is computed twice
    rolled          loops of Python of shorter ones, and those of which the others make other ones; a GPU has loops laid out
                    (`laid_out.py`)
    tables          products of looked-up rows as rows of a product, where machine code runs it

Then the program becomes kernels, in `../schedule/`.
"""

from .algebra import algebra
from .dead import dead
from .equal import equal
from .one_hot import one_hot
from .rolled import AT_ONCE, ROLLED, rolled, rolled_at_once

PASSES = {"dead": dead, "algebra": algebra, "one_hot": one_hot, "equal": equal}
"""By name, in order, on all machines. `tg.compile(function, without=("equal",))` leaves one out."""

ROLLING = {"dead": dead, AT_ONCE: rolled_at_once, **PASSES, ROLLED: rolled}
"""The same where loops of Python are rolled up."""

__all__ = ["PASSES", "ROLLING", "algebra", "dead", "equal", "one_hot", "rolled"]
