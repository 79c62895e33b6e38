"""Where a tensor comes from that needs no gradient, and has no graph: so that a picture of a network begins with the image
that it was given, and not with what its first layers made of it.

Nothing is kept alive by it but single numbers and masks. When what was given is gone, the tensor is a leaf like others.

Whatever opens scopes has it called for what is computed inside of them (`functional/composed.py`).

Read before: `graph/node.py`, `tensor/applying.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy

from .graph import Node
from .ops import Primitive
from .state import Place, modes
from .tensor import Tensor

LONGEST_TRAIL = 32
"""Operations in a row that are remembered: a module that adds to a sum in each step leaves no longer trail than that."""


@dataclass(eq=False, slots=True)
class Origin:
    """An operation that was applied, inside of the calls of `scope`, to inputs of which none needed a gradient.

    inputs  origins, nodes of single numbers and masks, and weak references to the nodes of other tensors
    number  of the leaf: when it was made
    length  of the longest row of operations that ends here
    """

    op: Primitive
    inputs: tuple[Origin | Node | ref[Node], ...]
    params: dict[str, Any]
    scope: tuple[Place, ...]
    shape: tuple[int, ...]
    dtype: numpy.dtype
    number: float
    length: int


def remember(op: Primitive, inputs: tuple[Tensor, ...], params: dict[str, Any], output: Tensor) -> None:
    """Note on the leaf that is the output which operation it comes from."""
    nodes = [tensor.node for tensor in inputs]  # which have lower numbers, as they are older
    before = tuple([e.origin or (ref(e) if e.shape and e.dtype.kind != "b" else e) for e in nodes])
    length = 1 + max([each.length for each in before if isinstance(each, Origin)], default=0)
    if length <= LONGEST_TRAIL:
        leaf = output.node
        leaf.origin = Origin(op, before, params, modes.scope, leaf.shape, leaf.dtype, leaf.number, length)
