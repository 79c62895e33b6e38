"""Where a tensor comes from that needs no gradient, and has no graph: so that a picture of a network begins with the image
that it was given, and not with what its first layers made of it.

Nothing is kept alive by it but single numbers and masks. When what was given is gone, the tensor is a leaf like others.

Read before: `node.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy

from ..ops import Primitive
from ..state import Place
from .node import Node

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


def remember(node: Node, op: Primitive, inputs: tuple[Node, ...], params: dict[str, Any], scope: tuple) -> None:
    """Note on a leaf which operation it comes from."""
    before = tuple([e.origin or (ref(e) if e.shape and e.dtype.kind != "b" else e) for e in inputs])
    length = 1 + max([each.length for each in before if isinstance(each, Origin)], default=0)
    if length <= LONGEST_TRAIL:
        node.origin = Origin(op, before, params, scope, node.shape, node.dtype, node.number, length)
