"""What Python's symbols do to tensors: arithmetic, comparison, and `+=`.

Read `arithmetic.py` first; `operands.py` and `becoming.py` are what it asks.
"""

from .arithmetic import Operators as Operators
from .becoming import become as become
from .operands import comparable as comparable
from .operands import constants as constants
from .operands import operand as operand
