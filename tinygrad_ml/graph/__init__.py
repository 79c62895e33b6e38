"""The computation graph: nodes that know their inputs, the order to walk them in, and the walk back.

Read in this order: `node.py`, `walk.py`.
"""

from .node import Node, all_inputs, describe, differentiable_inputs, topological
from .walk import ZERO, backpropagate, fit

__all__ = [
    "ZERO",
    "Node",
    "all_inputs",
    "backpropagate",
    "describe",
    "differentiable_inputs",
    "fit",
    "topological",
]
