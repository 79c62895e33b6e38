"""What Python's symbols do to tensors: arithmetic, comparison, brackets, and `+=`.

Read `arithmetic.py` first; `operands.py` and `brackets.py` are what it asks.
"""

from .arithmetic import Operators
from .operands import comparable, constants, operand

__all__ = ["Operators", "comparable", "constants", "operand"]
