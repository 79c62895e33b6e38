"""Derivatives to any order: everything here is a use of one walk, `graph.backpropagate`.

Read in this order: `gradients.py`, `derivatives.py`.
"""

from ..modes import enable_grad, no_grad
from .derivatives import hessian, hvp, jacobian, jvp, vjp
from .gradients import backward, grad

__all__ = [
    "backward",
    "enable_grad",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "vjp",
]
