"""Whether `verbose="auto"` draws a bar, as in a terminal, or writes a line for each epoch, as in a file of logs."""

from __future__ import annotations

_interactive = [True]


def enable_interactive_logging() -> None:
    """`verbose="auto"` draws a bar, as it does from the beginning."""
    _interactive[0] = True


def disable_interactive_logging() -> None:
    """`verbose="auto"` writes a line for each epoch."""
    _interactive[0] = False


def is_interactive_logging_enabled() -> bool:
    """Whether `verbose="auto"` draws a bar."""
    return _interactive[0]
