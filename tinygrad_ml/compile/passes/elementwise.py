"""Which instructions compute each element of their result from the elements in the same place."""

from ..program import Instruction


def is_elementwise(instruction: Instruction) -> bool:
    """Whether it is such a one: a row of the table of derivatives, or an operation of a user's own that is made like these."""
    return getattr(instruction.op, "kind", "") == "elementwise"
