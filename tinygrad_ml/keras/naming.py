"""Names of layers, losses and the like that were given none, made of their classes'."""

from __future__ import annotations

import re
from collections import Counter

_counts: Counter[str] = Counter()


def snake_case(name: str) -> str:
    """`MaxPooling2D` -> `max_pooling2d`, as Keras names things after their class."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(kind: type) -> str:
    """dense, dense_1, dense_2, ...: the name of the next thing of a kind that was given none."""
    return numbered(snake_case(kind.__name__))


def numbered(name: str) -> str:
    """name, name_1, name_2, ...: the next one of this name."""
    _counts[name] += 1
    number = _counts[name] - 1
    return f"{name}_{number}" if number else name


def clear_session(free_memory: bool = True) -> None:
    """Count names from the beginning again. (`free_memory` changes nothing: what nobody holds is freed at once.)"""
    _counts.clear()
