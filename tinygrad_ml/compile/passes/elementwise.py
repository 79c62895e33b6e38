"""Which instructions compute each element of their result from the elements in the same place."""

from ...ops import elementwise as table
from ...ops.primitive import Primitive
from ..program import Instruction

ELEMENTWISE = frozenset(
    value.name for value in vars(table).values() if isinstance(value, Primitive) and value.name != "constant_in"
)
"""The names of the rows of the table of derivatives."""


def is_elementwise(instruction: Instruction) -> bool:
    """Whether it is a row of that table."""
    return instruction.op.name in ELEMENTWISE
