"""What Python's symbols do to tensors: arithmetic and comparison. Read `arithmetic.py` first; it asks `operands.py`."""

from .arithmetic import Operator as Operator
from .arithmetic import Operators as Operators
from .arithmetic import general as general
from .operands import comparable as comparable
from .operands import constants as constants
from .operands import operand as operand
