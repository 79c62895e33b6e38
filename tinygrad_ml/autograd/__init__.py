"""Gradients: two ways to start the walk `graph.backpropagate`. Read `gradients.py`; `../derivatives.py` has what is built of it."""

from .gradients import backward as backward
from .gradients import grad as grad
