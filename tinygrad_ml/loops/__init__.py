"""Loops that are recorded once: a body, and how often it is run.

Read in this order: `body.py`, `placeholders.py`, `tracing.py`, `primitive.py`, `totals.py`, `derivative.py`, `samples.py`,
`running.py`, `scan.py`.
"""

from .primitive import Scan
from .scan import scan

__all__ = ["Scan", "scan"]
