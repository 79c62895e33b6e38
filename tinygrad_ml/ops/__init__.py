"""The primitives, by family. They are facts, and know nothing of tensors or graphs.

Read in this order: `primitive.py` (what an operation is), `elementwise.py` (the table of
derivatives), `reduce.py`, `movement.py`, `index.py`, `matmul.py`, `conv.py`.
"""

from . import conv, elementwise, index, matmul, movement, reduce
from .primitive import OUTPUT, PRIMITIVES, Plan, Primitive

__all__ = [
    "OUTPUT",
    "PRIMITIVES",
    "Plan",
    "Primitive",
    "conv",
    "elementwise",
    "index",
    "matmul",
    "movement",
    "reduce",
]
