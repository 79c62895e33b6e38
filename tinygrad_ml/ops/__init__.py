"""The primitives, by family. They are facts, and know nothing of tensors or graphs.

Read in this order: `primitive.py` (what an operation is), `elementwise.py` (the table of derivatives), `reduce.py`,
`movement.py`, `index.py`, `matmul.py`.
"""

from types import ModuleType

from . import elementwise, index, matmul, movement, reduce
from .plan import OUTPUT as OUTPUT
from .plan import Plan as Plan
from .primitive import Primitive as Primitive
from .primitive import View as View

FAMILIES: list[ModuleType] = []
"""The files whose operations are in the table; other rooms enter theirs when they are opened."""
PRIMITIVES: dict[str, Primitive] = {}
"""The operations of the library by name, for tests and tools. What is made elsewhere is known by itself, not by a name."""


def enter(*families: ModuleType) -> None:
    """Put all operations that these files define into the table of the library's."""
    for family in families:
        FAMILIES.append(family)
        PRIMITIVES.update((op.name, op) for op in vars(family).values() if isinstance(op, Primitive))


enter(elementwise, reduce, movement, index, matmul)
