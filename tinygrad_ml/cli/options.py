"""The numbers that options of the command line are given.

Read next: `train.py`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any


def count(text: str) -> int:
    """1, 2, 3, ..."""
    return _number(text, int, "an integer of 1 or more", lambda number: number >= 1)


def seed(text: str) -> int:
    """0, 1, 2, ..."""
    return _number(text, int, "an integer of 0 or more", lambda number: number >= 0)


def rate(text: str) -> float:
    """A number above 0."""
    return _number(text, float, "a number above 0", lambda number: 0 < number < math.inf)


def temperature(text: str) -> float:
    """A number of 0 or more."""
    return _number(text, float, "a number of 0 or more", lambda number: 0 <= number < math.inf)


def fraction(text: str) -> float:
    """A number above 0 that is 1 at most."""
    return _number(text, float, "a number above 0 and at most 1", lambda number: 0 < number <= 1)


def _number(text: str, kind: type, expected: str, fits: Callable[[Any], bool]) -> Any:
    """The number that an option was given as `text`, or argparse's error."""
    try:
        number = kind(text)
    except ValueError:
        number = None
    if number is None or not fits(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
    return number
