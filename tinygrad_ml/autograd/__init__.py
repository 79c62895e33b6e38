"""Gradients: two ways to start the walk `graph.backpropagate`. Read `gradients.py`; `../derivatives.py` has what is built of it."""

from ..modes import enable_grad, no_grad
from .gradients import backward, grad

__all__ = ["backward", "enable_grad", "grad", "no_grad"]
