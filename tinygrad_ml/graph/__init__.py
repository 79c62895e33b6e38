"""The computation graph: nodes that know their inputs, the order to walk them in, and the walk back.

Read in this order: `node.py`, `chain_rule.py`, `walk.py`.
"""

from .chain_rule import chain_rule as chain_rule
from .node import Node as Node
from .node import describe as describe
from .node import differentiable_inputs as differentiable_inputs
from .node import topological as topological
from .walk import ZERO as ZERO
from .walk import backpropagate as backpropagate
