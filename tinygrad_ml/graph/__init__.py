"""The computation graph: nodes that know their inputs, the order to walk them in, and the walk back.

Read in this order: `node.py`, `chain_rule.py`, `walk.py`, `origin.py`.
"""

from .chain_rule import chain_rule
from .node import Node, describe, differentiable_inputs, topological
from .origin import Origin, remember
from .walk import ZERO, backpropagate

__all__ = [
    "ZERO",
    "Node",
    "Origin",
    "backpropagate",
    "chain_rule",
    "describe",
    "differentiable_inputs",
    "remember",
    "topological",
]
