"""Gradients: two ways to start the walk `graph.backpropagate`. Read `gradients.py`; `../derivatives.py` has what is built of it."""

from typing import TYPE_CHECKING

from ..spellings import missing_from
from .gradients import backward as backward
from .gradients import grad as grad

if not TYPE_CHECKING:  # to whom every name would be one of this module
    __getattr__ = missing_from(__name__, "autograd")
