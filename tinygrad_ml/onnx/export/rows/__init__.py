"""The rows of the export, a family a file. Importing this package fills the table (`../table.py`)."""

from . import (
    activations,
    draws,
    elementwise,
    indexing,
    loops,
    matrices,
    movement,
    networks,
    recurrent,
    reductions,
    running,
    windows,
)

__all__ = [
    "activations",
    "draws",
    "elementwise",
    "indexing",
    "loops",
    "matrices",
    "movement",
    "networks",
    "recurrent",
    "reductions",
    "running",
    "windows",
]
