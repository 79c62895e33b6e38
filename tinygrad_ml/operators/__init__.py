"""What Python's symbols do to tensors: arithmetic, comparison, and `+=`.

Read `arithmetic.py` first; `operands.py` and `becoming.py` are what it asks.
"""

from .arithmetic import Operators
from .becoming import become
from .operands import comparable, constants, operand

__all__ = ["Operators", "become", "comparable", "constants", "operand"]
