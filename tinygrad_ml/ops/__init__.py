"""The primitives, by family. They are facts, and know nothing of tensors or graphs.

Read in this order: `primitive.py` (what an operation is), `scalar.py` (one number of it), `elementwise.py` (the table of
derivatives), `reduce.py`, `movement.py`, `index.py`, `matmul.py`,
`decompositions.py`, `conv.py`.
"""

from . import conv, decompositions, elementwise, index, matmul, movement, reduce
from .plan import OUTPUT, Plan
from .primitive import Primitive, View

PRIMITIVES = {
    op.name: op
    for family in (elementwise, reduce, movement, index, matmul, decompositions, conv)
    for op in vars(family).values()
    if isinstance(op, Primitive)
}
"""The operations of the library by name, for tests and tools. What is made elsewhere is known by itself, not by a name."""

__all__ = [
    "OUTPUT",
    "PRIMITIVES",
    "Plan",
    "Primitive",
    "View",
    "conv",
    "decompositions",
    "elementwise",
    "index",
    "matmul",
    "movement",
    "reduce",
]
