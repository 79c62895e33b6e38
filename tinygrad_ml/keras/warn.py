"""Warnings at the line of the program that they are about, however deep in here they arise."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

_HERE = str(Path(__file__).parents[1])


def warn(message: str, kind: type[Warning] = UserWarning) -> None:
    """Warn, at the line that has called this library."""
    level, frame = 1, sys._getframe(0)
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, kind, stacklevel=level)
