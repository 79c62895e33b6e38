"""Gradients: two ways to start the walk `graph.backpropagate`. Read `gradients.py`; `../derivatives.py` has what is built of it."""

from .gradients import backward, grad

__all__ = ["backward", "grad"]
